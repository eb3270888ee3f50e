"""Going on with a run that was interrupted."""

from __future__ import annotations

import json
import os
import re
import select
import signal
from collections import Counter

import pytest

from pexen.state import Store

# Each task notes its name; one waits to be interrupted, until there is a file `go`.
SUITE = """
    import os, signal
    from pexen import task

    def note(name):
        fd = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(fd, (name + " ").encode())
        os.close(fd)

    @task(provides=["a"])
    def a(shared):
        note("a")
        print("a says hello")
        shared["from a"] = {1: "one"}

    @task(provides=["b"])
    def b():
        note("b")
        raise ValueError("b is never well")

    @task(requires=["a"], after=["b"], provides=["c"])
    def c():
        note("c")
        if not os.path.exists("go"):
            open("ready", "w").write("ready")
            while True:  # what ends a task may wake it first
                signal.pause()

    @task(requires=["c", "a"])
    def d(shared):
        note("d")
        assert shared["from a"] == {1: "one"}
"""


@pytest.fixture
def suite(cli):
    cli.write("suite.py", SUITE)
    os.mkfifo(cli.folder / "ready")
    return cli


def wait_until_ready(cli) -> None:
    """Wait for a task to write to the pipe, and to close it: the next is to find it empty."""
    fd = os.open(cli.folder / "ready", os.O_RDONLY | os.O_NONBLOCK)
    readable = select.select([fd], [], [], 30)[0]
    os.set_blocking(fd, True)
    while readable and os.read(fd, 100):
        pass
    os.close(fd)
    assert readable, "no task came to where it waits"


def interrupted(cli, *args: str, by: int = signal.SIGKILL) -> str:
    """Run until a task waits for its end, and send a signal; what was said."""
    process = cli.start("run", "-j1", *args)
    wait_until_ready(cli)
    process.send_signal(by)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -by
    (cli.folder / "go").touch()
    return out


def log(cli) -> list[str]:
    return (cli.folder / "log").read_text().split()


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_what_ended_is_not_run_again_and_what_ran_is(suite, by):
    interrupted(suite, "suite", by=by)
    suite.script("""
        $ pexen run --resume -j1 suite
        pexen: note: run 1 goes on: 2 of 4 tasks needn't be run again
        ok        suite/c  N s
        ok        suite/d  N s

        == failed: suite/b
        Traceback (most recent call last):
        ...
        ValueError: b is never well
        -- again: pexen run suite --only suite/b

        4 tasks: 3 ok, 1 failed  in N s
        [1]
    """)
    assert Counter(log(suite)) == {"a": 1, "b": 1, "c": 2, "d": 1}
    (line,) = suite.run("history")[0].splitlines()
    assert line.endswith("suite  1 failed, 3 ok") and "  done  " in line


def test_a_run_that_x_has_stopped_goes_on_with_what_it_had_not_run(suite):
    (suite.folder / "go").touch()
    suite.script("""
        $ pexen run -j1 -x suite
        ok        suite/a  N s
        failed    suite/b  N s  ValueError: b is never well
        cancelled 2 tasks that hadn't started
        ...
        stopped after 1 failed; 'pexen run --resume --maxfail 0' runs the rest
        4 tasks: 1 ok, 1 failed, 2 cancelled  in N s
        [1]
    """)
    assert "  stopped  " in suite.run("history")[0]
    suite.run("report", "--json", "later.json")
    assert json.loads((suite.folder / "later.json").read_text())["interrupted"] is False
    suite.script("""
        $ pexen run --resume
        pexen: note: run 1 goes on: 2 of 4 tasks needn't be run again
        ok        suite/c  N s
        ok        suite/d  N s
        ...
        4 tasks: 3 ok, 1 failed  in N s
        [1]
    """)
    assert Counter(log(suite)) == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert suite.run("run", "--resume")[2] == 2


def test_without_a_limit_the_rest_of_a_run_that_x_has_stopped_is_run_also_if_more_fails(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): assert 0
        @task(after=["a"], provides=["b"])
        def b(): assert 0
        @task(after=["b"], provides=["c"])
        def c(): assert 0
        @task(after=["c"])
        def d(): pass
    """)
    assert "1 failed, 3 cancelled" in cli.run("run", "-j1", "-x", "suite")[0]
    assert "2 failed, 2 cancelled" in cli.run("run", "--resume")[0]
    assert "4 tasks: 1 ok, 3 failed" in cli.run("run", "--resume", "--maxfail", "0")[0]


def test_a_task_that_killed_its_worker_does_not_stop_the_run_again_when_that_goes_on(suite):
    (suite.folder / "go").touch()
    deadly = "os.kill(os.getpid(), signal.SIGKILL)"
    suite.write("suite.py", SUITE.replace('raise ValueError("b is never well")', deadly))
    assert suite.run("run", "-j1", "-x", "suite")[2] == 1
    out, err, _ = suite.run("run", "--resume")
    assert "2 of 4 tasks needn't be run again" in err and "4 tasks: 3 ok, 1 lost" in out
    assert Counter(log(suite)) == {"a": 1, "b": 1, "c": 1, "d": 1}


def test_a_run_whose_last_task_failed_has_come_to_its_end(suite):
    out, _, _ = suite.run("run", "-j1", "-x", "suite", "--only", "suite/b")
    assert "\nstopped after 1 failed\n1 task: 1 failed" in out
    assert "  done  " in suite.run("history")[0]
    assert suite.run("run", "--resume")[2] == 2


def test_reports_of_a_run_that_went_on_have_all_its_tasks(suite):
    interrupted(suite, "suite")
    suite.run("run", "--resume", "--json", "it.json", "suite")
    suite.run("report", "--json", "later.json")
    for name in "it.json", "later.json":
        record = json.loads((suite.folder / name).read_text())
        by_name = {task["name"]: task for task in record["tasks"]}
        outcomes = {name: task["outcome"] for name, task in by_name.items()}
        assert outcomes == {
            "suite/a": "ok", "suite/b": "failed", "suite/c": "ok", "suite/d": "ok",
        }  # fmt: skip
        assert by_name["suite/a"]["output"] == "a says hello\n"
        assert record["interrupted"] is False


def test_without_a_target_it_goes_on_with_the_command_line_that_it_had(suite):
    interrupted(suite, "--only", "suite/c", "--json", "it.json", "suite")
    assert not (suite.folder / "it.json").exists()
    out, err, status = suite.run("run", "--resume")
    assert err == "pexen: note: run 1 goes on: 1 of 2 tasks needn't be run again\n"
    assert ("2 tasks: 2 ok" in out, status) == (True, 0)
    assert (suite.folder / "it.json").exists()


@pytest.mark.parametrize("line", [["suite"], ["--", "suite"]])
def test_options_are_added_to_those_that_it_had(suite, line):
    interrupted(suite, *line)
    out, _, _ = suite.run("run", "--resume", "--json", "it.json", "--durations", "1")
    assert "4 tasks: 3 ok, 1 failed" in out and "\nthe slowest:\n" in out
    assert (suite.folder / "it.json").exists()


def test_targets_of_the_file_of_defaults_do_not_stand_for_those_that_it_had(suite):
    interrupted(suite, "suite")
    suite.write("other.py", "from pexen import task\n@task\ndef other(): pass")
    suite.write("pyproject.toml", "[tool.pexen]\ntargets = 'other'")
    out, _, _ = suite.run("run", "--resume")
    assert "4 tasks: 3 ok, 1 failed" in out


def test_what_failed_last_is_still_what_the_run_was_begun_with(suite):
    """Else what has ended well since is no longer part of the run, or all is run."""
    source = SUITE.replace('raise ValueError("b is never well")', "pass")
    broken = source.replace('note("', '1 / 0; note("')
    suite.write("suite.py", broken)
    suite.run("run", "suite")
    suite.write("suite.py", source)
    interrupted(suite, "--lf", "suite")
    out, err, status = suite.run("run", "--resume")
    assert err == "pexen: note: run 2 goes on: 2 of 4 tasks needn't be run again\n"
    assert ("4 tasks: 4 ok" in out, status) == (True, 0)
    assert Counter(log(suite)) == {"a": 1, "b": 1, "c": 2, "d": 1}


def test_tasks_of_one_name_in_another_order_are_still_themselves(cli):
    cli.write("suite.py", """
        import os, signal
        from pexen import task
        def make(number):
            @task
            def same():
                with open("log", "a") as file:
                    file.write(f"{number} ")
                if not os.path.exists("go") and len(open("log").read().split()) == 5:
                    open("ready", "w").write("ready")
                    signal.pause()
            same.__qualname__ = "same"
            return same
        class Factory:
            def __call__(self, target):
                return [make(number) for number in range(20)]
    """)
    os.mkfifo(cli.folder / "ready")
    interrupted(cli, "-j1", "--factory", "suite:Factory", "--shuffle", "x")
    out, _, status = cli.run("run", "--resume")
    assert ("20 tasks: 20 ok" in out, status) == (True, 0)
    begun = log(cli)
    twice = {number for number, count in Counter(begun).items() if count == 2}
    assert set(begun) == set(map(str, range(20)))
    # The one that ran, and those before it whose end was still on its way.
    assert begun[4] in twice and twice <= {*begun[:5]}


def test_a_dry_run_shows_what_is_left(suite):
    interrupted(suite, "suite")
    suite.script("""
        $ pexen run --resume -n
        suite/c
        suite/d

        2 tasks would be run
    """)
    assert len(log(suite)) == 3


def test_a_run_goes_on_as_often_as_it_is_interrupted(suite):
    interrupted(suite, "suite")
    (suite.folder / "go").unlink()
    interrupted(suite, "--resume", "suite", by=signal.SIGINT)
    out, _, _ = suite.run("run", "--resume")
    assert "4 tasks: 3 ok, 1 failed" in out
    assert Counter(log(suite)) == {"a": 1, "b": 1, "c": 3, "d": 1}


def test_only_the_round_that_was_interrupted_goes_on(suite):
    interrupted(suite, "--repeat", "3", "suite")
    out, err, _ = suite.run("run", "--resume")
    assert err == "pexen: note: run 1 goes on: 2 of 4 tasks needn't be run again\n"
    assert out.count("4 tasks: ") == 1
    assert suite.run("run", "--resume")[2] == 2


@pytest.mark.parametrize("args", [(), ("suite",)])
def test_where_no_run_was_interrupted_there_is_none_to_go_on_with(suite, args):
    nothing = (
        "pexen: error: there is no run to go on with: the last one came to its end, or the state "
        "isn't there; leave out --resume\n"
    )
    assert suite.run("run", "--resume", *args) == ("", nothing, 2)
    (suite.folder / "go").touch()
    suite.run("run", "suite")
    assert suite.run("run", "--resume", *args) == ("", nothing, 2)


def test_a_task_that_is_new_is_run_and_one_that_is_gone_is_not(suite):
    interrupted(suite, "suite")
    source = SUITE.replace("def b(", "def new(").replace('note("b")', 'note("new")')
    suite.write("suite.py", source)
    out, err, _ = suite.run("run", "--resume")
    assert err == "pexen: note: run 1 goes on: 1 of 4 tasks needn't be run again\n"
    assert "4 tasks: 3 ok, 1 failed" in out and "failed    suite/new" in out
    record = suite.run("report", "--json", "it.json") and json.loads(
        (suite.folder / "it.json").read_text()
    )
    assert sorted(task["name"] for task in record["tasks"]) == [
        "suite/a", "suite/c", "suite/d", "suite/new",
    ]  # fmt: skip


def test_one_whose_dict_cannot_be_kept_is_run_again_and_that_is_said(suite):
    lock = 'shared["from a"] = __import__("threading").Lock()'
    suite.write("suite.py", SUITE.replace('shared["from a"] = {1: "one"}', lock))
    process = suite.start("run", "--threads", "-j1", "suite")
    wait_until_ready(suite)
    process.kill()
    process.wait()
    (suite.folder / "go").touch()
    out, err, status = suite.run("run", "--resume")
    assert "ok        suite/a" in out and "ok        suite/c" in out
    assert "task 'suite/a' is run again, as what it handed on couldn't be pickled" in err
    assert status == 1 and "Traceback" not in out.partition("== failed: suite/b")[0]


def test_a_state_that_cannot_be_written_is_no_reason_to_run_all_again(suite):
    interrupted(suite, "suite")
    with Store(suite.folder / ".pexen") as store, store.writing() as database:
        # As good as a disk that is full: there can't be a new task.
        database.execute("CREATE TRIGGER no BEFORE UPDATE ON run BEGIN SELECT RAISE(FAIL, 'no'); END")
    out, err, status = suite.run("run", "--resume")
    assert (out, status) == ("", 2)
    assert err.splitlines()[-1].startswith("pexen: error: the run can't go on: state file ")
    assert len(log(suite)) == 3


def test_a_run_whose_reader_went_away_can_go_on(suite):
    process = suite.start("run", "-j1", "suite")
    process.stdout.close()
    assert process.wait(timeout=30) == -signal.SIGPIPE
    (suite.folder / "go").touch()
    assert suite.run("run", "--resume")[1].startswith("pexen: note: run 1 goes on")


def test_resume_needs_the_state(suite):
    _, err, status = suite.run("run", "--resume", "--no-state", "suite")
    assert (err.startswith("pexen: error: --resume goes on with what the state has"), status) == (
        True, 2,
    )  # fmt: skip


def test_no_time_is_negative_where_the_clock_was_set_back(suite):
    interrupted(suite, "suite")
    with Store(suite.folder / ".pexen") as store, store.writing() as database:
        database.execute("UPDATE run SET began = began + 86400")
    out, _, _ = suite.run("run", "--resume", *["--json", "it.json"])
    assert re.search(r"1 failed  in \d+\.\d\d s$", out.strip())
    assert "-" not in suite.run("history")[0].partition("done")[2]
    record = json.loads((suite.folder / "it.json").read_text())
    assert all(task["started"] >= 0 for task in record["tasks"])


def test_what_was_made_again_is_torn_down_if_the_run_was_killed_once_more(cli):
    cli.write("suite.py", """
        import os, signal, threading
        from pexen import task
        def log(word):
            with open("log", "a") as file:
                file.write(word + "\\n")
        @task(provides=["server"])
        def start(): log("start")
        @task(requires=["server"], provides=["used"])
        def check():
            log("check")
            number = {2: signal.SIGINT, 5: signal.SIGKILL}.get(len(open("log").readlines()))
            if number is not None:
                os.kill(os.getppid(), number)
                threading.Event().wait()
        @task(requires=["server"], after=["server", "used"], teardown=True)
        def stop(): log("stop")
    """)
    assert cli.run("run", "-j1", "suite")[2] == -signal.SIGINT
    assert cli.run("run", "--resume")[2] == -signal.SIGKILL
    out = cli.run("run", "--resume")[0]
    assert log(cli) == ["start", "check", "stop", "start", "check", "check", "stop"]
    assert "3 tasks: 3 ok" in out
