"""The state that runs leave behind: what is told of it, and what is done without it."""

from __future__ import annotations

import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess

import pytest

from pexen.state import Store, held

CHECKS = """
    import pathlib
    from pexen import task
    from pexen.sched import TaskSkip

    def broken(name):
        return pathlib.Path(name).exists()

    @task(provides=["up"])
    def a_up(): pass

    @task(requires=["up"])
    def b_flips():
        if broken("b"):
            raise ValueError("b is broken")

    @task(requires=["up"])
    def c_flips():
        if broken("c"):
            raise ValueError("c is broken")

    @task
    def d_skips():
        raise TaskSkip("no hardware")
"""

@pytest.fixture
def suite(cli):
    """A suite of which each task fails that a file of its letter says is broken."""
    cli.write("suite.py", CHECKS)
    return cli


def names_of(out: str) -> list[str]:
    """The names of the tasks, from what a run or a dry run shows."""
    names = [word for line in out.splitlines() for word in line.split()[:2] if "/" in word]
    return [name.removeprefix("suite/") for name in names]


def executed(cli, *args: str) -> list[str]:
    """The names of the tasks that a run has, in the order in which they ended."""
    out, _, _ = cli.run("run", "-j1", *args, "suite")
    return names_of(out.partition("\n\n")[0])


# -- history ----------------------------------------------------------------------------------


def test_history_has_a_line_for_each_run_the_last_one_first(suite):
    suite.run("run", "suite")
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    out, err, status = suite.run("history")
    first, second = [line.split() for line in out.splitlines()]
    assert (first[0], first[3], first[6:]) == ("2", "done", "suite 1 failed, 2 ok, 1 skipped".split())
    assert (second[0], second[3], second[6:]) == ("1", "done", "suite 3 ok, 1 skipped".split())
    assert (err, status) == ("", 0)
    assert suite.run("history", "-l", "1")[0] == out.splitlines()[0] + "\n"


def test_history_of_a_task_has_how_it_ended_in_each_run(suite):
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    (suite.folder / "b").unlink()
    suite.run("run", "suite")
    suite.script("""
        $ pexen history suite/b_flips suite/d_skips
        suite/b_flips  takes N s
          run 2     ok          N s
          run 1     failed      N s  ValueError: b is broken

        suite/d_skips
          run 2     skipped     N s  no hardware
          run 1     skipped     N s  no hardware
        $ pexen history suite/b_flip
        pexen: error: task 'suite/b_flip' has no results in the state; did you mean 'suite/b_flips'?
        [2]
    """)


def test_a_task_is_flaky_if_it_ended_well_and_badly_with_the_same_file(suite):
    suite.run("run", "suite")
    suite.script("$ pexen history --flaky\nno task is flaky")
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    suite.script("$ pexen history --flaky\nsuite/b_flips")


def test_a_task_whose_file_was_mended_is_not_flaky(suite):
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    suite.write("suite.py", CHECKS.replace('broken("b")', "False"))
    suite.run("run", "suite")
    suite.script("$ pexen history --flaky\nno task is flaky")


def test_pruned_runs_are_forgotten_and_others_are_not(suite):
    for _ in range(3):
        suite.run("run", "suite")
    suite.script("""
        $ pexen history --prune --keep 1
        2 runs are forgotten
        $ pexen history --prune --days 1
        0 runs are forgotten
        $ pexen history
            3  ...
        $ pexen history --prune --keep 0
        1 run is forgotten
        $ pexen history
        there are no runs
    """)


def test_where_there_is_no_state_each_command_says_so(cli):
    for command in (["history"], ["report", "--json", "it"], ["why", "suite/a"]):
        out, err, status = cli.run(*command)
        assert (out, status) == ("", 5)
        assert err == "pexen: error: folder '.pexen' has no state; 'pexen run' makes it\n"
    assert not (cli.folder / ".pexen").exists()


@pytest.mark.parametrize("amount", ["1" * 30, "9" * 400])
@pytest.mark.parametrize("options", [["-l"], ["--prune", "--keep"], ["--prune", "--days"]])
def test_numbers_of_any_size_do_no_harm(suite, options, amount):
    suite.run("run", "suite")
    _, err, status = suite.run("history", *options, amount)
    assert (err, status) == ("", 0)


# -- why --------------------------------------------------------------------------------------


def test_why_tells_of_one_that_ran_one_that_failed_and_one_that_was_blocked(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): pass
        @task(requires=["a"], provides=["b"])
        def b(): raise ValueError("no")
        @task(requires=["b"])
        def c(): pass
    """)
    cli.run("run", "-j1", "suite")
    out, _, status = cli.run("why", "suite/a")
    assert out.startswith("suite/a in run 1: it waited for no other task; it began ")
    assert (out.rstrip().endswith(" s."), status) == (True, 0)
    out, _, _ = cli.run("why", "suite/b")
    assert "when suite/a ended, for which it waited; it began " in out
    assert cli.normalised(out).endswith(" and ended failed after N s: ValueError: no.")
    cli.script("""
        $ pexen why suite/c
        suite/c in run 1: it was blocked: requires 'b', but 'suite/b' ended failed.
    """)


@pytest.mark.parametrize(("asks", "second", "had"), [
    ('claims=["disk"]', 'claims=["disk"]', "the lock 'disk'"),
    ('uses=[("disk", 1)]', 'claims=["disk"]', "the lock ('disk', 1)"),
    ("exclusive=True", 'claims=["disk"]', "all to itself"),
    ("exclusive=True", "", "all to itself"),
    ("", "exclusive=True", "begun, and it wants all"),
    ('resources={"gpu": 1}', 'resources={"gpu": 1}', "some of the resource 'gpu'"),
])
def test_why_names_who_had_what_was_waited_for(cli, asks, second, had):
    cli.write("suite.py", f"""
        import time
        from pexen import task

        @task(priority=-1, {asks})
        def first(): time.sleep(0.05)  # as what is shorter isn't told of

        @task({second})
        def second(): pass
    """)
    assert cli.run("run", "--threads", "-j2", "--resource", "gpu=1", "suite")[2] == 0
    out, _, _ = cli.run("why", "suite/second")
    assert f"suite/first had {had}; it began" in out
    assert "it waited for no other task; it began" in cli.run("why", "suite/first")[0]


def test_why_tells_of_the_run_that_is_named_or_the_last_that_has_the_task(suite):
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    (suite.folder / "b").unlink()
    suite.run("run", "suite")
    suite.run("run", "suite", "--only", "suite/a_up")
    assert suite.run("why", "suite/b_flips")[0].startswith("suite/b_flips in run 2: ")
    assert "b is broken" in suite.run("why", "--run", "1", "suite/b_flips")[0]
    suite.script("""
        $ pexen why --run 3 suite/b_flips
        pexen: error: task 'suite/b_flips' was not in run 3; did you mean 'suite/a_up'?
        [2]
        $ pexen why --run 4 suite/b_flips
        pexen: error: run 4 is not there; 'pexen history' shows those that are
        [2]
        $ pexen why --run last suite/b_flips
        pexen: error: run 'last' is no number; 'pexen history' shows them
        [2]
    """)


def test_why_and_history_tell_of_one_that_ran_when_all_was_killed(cli):
    cli.write("suite.py", """
        import signal
        from pexen import task
        @task(provides=["a"])
        def a():
            print("ready", flush=True)
            signal.pause()
        @task(requires=["a"])
        def b(): pass
    """)
    process = cli.start("run", "-s", "suite")
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait()
    cli.script("""
        $ pexen why suite/b
        suite/b in run 1: it had not begun when the run broke off.
        $ pexen history suite/a
        suite/a
          run 1     it was running when the run broke off, or it still is
        $ pexen history suite/b
        pexen: error: task 'suite/b' has no results in the state: it had not begun in run 1
        [2]
    """)


# -- what failed last -------------------------------------------------------------------------


def test_lf_runs_what_failed_last_and_what_that_requires(suite):
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    assert executed(suite, "--lf") == ["a_up", "b_flips"]
    assert executed(suite, "--lf", "--no-deps") == ["b_flips"]


def test_lf_remembers_a_failure_over_runs_that_were_without_it(suite):
    (suite.folder / "b").touch()
    suite.run("run", "suite")
    suite.run("run", "suite", "--only", "suite/c_flips")
    assert executed(suite, "--last-failed") == ["a_up", "b_flips"]
    (suite.folder / "b").unlink()
    suite.run("run", "--lf", "suite")
    out, err, _ = suite.run("run", "--lf", "suite")
    note = "no task is known to have failed when it was run last, so all are run"
    assert err == f"pexen: note: {note}\n" and "4 tasks: 3 ok, 1 skipped" in out


def test_lf_runs_the_blocked_as_well(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): raise ValueError
        @task(requires=["a"])
        def b(): pass
        @task
        def c(): pass
    """)
    cli.run("run", "suite")
    assert cli.run("run", "-n", "--lf", "suite")[0].split()[:2] == ["suite/a", "suite/b"]


def test_of_two_tasks_of_one_name_lf_runs_the_one_that_failed(cli):
    cli.write("suite.py", """
        import pathlib
        from pexen import task
        def make(number):
            @task
            def same():
                with open("log", "a") as file:
                    file.write(f"{number} ")
                if number == 2 and pathlib.Path("broken").exists():
                    raise ValueError(number)
            same.__qualname__ = "same"
            return same
        class Factory:
            def __call__(self, target):
                return [make(1), make(2)]
    """)
    run = ["run", "-j1", "--factory", "suite:Factory", "x"]
    (cli.folder / "broken").touch()
    cli.run(*run)
    cli.run(*run, "--lf")
    (cli.folder / "broken").unlink()
    cli.run(*run, "--lf")
    assert (cli.folder / "log").read_text() == "1 2 2 2 "
    assert "no task is known to have failed" in cli.run(*run, "--lf")[1]


def test_ff_runs_what_failed_before_all_else(cli):
    source = "from pexen import task\n" + "".join(
        f"@task(provides=['{name}'])\ndef {name}(): {body}\n"
        for name, body in zip("abcde", ["pass", "pass", "pass", "1 / 0", "pass"], strict=True)
    )
    cli.write("suite.py", source)
    assert executed(cli, "--ff", "--no-state") == ["a", "b", "c", "d", "e"]
    cli.run("run", "suite")
    assert executed(cli, "--ff")[0] == "d"
    assert len(executed(cli, "--ff")) == 5


# -- where it is, and that it isn't -----------------------------------------------------------


def test_no_state_neither_reads_nor_writes(suite):
    (suite.folder / "b").touch()
    suite.run("run", "--no-state", "suite")
    assert not (suite.folder / ".pexen").exists()
    suite.run("run", "suite")
    before = suite.run("history")[0]
    assert len(executed(suite, "--lf", "--no-state")) == 4
    assert suite.run("history")[0] == before


def test_the_folder_is_what_the_environment_says_and_git_does_not_see_it(suite):
    suite.env["PEXEN_STATE_DIR"] = "some/where"
    suite.run("run", "suite")
    assert not (suite.folder / ".pexen").exists()
    assert (suite.folder / "some/where/.gitignore").read_text() == "*\n"
    assert len(suite.run("history")[0].splitlines()) == 1
    suite.env["PEXEN_STATE_DIR"] = ""
    assert suite.run("history")[2] == 5


def state_of(cli) -> pathlib.Path:
    return cli.folder / ".pexen" / "state.db"


@pytest.mark.parametrize("content", [b"not a database at all" * 99, b"SQLite format 3\0" + b"x" * 9999])
def test_a_damaged_state_is_set_aside_with_a_warning(suite, content):
    suite.run("run", "suite")
    state_of(suite).write_bytes(content)
    for name in "state.db-wal", "state.db-shm":
        (suite.folder / ".pexen" / name).unlink(missing_ok=True)
    out, err, status = suite.run("run", "suite")
    assert "4 tasks: 3 ok, 1 skipped" in out and status == 0
    assert err.startswith(f"pexen: warning: state file '{state_of(suite)}' is damaged (")
    assert err.count("\n") == 1 and err.endswith(", and a new one begun\n")
    (aside,) = state_of(suite).parent.glob("state.db.*")
    assert aside.read_bytes() == content
    assert suite.run("history")[0].split()[0] == "1"


def test_a_state_of_a_newer_pexen_is_set_aside_with_a_warning(suite):
    suite.run("run", "suite")
    database = sqlite3.connect(state_of(suite))
    database.execute("PRAGMA user_version = 99")
    database.close()
    out, err, status = suite.run("run", "suite")
    assert "4 tasks: 3 ok, 1 skipped" in out and status == 0
    assert "is of a newer pexen (its tables have version 99, here it is 1); it is now" in err


def test_a_state_that_cannot_be_is_warned_of_and_the_run_goes_on(suite):
    (suite.folder / ".pexen").write_text("a file")
    out, err, status = suite.run("run", "suite")
    assert "4 tasks: 3 ok, 1 skipped" in out and status == 0
    assert err == (
        "pexen: warning: state folder '.pexen' can't be used: it is no folder; name another one by the "
        "environment variable PEXEN_STATE_DIR; the run goes on without it\n"
    )


@pytest.fixture
def read_only(suite):
    """The suite's folder of the state, in which nothing can be written."""
    folder = suite.folder / ".pexen"
    suite.run("run", "suite")
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    kept = suite.folder / "kept"
    folder.rename(kept)
    folder.mkdir()
    for command in (["--bind", kept, folder], ["-o", "remount,ro,bind", folder]):
        if shutil.which("mount") is None or subprocess.run(["mount", *command]).returncode:
            pytest.skip("to root nothing is read-only here, as it can't mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_folder_that_is_read_only_is_warned_of_once_and_the_run_goes_on(suite, read_only):
    out, err, status = suite.run("run", "suite")
    assert "4 tasks: 3 ok, 1 skipped" in out and status == 0
    assert err.startswith("pexen: warning: state f") and err.count("\n") == 1
    assert err.endswith("; the run goes on without it\n")
    assert suite.run("run", "--resume", "suite")[2] == 2


# -- two at a time ----------------------------------------------------------------------------


def test_a_second_run_waits_for_the_first_and_says_for_whom(suite):
    with Store(suite.folder / ".pexen") as store, held(store.folder):
        process = suite.start("run", "-j1", "suite")
        note = process.stdout.readline()
        waits = f"the state is used by process {os.getpid()}; waiting for it to end"
        assert note == f"pexen: note: {waits} (or use --no-state)\n"
        _, err, status = suite.run("run", "--no-state", "suite")
        assert (err, status) == ("", 0)
        assert process.poll() is None
    out, _ = process.communicate(timeout=60)
    assert "4 tasks: 3 ok, 1 skipped" in out and process.returncode == 0


def test_who_waits_for_the_state_can_be_interrupted(suite):
    with Store(suite.folder / ".pexen") as store, held(store.folder):
        process = suite.start("run", "suite")
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("", -signal.SIGINT)


@pytest.mark.parametrize("how", ["--processes", "--threads", "--start-method=spawn"])
def test_a_run_in_a_task_goes_on_without_the_state_rather_than_wait_for_ever(suite, how):
    suite.write("outer.py", """
        import subprocess, sys
        from pexen import task
        @task
        def runs_others():
            command = [sys.executable, "-m", "pexen", "run", "suite"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=30)
            assert "which this run is part of" in done.stderr, done
            assert "the run goes on without it" in done.stderr, done
            assert done.returncode == 0, done
    """)
    out, _, status = suite.run("run", how, "outer")
    assert ("1 task: 1 ok" in out, status) == (True, 0), out
    assert len(suite.run("history")[0].splitlines()) == 1


def test_a_state_that_is_deleted_meanwhile_does_not_keep_the_run_from_its_end(cli):
    cli.write("suite.py", """
        import shutil
        from pexen import task
        @task(provides=["a"])
        def a(): shutil.rmtree(".pexen")
        @task(requires=["a"])
        def b(): pass
    """)
    out, _, status = cli.run("run", "-j1", "suite")
    assert ("2 tasks: 2 ok" in out, status) == (True, 0)
    assert cli.run("run", "-j1", "--no-state", "-n", "suite")[2] == 0
