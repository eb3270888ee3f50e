"""Defaults of options, from [tool.pexen] in pyproject.toml."""

from __future__ import annotations

import json

import pytest

SUITE = """
    from pexen import task
    @task
    def a(): print("a prints")
    @task(resources={"gpu": 1})
    def b(): pass
    def test_c(): pass
"""


@pytest.fixture
def suite(cli):
    cli.write("suite.py", SUITE)
    return cli


def defaults(cli, text: str) -> None:
    cli.write("pyproject.toml", f"[tool.pexen]\n{text}\n")


def test_targets_and_options_are_taken_from_the_file(suite):
    defaults(suite, """
        targets = ["suite"]
        jobs = 1
        match = "test_*"
        resource = ["gpu=1"]
        json = "it.json"
        durations = 2
    """)
    out, err, status = suite.run("run")
    assert (err, status) == ("", 0)
    assert "3 tasks: 3 ok" in out and "\nthe slowest:\n" in out
    record = json.loads((suite.folder / "it.json").read_text())
    assert [task["name"] for task in record["tasks"]] == ["suite/a", "suite/b", "suite/test_c"]


def test_one_target_may_be_a_text(suite):
    defaults(suite, 'targets = "suite"\nresource = "gpu=1"')
    assert "2 tasks: 2 ok" in suite.run("run")[0]


def test_the_command_line_wins(suite):
    defaults(suite, 'targets = "nothing"\nmatch = "test_*"\nresource = "gpu=1"\nthreads = true')
    out = suite.run("run", "-n", "--match", "x*", "suite")[0]
    assert out == "suite/a\nsuite/b\n\n2 tasks would be run\n"
    suite.run("run", "--processes", "--json", "it.json", "suite")
    record = json.loads((suite.folder / "it.json").read_text())
    assert record["tasks"][0]["worker"].startswith("process-")


def test_amounts_of_the_command_line_are_added_to_those_of_the_file(suite):
    defaults(suite, 'targets = "suite"\nresource = ["cpu=2"]')
    assert suite.run("run", "--resource", "gpu=1")[2] == 0


def test_flags_are_true_or_false(suite):
    defaults(suite, 'targets = "suite"\nno-state = true\ndry-run = false\nresource = "gpu=1"')
    assert suite.run("run")[2] == 0
    assert not (suite.folder / ".pexen").exists()


def test_a_file_without_the_table_says_nothing(suite):
    suite.write("pyproject.toml", "[tool.other]\njobs = 'many'\n")
    assert suite.run("run", "-n", "suite")[2] == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("speed = 9", "'speed', which is no option; 'pexen run -h' shows them"),
        ("help = true", "'help', which is no option; 'pexen run -h' shows them"),
        ("jobs = 'many'", "'many' for 'jobs'; "),
        ("jobs = 0", "0 for 'jobs'; "),
        ("timeout = -1", "-1 for 'timeout'; '-1' is not a number of seconds above 0"),
        ("timeout = [1, 2]", "[1, 2] for 'timeout'; write one value"),
        ("timeout = []", "[] for 'timeout'; write one value"),
        ("no-state = 'yes'", "'yes' for 'no-state'; write true or false"),
        ("color = 'pink'", "'pink' for 'color'; "),
        ("repeat = 0", "0 for 'repeat'; '0' is not a number above 0"),
        ("resource = ['gpu']", "['gpu'] for 'resource'; "),
    ],
)
def test_what_the_file_cannot_say_is_an_error_that_names_it(suite, text, message):
    defaults(suite, text)
    out, err, status = suite.run("run", "suite")
    assert (out, status, err.count("\n")) == ("", 2, 1)
    assert err.startswith(f"pexen: error: [tool.pexen] in 'pyproject.toml' has {message}")


@pytest.mark.parametrize("text", ["[tool.pexen", "\0", 'x = "\udc80"'])
def test_a_file_that_is_no_toml_is_an_error(suite, text):
    (suite.folder / "pyproject.toml").write_bytes(text.encode(errors="surrogateescape"))
    out, err, status = suite.run("run", "suite")
    assert (out, status, err.count("\n")) == ("", 2, 1)
    assert err.startswith("pexen: error: file 'pyproject.toml' is no TOML: ")


@pytest.mark.parametrize("text", ["tool = 5", "tool = []"])
def test_a_tool_that_is_no_table_is_none_of_ours(suite, text):
    suite.write("pyproject.toml", text)
    assert suite.run("run", "-n", "suite")[1:] == ("", 0)


def test_a_pexen_that_is_no_table_is_an_error(suite):
    suite.write("pyproject.toml", "[tool]\npexen = 7\n")
    _, err, status = suite.run("run", "suite")
    assert "[tool.pexen] in 'pyproject.toml' has 7; write a table of options" in err
    assert status == 2


def test_without_a_target_the_error_says_where_to_name_one(cli):
    _, err, status = cli.run("run")
    text = "name a TARGET, on the command line or as 'targets' in [tool.pexen]"
    assert (err, status) == (f"pexen: error: {text}\n", 2)
