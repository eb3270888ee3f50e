"""The exit status of everything that goes wrong before or beside a run."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pexen

GOOD = """
    from pexen import task
    @task
    def a(): pass
"""


def test_without_a_command_the_help_is_shown(cli):
    out, err, status = cli.run()
    assert out.startswith("usage: pexen COMMAND ...") and "\n  graph   draw" in out
    assert (err, status) == ("", 2)


def test_the_version_is_that_of_the_package(cli):
    assert cli.run("--version") == (f"pexen {pexen.__version__}\n", "", 0)


@pytest.mark.parametrize("command", [(), ("run",), ("list",), ("graph",), ("plan",)])
def test_help_fits_the_terminal_and_has_examples(cli, command):
    out, err, status = cli.run(*command, "-h")
    assert (err, status) == ("", 0)
    assert all(len(line) <= 100 for line in out.splitlines())
    assert "\nexamples:\n" in out if command else "\nexit status:\n" in out


def test_all_well_is_0(cli):
    cli.write("suite.py", GOOD)
    assert cli.run("run", "suite")[2] == 0
    assert cli.run("list", "suite")[2] == 0
    assert cli.run("graph", "suite")[2] == 0


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError",
        "raise TaskFailError('under control')",
        "os.kill(os.getpid(), 9)",
        "signal.pause()",
    ],
)
def test_a_task_that_failed_is_1(cli, body):
    cli.write("suite.py", f"""
        import os, signal
        from pexen import task
        from pexen.sched import TaskFailError
        @task(timeout=0.05)
        def a(): {body}
    """)
    assert cli.run("run", "suite")[2] == 1


def test_a_skipped_task_is_no_failure_but_one_blocked_by_it_is(cli):
    cli.write("skips.py", """
        import unittest
        from pexen import task
        @task(provides=["x"])
        def a(): raise unittest.SkipTest("not here")
    """)
    cli.write("more.py", "from pexen import task\n@task(requires=['x'])\ndef b(): pass")
    assert cli.run("run", "skips")[2] == 0
    assert cli.run("run", "skips", "more")[2] == 1


def test_a_wrong_command_is_2(cli):
    cli.script("""
        $ pexen rnu suite
        pexen: error: 'rnu' is not a command; did you mean 'run'?
        [2]
        $ pexen --verbose
        pexen: error: '--verbose' is not a command; there are run, list, graph, plan, history, report, why
        [2]
        $ pexen --
        pexen: error: '--' is not a command; there are run, list, graph, plan, history, report, why
        [2]
    """)


def test_wrong_options_are_2(cli):
    cli.write("suite.py", GOOD)
    cli.script("""
        $ pexen run
        pexen: error: name a TARGET, on the command line or as 'targets' in [tool.pexen]
        [2]
        $ pexen list --frob suite
        pexen: error: unrecognized arguments: --frob; see 'pexen list -h'
        [2]
        $ pexen run --fact auto suite
        pexen: error: unrecognized arguments: --fact; see 'pexen run -h'
        [2]
        $ pexen run --threads --start-method spawn suite
        pexen: error: --start-method is for processes; leave out --threads
        [2]
        $ pexen run --threads --processes suite
        pexen: error: argument --processes: not allowed with argument --threads; see 'pexen run -h'
        [2]
        $ pexen run --match x --factory unittest suite
        pexen: error: --match says nothing to the factory 'unittest'; leave it out
        [2]
    """)


@pytest.mark.parametrize("text", ["cpu", "=4", "cpu=", "cpu=0", "cpu=-1", "cpu=nan", "cpu=inf"])
def test_a_wrong_resource_is_2(cli, text):
    out, err, status = cli.run("run", f"--resource={text}", "suite")
    assert err.startswith(f"pexen: error: argument --resource: {text!r} is not NAME=AMOUNT")
    assert (out, status, err.count("\n")) == ("", 2, 1)


@pytest.mark.parametrize("command", ["list", "graph"])
def test_all_commands_have_the_same_targets(cli, command):
    cli.write("none.py", "def a(): pass")
    assert cli.run(command, "nowhere")[2] == 2
    assert cli.run(command, "none")[2] == 5


def test_a_target_that_is_not_there_is_2(cli):
    cli.write("plain.txt", "")
    for factory, target in [
        ("auto", "nowhere"),
        ("auto", "./nowhere"),
        ("auto", "nowhere.py"),
        ("auto", "plain.txt"),
        ("modtree", "nowhere"),
        ("filesystem", "nowhere"),
        ("filesystem", "plain.txt"),
        ("unittest", "nowhere"),
        ("unittest", "nowhere.py"),
    ]:
        out, err, status = cli.run("run", "--factory", factory, target)
        assert err.startswith("pexen: error: ") and repr(target) in err, (factory, target)
        assert (out, status, err.count("\n")) == ("", 2, 1)


@pytest.mark.parametrize("command", ["run", "graph"])
def test_a_graph_that_cannot_run_is_2(cli, command):
    cli.write("cycle.py", """
        from pexen import task
        @task(requires=["x"], provides=["y"])
        def a(): pass
        @task(requires=["y"], provides=["x"])
        def b(): pass
    """)
    cli.write("unmet.py", """
        from pexen import task
        @task(requires=["disc"])
        def a(): pass
        @task(provides=["disk"])
        def b(): pass
    """)
    cli.write("both.py", """
        from pexen import task
        @task(uses=["x"], claims=["x"])
        def a(): pass
    """)
    for name, part in [
        ("cycle", "cycle: cycle/a -> cycle/b -> cycle/a"),
        ("unmet", "the closest known tag is 'disk'"),
        ("both", "has {'x'} in both claims and uses"),
    ]:
        _, err, status = cli.run(command, name)
        assert err.startswith("pexen: error: ") and part in err
        assert (status, err.count("\n")) == (2, 1)


def test_a_task_that_cannot_be_sent_to_a_spawned_worker_is_2(cli):
    cli.write("suite.py", "from pexen import task\na = task(lambda: None)")
    out, err, status = cli.run("run", "--start-method=spawn", "suite")
    assert err.startswith("pexen: error: task 'suite/a' can't be sent to a worker process")
    assert (out, status, err.count("\n")) == ("", 2, 1)


def test_an_error_of_pexen_itself_is_3_with_a_traceback(cli):
    cli.write("suite.py", GOOD)
    cli.write("sitecustomize.py", """
        import pexen.cli.run
        from pexen.sched import InternalError
        def broken(*args, **kwargs):
            raise InternalError("the run can't go on")
        pexen.cli.run.Suite = broken
    """)
    cli.env["PYTHONPATH"] += f":{cli.folder}"
    out, err, status = cli.run("run", "suite")
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.splitlines()[-1].startswith("pexen: internal error: InternalError; please report")
    assert "the run can't go on" in err
    assert (out, status) == ("", 3)


def test_nothing_collected_is_5(cli):
    cli.write("none.py", "def a(): pass")
    (cli.folder / "empty").mkdir()
    for factory, target in [
        ("auto", "none"),
        ("auto", "none.py"),
        ("auto", "empty"),
        ("modtree", "none"),
        ("filesystem", "empty"),
        ("unittest", "none"),
        ("unittest", "empty"),
    ]:
        out, err, status = cli.run("run", "--factory", factory, target)
        assert err.startswith(f"pexen: error: target {target!r} has no tasks; "), (factory, err)
        assert (out, status, err.count("\n")) == ("", 5, 1)


def test_nothing_that_matches_is_5(cli):
    cli.write("none.py", "def a(): pass")
    cli.script("""
        $ pexen list --match 'test_*' none
        pexen: error: target 'none' has no tasks that match 'test_*'
        [5]
        $ pexen list --json --match 'test_*' none
        []
        pexen: error: target 'none' has no tasks that match 'test_*'
        [5]
    """)


def test_the_current_directory_is_where_names_are_looked_up_first(cli, tmp_path_factory):
    cli.write("suite.py", GOOD)
    other = tmp_path_factory.mktemp("other")
    (other / "suite.py").write_text("raise ImportError('the wrong one')")
    cli.env["PYTHONPATH"] += f":{other}"
    script = "import sys; from pexen.cli import main; sys.exit(main(['list', 'suite']))"
    cli.write("bin/pexen", script)  # as the console script that an installation makes
    command = [sys.executable, "bin/pexen"]
    shown = subprocess.run(command, cwd=cli.folder, env=cli.env, capture_output=True, text=True)
    assert (shown.stdout, shown.stderr, shown.returncode) == ("suite/a\n", "", 0)


def test_what_is_missing_because_a_module_is_broken_is_said_to_be(cli):
    cli.write("p/__init__.py", "")
    cli.write(
        "p/base.py",
        """
        import nosuch
        from pexen import task
        @task(provides=["db"])
        def setup(): pass
        """,
    )
    cli.write(
        "p/t.py",
        """
        from pexen import task
        @task(requires=["db"])
        def test(): pass
        """,
    )
    for command in ("run", "graph"):
        _, err, status = cli.run(command, "p")
        assert status == 2
        text = "'p/base' could not be imported: ModuleNotFoundError: No module named 'nosuch'"
        assert text in err and "nothing provides 'db', which 'p/t/test' needs" in err
    out, _, _ = cli.run("list", "p")
    assert "p/base  # could not be imported: ModuleNotFoundError" in out


def test_a_resource_that_was_not_given_is_asked_for_by_its_option(cli):
    cli.write(
        "r.py",
        """
        from pexen import task
        @task(resources={"cc": 1})
        def compile(): pass
        """,
    )
    _, err, status = cli.run("run", "r.py")
    assert status == 2 and "--resource NAME=AMOUNT" in err


def test_an_option_before_the_command_is_sent_behind_it(cli):
    _, err, status = cli.run("--quiet", "run", "x")
    assert status == 2
    assert "'--quiet' comes before the command; write it after 'run'" in err
