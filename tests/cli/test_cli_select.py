"""Which tasks a run has."""

from __future__ import annotations

import json
import shlex

import pytest

NET = """
    from pexen import task

    @task(provides=["link"])
    def up(): pass

    @task(requires=["link"], provides=["ip"])
    def ping(): pass

    @task(requires=["ip"], provides=["slow thing"])
    def Tcp_Stream(): pass

    @task(after=["ip"], teardown=True)
    def down(): pass
"""

DISK = """
    from pexen import task

    @task(provides=["fs"])
    def mkfs(): pass

    @task(requires=["fs", "slow thing"])
    def fill(): pass
"""


@pytest.fixture
def suite(cli):
    cli.write("suite/__init__.py", "")
    cli.write("suite/net.py", NET)
    cli.write("suite/disk.py", DISK)
    return cli


def selected(cli, *args: str) -> set[str]:
    """The names of the tasks that would be run, without that of the package."""
    out, err, status = cli.run("run", "-n", *args, "suite")
    assert status == 0, err
    names, _, summary = out.partition("\n\n")
    found = names.splitlines()
    assert summary == f"{len(found)} task{'' if len(found) == 1 else 's'} would be run\n"
    return {name.removeprefix("suite/") for name in found}


ALL = {"net/up", "net/ping", "net/Tcp_Stream", "net/down", "disk/mkfs", "disk/fill"}


def test_without_options_all_tasks_are_run(suite):
    assert selected(suite) == ALL


@pytest.mark.parametrize(
    ("args", "names"),
    [
        (["--only", "suite/net/up"], {"net/up"}),
        (["--only", "suite/net/ping"], {"net/up", "net/ping", "net/down"}),
        (["--only", "suite/net"], {"net/up", "net/ping", "net/Tcp_Stream", "net/down"}),
        (["--only", "suite/net/"], {"net/up", "net/ping", "net/Tcp_Stream", "net/down"}),
        (["--only", "*/mk*"], {"disk/mkfs"}),
        (["--only", "suite/net/up", "--only", "suite/disk/mkfs"], {"net/up", "disk/mkfs"}),
        (["--only", "suite"], ALL),
        (["--only", "suite/disk/fill"], ALL),
        (["--no-deps", "--only", "suite/disk/fill"], {"disk/fill"}),
        (["-k", "mkfs"], {"disk/mkfs"}),
        (["-k", "MKFS or up"], {"disk/mkfs", "net/up"}),
        (["-k", "link"], {"net/up", "net/ping", "net/down"}),
        (["-k", "disk and not fill"], {"disk/mkfs"}),
        (["-k", "not (net or fill)"], {"disk/mkfs"}),
        (["-k", "not not mkfs"], {"disk/mkfs"}),
        (["-k", "'slow thing'", "--no-deps"], {"net/Tcp_Stream", "disk/fill"}),
        (["-k", "tcp*", "--no-deps"], {"net/Tcp_Stream"}),
        (["-k", "disk", "--only", "*/mkfs"], {"disk/mkfs"}),
    ],
)
def test_a_selection_has_what_is_meant_and_what_that_requires(suite, args, names):
    assert selected(suite, *args) == names


def test_what_would_be_run_is_what_is_run(suite):
    args = ["--only", "suite/net/ping"]
    suite.run("run", *args, "--json", "it.json", "suite")
    record = json.loads((suite.folder / "it.json").read_text())
    ran = {"/".join(task["callpath"][1:]) for task in record["tasks"]}
    assert ran == selected(suite, *args)
    assert {task["outcome"] for task in record["tasks"]} == {"ok"}


def test_without_what_it_requires_a_task_runs_all_the_same(suite):
    suite.script("""
        $ pexen run --no-deps --only suite/disk/fill suite
        ok        suite/disk/fill  N s

        1 task: 1 ok  in N s
    """)


def test_a_dry_run_runs_nothing_and_leaves_no_results(suite):
    suite.write("suite/net.py", NET.replace(": pass", ": open('ran', 'w')"))
    selected(suite)
    assert not (suite.folder / "ran").exists()
    assert suite.run("history")[0] == "there are no runs\n"


def test_a_name_that_is_not_there_is_an_error_that_has_a_close_one(suite):
    suite.script("""
        $ pexen run --only suite/net/pong suite
        pexen: error: task 'suite/net/pong' is not there; did you mean 'suite/net/ping'?
        [2]
        $ pexen run --only zzz suite
        pexen: error: task 'zzz' is not there; 'pexen list' shows what there is
        [2]
    """)


def test_an_expression_that_fits_nothing_is_no_success(suite):
    suite.script("""
        $ pexen run -k "nothing and such" suite
        pexen: error: of 6 tasks, none is selected; 'pexen list' shows them
        [5]
    """)


@pytest.mark.parametrize(
    "text",
    ["", " ", "(", ")", "()", "and", "or a", "a b", "a and", "not", "a)", "(a", "a or or b", "'a"],
)
def test_an_expression_that_means_nothing_is_an_error_that_quotes_it(suite, text):
    out, err, status = suite.run("run", "-k", text, "suite")
    assert (out, status, err.count("\n")) == ("", 2, 1)
    assert err.startswith(f"pexen: error: expression {text!r} can't be read: ")


@pytest.mark.parametrize("text", ["[", "[]", "*" * 200 + "x", "\N{GREEK SMALL LETTER MU}", "\x1b[2J"])
def test_odd_words_fit_nothing(suite, text):
    out, err, status = suite.run("run", "-k", text, "suite")
    assert (out, status) == ("", 5) and "\x1b" not in err


@pytest.mark.parametrize("text", ["not " * 20_000 + "a", "(" * 20_000 + "a" + ")" * 20_000])
def test_an_expression_that_is_too_deep_is_an_error(suite, text):
    out, err, status = suite.run("run", "-k", text, "suite")
    assert (out, status) == ("", 2) and "Traceback" not in err


def test_names_with_parameters_select_one_task(cli):
    cli.write("suite.py", """
        from pexen import task
        def make(name):
            @task
            def each(): pass
            each.__qualname__ = f"each[{name}]"
            return each
        class Factory:
            def __call__(self, target):
                return [make(name) for name in ("1", "2", "a b", "*", "12")]
    """)
    for name in "1", "2", "a b":
        args = ["--factory", "suite:Factory", "--only", f"each[{name}]", "x"]
        assert cli.run("run", "-n", *args)[0] == f"each[{name}]\n\n1 task would be run\n"


def test_the_command_that_runs_a_failed_task_again_does(cli):
    cli.write("my suite/__init__.py", "")
    cli.write("my suite/it's.py", "from pexen import task\n@task\ndef a(): raise ValueError")
    out = cli.run("run", "-j1", "my suite")[0]
    (again,) = [line for line in out.splitlines() if line.startswith("-- again: ")]
    words = shlex.split(again.removeprefix("-- again: pexen "))
    assert "1 task: 1 failed" in cli.run(*words)[0]


MANY = """
    from pexen import task
    def body(): pass
    class Each:
        def __init__(self, number): self.__qualname__ = f"each{number}"
        def __call__(self): pass
    class Factory:
        def __call__(self, target):
            return [task(provides=[n], requires=[n - 1] if n % 10 else [])(Each(n))
                    for n in range(20_000)]
"""


def test_twenty_thousand_tasks_are_no_trouble(cli):
    cli.write("suite.py", MANY)
    args = ["--factory", "suite:Factory", "x"]
    out, err, status = cli.run("run", "-n", *args)
    assert (err, status) == ("", 0) and out.endswith("\n20000 tasks would be run\n")
    out, _, status = cli.run("run", "-n", "--lf", *args)
    assert out.endswith("\n20000 tasks would be run\n") and status == 0
    out, _, status = cli.run("run", "-n", "--only", "each19999", *args)
    assert out.endswith("\n10 tasks would be run\n")
