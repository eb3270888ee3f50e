"""What a run says of tasks that end now well and now badly, with the same code."""

from __future__ import annotations

import pytest

SUITE = """
    import pathlib
    from pexen import task

    @task
    def flips():
        assert not pathlib.Path("broken").exists(), "it is broken"

    @task
    def always():
        if pathlib.Path("broken").exists():
            raise ValueError("never well")

    @task
    def well(): pass
"""

AGAIN = """
    import pathlib
    from pexen import task

    @task(retries=1)
    def second():
        try:
            pathlib.Path("tried").touch(exist_ok=False)
        except FileExistsError:
            return
        raise ValueError("not yet")

    @task
    def well(): pass
"""


@pytest.fixture
def suite(cli):
    cli.write("suite.py", SUITE)
    return cli


def test_a_failure_says_that_the_same_code_was_well_lately(suite):
    suite.run("run", "suite", "--only", "suite/flips")
    (suite.folder / "broken").touch()
    suite.script("""
        $ pexen run -j1 suite --only suite/flips
        failed    suite/flips  N s  flaky: ok in 1 of 1 earlier runs with the same code  ...

        == failed: suite/flips
        -- flaky: failed in 1 of its last 2 runs with the same code
        Traceback (most recent call last):
        ...
        flaky: suite/flips, failed in 1 of its last 2 runs with the same code
        1 task: 1 failed  in N s
        [1]
    """)
    out, _, _ = suite.run("run", "-j1", "suite", "--only", "suite/flips")
    assert "flaky: suite/flips, failed in 2 of its last 3 runs with the same code" in out


def test_a_failure_that_is_always_one_or_comes_with_new_code_is_not_flaky(suite):
    (suite.folder / "broken").touch()
    suite.run("run", "suite")
    out, _, _ = suite.run("run", "suite")
    assert "2 failed" in out and "flaky" not in out
    (suite.folder / "broken").unlink()
    suite.run("run", "suite")
    suite.write("suite.py", SUITE.replace('"broken"', '"suite.py"'))
    out, _, _ = suite.run("run", "suite")
    assert "2 failed" in out and "flaky" not in out


def test_a_failure_after_a_change_in_what_is_imported_is_not_flaky(cli):
    cli.write("lib.py", "FINE = True\n")
    cli.write("suite.py", """
        from pexen import task
        import lib

        @task
        def uses_it(): assert lib.FINE
    """)
    assert cli.run("run", "suite")[2] == 0
    cli.write("lib.py", "FINE = False\n")
    out, _, _ = cli.run("run", "suite")
    assert "failed    suite/uses_it" in out and "flaky" not in out
    cli.write("lib.py", "FINE = True\n")
    assert cli.run("run", "suite")[2] == 0
    assert cli.run("history", "--flaky")[0] == "no task is flaky\n"


def test_a_run_in_which_nothing_fails_says_nothing_of_it(suite):
    (suite.folder / "broken").touch()
    suite.run("run", "suite")
    (suite.folder / "broken").unlink()
    out, err, status = suite.run("run", "suite")
    assert status == 0 and "flaky" not in out + err


@pytest.mark.parametrize("state", [(), ("--no-state",)])
def test_a_task_that_is_well_only_at_its_second_attempt_is_called_flaky(cli, state):
    cli.write("suite.py", AGAIN)
    cli.script(f"""
        $ pexen run -j1 {' '.join(state)} suite
        ok        suite/well  N s
        ok        suite/second  N s  flaky: 2 attempts

        flaky: suite/second, ok only at attempt 2
        2 tasks: 2 ok  in N s
    """)


def test_of_very_many_flaky_tasks_some_are_named(cli):
    cli.write("suite.py", """
        import pathlib
        from pexen import task
        def flips():
            assert not pathlib.Path("broken").exists()
        for number in range(14):
            globals()[f"t{number}"] = task(lambda *, _=number: flips())
    """)
    cli.run("run", "suite")
    (cli.folder / "broken").touch()
    out, _, _ = cli.run("run", "suite")
    lines = [line for line in out.splitlines() if line.startswith("flaky: ")]
    assert len(lines) == 11
    assert lines[-1] == "flaky: 4 more; 'pexen history --flaky' shows all"
