"""Ends that come from outside: Ctrl-C, and a stdout that nobody reads."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

GOES_ON = "interrupted; 'pexen run --resume' goes on with it"

PEXEN = (sys.executable, "-m", "pexen")
IGNORING_SIGINT = ("sh", "-c", 'trap "" INT; exec "$@"', "sh", *PEXEN)

WAITS = """
    import threading
    from pexen import task
    @task(provides=["w"])
    def a_waits():
        print("ready", flush=True)
        threading.Event().wait()
    @task(requires=["w"])
    def b_never(): pass
    @task(after=["w"], teardown=True)
    def c_cleans(): print("cleaned", flush=True)
"""


@pytest.mark.parametrize(
    ("how", "number"),
    [
        ("-j1", signal.SIGINT),
        ("-j2", signal.SIGINT),
        ("--start-method=spawn", signal.SIGINT),
        ("-j2", signal.SIGTERM),
        ("--threads", signal.SIGTERM),
        ("-j2", signal.SIGHUP),
    ],
)
def test_an_interrupted_run_tears_down_and_dies_by_the_signal(cli, how, number):
    cli.write("suite.py", WAITS)
    process = cli.start("run", "-s", how, "--json", "it.json", "suite")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    lines = cli.normalised(out).splitlines()
    ended = [line for line in lines if line.startswith("lost      suite/a_waits  N s  ended, as")]
    assert len(ended) == 1
    assert re.fullmatch(r"interrupting: suite/a_waits .\d+ s.", lines[0])
    assert "cancelled 1 task that hadn't started" in lines and "b_never" not in out
    assert lines.index("cleaned") < lines.index("ok        suite/c_cleans  N s")
    assert lines[-2:] == [GOES_ON, "3 tasks: 1 ok, 1 lost, 1 cancelled  in N s"]
    assert process.returncode == -number
    record = json.loads((cli.folder / "it.json").read_text())
    assert record["interrupted"] is True
    assert [task["outcome"] for task in record["tasks"]] == ["lost", "cancelled", "ok"]


@pytest.mark.parametrize("how", ["-j2", "--threads"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_that_ignores_sigint_is_ended_by_other_signals_in_the_same_way(cli, how, number):
    cli.write("suite.py", WAITS)
    process = cli.start("run", "-s", how, "--json", "it.json", "suite", command=IGNORING_SIGINT)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    lines = cli.normalised(out).splitlines()
    assert re.fullmatch(r"interrupting: suite/a_waits .\d+ s.", lines[0])
    assert lines.index("cleaned") < lines.index("ok        suite/c_cleans  N s")
    assert lines[-2:] == [GOES_ON, "3 tasks: 1 ok, 1 lost, 1 cancelled  in N s"]
    assert process.returncode == -number
    assert json.loads((cli.folder / "it.json").read_text())["interrupted"] is True


def test_one_that_ignores_sigint_is_ended_at_once_by_the_second_of_another_signal(cli):
    hangs = 'print("cleaning", flush=True); threading.Event().wait()'
    cli.write("suite.py", WAITS.replace('print("cleaned", flush=True)', hangs))
    process = cli.start("run", "-s", "-j1", "suite", command=IGNORING_SIGINT)
    for line in "ready\n", "cleaning\n":
        while process.stdout.readline() != line:
            assert process.poll() is None
        process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert "lost      suite/c_cleans" in out and f"{GOES_ON}\n3 tasks: 2 lost" in out
    assert process.returncode == -signal.SIGTERM


def test_sigint_stays_ignored_where_it_is(cli):
    cli.write("suite.py", """
        import os, signal
        from pexen import task
        @task
        def a(): os.kill(os.getppid(), signal.SIGINT)
        @task
        def b(): pass
    """)
    process = cli.start("run", "-j1", "suite", command=IGNORING_SIGINT)
    out, _ = process.communicate(timeout=60)
    assert "2 tasks: 2 ok" in out and process.returncode == 0


def test_a_second_interrupt_ends_teardown_as_well(cli):
    hangs = 'print("cleaning", flush=True); threading.Event().wait()'
    cli.write("suite.py", WAITS.replace('print("cleaned", flush=True)', hangs))
    process = cli.start("run", "-s", "-j1", "suite")
    for line in "ready\n", "cleaning\n":
        while process.stdout.readline() != line:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out.count("interrupting: ") == 0  # was read above; it is said once
    assert "lost      suite/c_cleans" in out and f"{GOES_ON}\n3 tasks: 2 lost" in out
    assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize("how", ["-v", "--threads"])
def test_a_teardown_goes_on_when_all_else_is_interrupted(cli, how):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): pass
        @task(after=["a"])
        def b():
            print("ready", flush=True)
            open("other").read()
        @task(after=["a"], teardown=True)
        def c():
            print("ready", flush=True)
            open("fifo").read()
    """)
    for name in "fifo", "other":
        os.mkfifo(cli.folder / name)
    process = cli.start("run", "-s", how, "-j2", "suite")
    read = []
    while read.count("ready\n") < 2:
        read.append(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    while not read[-1].startswith("lost      suite/b"):
        read.append(process.stdout.readline())
    (cli.folder / "fifo").write_text("go on")
    out, _ = process.communicate(timeout=60)
    (said,) = [line for line in read if "interrupting" in line]
    assert re.fullmatch(r"interrupting: suite/b .\d+ s.\n", said)
    assert "ok        suite/c" in out and process.returncode == -signal.SIGINT


def test_a_run_in_threads_is_interrupted_too(cli):
    cli.write("suite.py", """
        import time
        from pexen import task
        @task
        def a():
            print("ready", flush=True)
            time.sleep(600)
    """)
    process = cli.start("run", "-s", "--threads", "suite")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert "pexen: warning: task 'suite/a' still runs, in abandoned" in out
    assert f"{GOES_ON}\n1 task: 1 lost  in" in out
    assert process.returncode == -signal.SIGINT


def test_a_shell_sees_130(cli):
    cli.write("suite.py", WAITS)
    command = f"echo $$; {sys.executable} -m pexen run -s suite; echo status $?"
    process = cli.start(command=["sh", "-c", command])
    assert process.stdout.readline() == f"{process.pid}\n"
    assert process.stdout.readline() == "ready\n"
    for pid in children(process.pid):
        os.kill(pid, signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert "status 130\n" in out


def children(pid: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(name))
    return found


def test_an_interrupt_while_collecting_has_no_traceback(cli):
    cli.write("suite.py", """
        import signal
        print("ready", flush=True)
        while True:
            signal.pause()
    """)
    process = cli.start("run", "-s", "suite")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out == ""
    assert process.returncode == -signal.SIGINT


@pytest.fixture
def unread_pipe() -> Iterator[int]:
    """The writing end of a pipe whose reading end is closed."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize(
    "args", [("list", "suite"), ("list", "--json", "suite"), ("graph", "suite"), ("-h",), ()]
)
def test_a_reader_that_went_away_ends_the_command_quietly(cli, unread_pipe, args):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    _, err, status = cli.run(*args, stdout=unread_pipe)
    assert (err, status) == ("", -signal.SIGPIPE)


def test_a_reader_that_goes_away_in_the_middle_ends_the_command_quietly(cli):
    cli.write("suite.py", """
        from pexen import task
        for number in range(3000):
            @task(provides=[f"a rather long tag, to fill the pipe soon, {number}"])
            def run(): pass
            globals()[f"task_{number}"] = run
        del run
    """)
    process = cli.start("list", "suite", stderr=subprocess.PIPE)
    assert process.stdout.readline().startswith("suite/task_0  provides=")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait(60) == -signal.SIGPIPE


def test_a_run_whose_reader_went_away_is_ended_in_order(cli, unread_pipe):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): pass
        @task(requires=["a"])
        def b(): open("b was run", "w").close()
        @task(after=["a"], teardown=True)
        def c(): open("c was run", "w").close()
    """)
    _, err, status = cli.run("run", "-j1", "--json", "it.json", "suite", stdout=unread_pipe)
    assert (err, status) == ("", -signal.SIGPIPE)
    outcomes = [t["outcome"] for t in json.loads((cli.folder / "it.json").read_text())["tasks"]]
    assert outcomes == ["ok", "cancelled", "ok"]
    assert (cli.folder / "c was run").exists() and not (cli.folder / "b was run").exists()


@pytest.mark.parametrize("command", ["run", "list"])
def test_a_full_disk_is_told(cli, command):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    with open("/dev/full", "w") as full:
        _, err, status = cli.run(command, "suite", stdout=full)
    assert err == "pexen: error: stdout can't be written to: No space left on device\n"
    assert status == 2


def test_a_task_in_a_thread_that_closes_stdout_ends_the_run_with_a_word(cli):
    cli.write("suite.py", """
        import sys
        from pexen import task
        @task
        def a():
            sys.stdout = open("other", "w")
            sys.stdout.close()
    """)
    out, err, status = cli.run("run", "--threads", "-s", "suite")
    assert (out, status) == ("", 2)
    assert err == "pexen: error: stdout can't be written to: a task has closed it\n"
    assert cli.run("history")[0].rstrip().endswith("suite  1 ok")


def test_a_task_that_hangs_when_the_run_is_interrupted_tells_where_and_what_it_printed_last(cli):
    cli.write("suite.py", """
        from pexen import task
        @task
        def hangs():
            for number in range(200):
                print("line", number, flush=True)
            open("fifo").read()
    """)
    os.mkfifo(cli.folder / "fifo")
    process = cli.start("run", "-j1", "suite")
    with (cli.folder / "fifo").open("w"):  # when the task has come to where it reads
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    full = out[out.index("== lost: suite/hangs") :]
    assert "what its worker was doing:\n" in full and 'suite.py", line 6 in hangs\n' in full
    printed = full.partition("-- printed\n")[2].partition("-- again")[0].splitlines()
    assert printed[0] == "[180 lines before are in the state and the reports]"
    assert printed[1:] == [f"line {number}" for number in range(180, 200)]
