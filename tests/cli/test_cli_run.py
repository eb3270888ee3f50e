"""What `pexen run` shows of a run."""

from __future__ import annotations

import os
import re
import sys

import pytest

SUITE = """
    from pexen import task
    from pexen.sched import TaskSkip

    @task(provides=["disk"])
    def a_disk(): pass

    @task(requires=["disk"], provides=["fs"], claims=["disk"])
    def b_format():
        raise ValueError("bad superblock\\nat 0")

    @task(requires=["fs"])
    def c_mount(): pass

    @task(after=["fs"])
    def d_skip():
        raise TaskSkip("no such hardware")
"""


def test_a_run_is_a_line_per_task_then_failures_then_a_summary(cli):
    cli.write("suite.py", SUITE)
    cli.script("""
        $ pexen run -j 1 suite
        ok        suite/a_disk  N s
        failed    suite/b_format  N s  ValueError: bad superblock
        blocked   suite/c_mount  requires 'fs', but 'suite/b_format' ended failed
        skipped   suite/d_skip  N s  no such hardware

        == failed: suite/b_format
        Traceback (most recent call last):
          File "FOLDER/suite.py", line 9, in b_format
            raise ValueError("bad superblock\\nat 0")
        ValueError: bad superblock
        at 0
        -- again: pexen run suite --only suite/b_format

        4 tasks: 1 ok, 1 skipped, 1 failed, 1 blocked  in N s
        1 locks still held at exit, left by 'suite/b_format'
        [1]
    """)


@pytest.mark.parametrize("how", ["--threads", "--processes", "--start-method=spawn"])
def test_threads_and_processes_show_the_same(cli, how):
    cli.write("suite.py", SUITE)
    cli.script(f"""
        $ pexen run -j 1 {how} suite
        ok        suite/a_disk  N s
        failed    suite/b_format  N s  ValueError: bad superblock
        blocked   suite/c_mount  requires 'fs', but 'suite/b_format' ended failed
        skipped   suite/d_skip  N s  no such hardware

        == failed: suite/b_format
        Traceback (most recent call last):
        ...
        4 tasks: 1 ok, 1 skipped, 1 failed, 1 blocked  in N s
        1 locks still held at exit, left by 'suite/b_format'
        [1]
    """)


def test_a_line_comes_when_its_task_has_ended_and_not_later(cli):
    cli.write("suite.py", """
        import os
        from pexen import task
        @task(provides=["first"])
        def first(): pass
        @task(requires=["first"])
        def second(): open("fifo").read()
    """)
    fifo = cli.folder / "fifo"
    os.mkfifo(fifo)
    process = cli.start("run", "-j1", "suite")
    assert process.stdout.readline().startswith("ok        suite/first")
    fifo.write_text("go on")  # the second task waits for this
    out, _ = process.communicate()
    assert out.startswith("ok        suite/second")
    assert process.returncode == 0


IMPATIENT = """
from pexen.cli import main
from pexen.report import still
still.FIRST = 0.01
raise SystemExit(main())
"""


@pytest.mark.parametrize("how", [[], ["--threads"], ["-s"], ["--jsonl=-"]])
def test_without_a_terminal_a_task_that_hangs_is_named_while_it_does(cli, how):
    cli.write("suite.py", """
        from pexen import task
        @task
        def hangs(): open("fifo").read()
    """)
    fifo = cli.folder / "fifo"
    os.mkfifo(fifo)
    command = (sys.executable, "-c", IMPATIENT)
    process = cli.start("run", *how, "suite", command=command)
    found = next(line for line in process.stdout if "still running" in line)
    assert re.fullmatch(r"no task has ended for \d s; still running: suite/hangs .\d s.\n", found)
    fifo.write_text("go on")
    process.communicate()
    assert process.returncode == 0


def test_what_a_task_prints_is_shown_if_it_fails_and_at_once_with_s(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): print("hello from a")
        @task(requires=["a"])
        def b(): print("hello from b"); 1 / 0
    """)
    cli.script("""
        $ pexen run -j1 suite
        ok        suite/a  N s
        failed    suite/b  N s  ZeroDivisionError: division by zero

        == failed: suite/b
        Traceback (most recent call last):
        ...
        ZeroDivisionError: division by zero
        -- printed
        hello from b
        -- again: pexen run suite --only suite/b

        2 tasks: 1 ok, 1 failed  in N s
        [1]
        $ pexen run -s -j1 suite
        hello from a
        ok        suite/a  N s
        hello from b
        failed    suite/b  N s  ZeroDivisionError: division by zero
        ...
        -- again: pexen run suite --only suite/b

        2 tasks: 1 ok, 1 failed  in N s
        [1]
    """)


def test_a_task_that_crashes_takes_nothing_along(cli):
    cli.write("suite.py", """
        import os, signal
        from pexen import task
        @task(provides=["x"])
        def a(): os.kill(os.getpid(), signal.SIGSEGV)
        @task(requires=["x"])
        def b(): pass
        @task
        def c(): pass
    """)
    cli.script("""
        $ pexen run -j1 suite
        lost      suite/a  N s  process-1 (pid N) was ended by signal SIGSEGV
        blocked   suite/b  requires 'x', but 'suite/a' ended lost
        ok        suite/c  N s

        == lost: suite/a
        process-1 (pid N) was ended by signal SIGSEGV
        what its worker was doing:
        Fatal Python error: Segmentation fault

        ...
          File "FOLDER/suite.py", line 4 in a
        -- again: pexen run suite --only suite/a

        3 tasks: 1 ok, 1 lost, 1 blocked  in N s
        [1]
    """)


def test_a_task_that_exits_fails_alone(cli):
    cli.write("suite.py", """
        import sys
        from pexen import task
        @task
        def a(): sys.exit("no more")
        @task
        def b(): pass
    """)
    cli.script("""
        $ pexen run -j1 suite
        failed    suite/a  N s  SystemExit: no more
        ok        suite/b  N s
        ...
        [1]
    """)


def test_a_timeout_says_so(cli):
    cli.write("suite.py", """
        import signal
        from pexen import task
        @task(timeout=0.05)
        def hangs(): signal.pause()
    """)
    out, _, status = cli.run("run", "suite")
    assert out.startswith("timeout   suite/hangs  0.")
    assert "timed out after" in out.splitlines()[0]
    assert "1 task: 1 timeout  in" in out
    assert status == 1


def test_retries_are_counted(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(retries=2)
        def a(): raise RuntimeError("again")
    """)
    cli.script("""
        $ pexen run suite
        failed    suite/a  N s  3 attempts  RuntimeError: again
        ...
        [1]
    """)


def test_a_controlled_failure_is_told_in_its_own_words(cli):
    cli.write("suite.py", """
        from pexen import task
        from pexen.sched import TaskFailError
        @task(provides=["x"])
        def a(): raise TaskFailError("two of three")
        @task(requires=["x"])
        def b(): pass
    """)
    cli.script("""
        $ pexen run -j1 suite
        failed    suite/a  N s  two of three
        ok        suite/b  N s
        ...
        2 tasks: 1 ok, 1 failed  in N s
        [1]
    """)


def test_an_exception_that_cannot_be_shown_is_still_shown(cli):
    cli.write("suite.py", """
        from pexen import task
        class Odd(Exception):
            def __str__(self): raise RuntimeError("no text")
        @task
        def a(): raise Odd()
    """)
    for how in "--threads", "--processes":
        out, err, status = cli.run("run", how, "suite")
        assert "Odd" in out.splitlines()[0] and "1 task: 1 failed" in out
        assert (err, status) == ("", 1)


def test_a_return_value_with_other_results_is_no_list_of_tests(cli):
    cli.write("suite.py", """
        from types import SimpleNamespace
        from pexen import task
        @task
        def a(): return SimpleNamespace(results=[1, 2, 3])
        @task
        def b(): return SimpleNamespace(results="abc")
    """)
    cli.script("""
        $ pexen run -j1 suite
        ok        suite/a  N s
        ok        suite/b  N s

        2 tasks: 2 ok  in N s
    """)


def test_resources_are_what_the_command_says(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(resources={"gpu": 2})
        def a(): pass
    """)
    cli.script("""
        $ pexen run --resource gpu=2 --resource cpu=1.5 suite
        ok        suite/a  N s

        1 task: 1 ok  in N s
    """)
    out, err, status = cli.run("run", "--resource", "gpu=1", "suite")
    assert (out, status) == ("", 2)
    assert err.startswith("pexen: error: task 'suite/a' can never run")


def test_warnings_of_the_scheduler_are_one_line(cli):
    cli.write("suite.py", "from pexen import task\n@task(provides=['x'])\ndef a(): pass")
    cli.script("""
        $ pexen run suite
        pexen: warning: Dep 'x' provided by 'suite/a', but not required by any task
        ok        suite/a  N s

        1 task: 1 ok  in N s
        $ PYTHONWARNINGS=error pexen run suite
        pexen: warning: Dep 'x' provided by 'suite/a', but not required by any task
        ...
    """)
