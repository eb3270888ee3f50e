"""Of a run that is repeated each round has reports of its own."""

from __future__ import annotations

import json
import os

import pytest

# Ends well in its third round.
SUITE = """
    from pexen import task
    @task
    def third():
        with open("seen", "a") as file:
            file.write(".")
        assert len(open("seen").read()) > 2
"""


@pytest.fixture
def suite(cli):
    cli.write("suite.py", SUITE)
    return cli


def outcome(suite, name: str) -> str:
    (task,) = json.loads((suite.folder / name).read_text())["tasks"]
    return task["outcome"]


def files(suite) -> set[str]:
    return {path.name for path in suite.folder.iterdir()} - {".pexen", "suite.py", "seen"}


def test_each_round_writes_its_number_into_the_names_of_its_files(suite):
    suite.run("run", "--repeat", "3", "--json", "it.json", "--junitxml", "report", "suite")
    assert files(suite) == {name for n in (1, 2, 3) for name in (f"it-{n}.json", f"report-{n}")}
    found = [outcome(suite, f"it-{number}.json") for number in (1, 2, 3)]
    assert found == ["failed", "failed", "ok"]


def test_one_round_writes_what_the_option_says(suite):
    suite.run("run", "--repeat", "1", "--json", "it.json", "suite")
    assert files(suite) == {"it.json"}


def test_rounds_that_do_not_come_have_no_files(suite):
    suite.run("run", "-x", "--repeat", "3", "--json", "it.json", "suite")
    assert files(suite) == {"it-1.json"}


def test_what_is_no_regular_file_has_the_report_of_each_round(suite):
    os.mkfifo(suite.folder / "pipe")
    pipe = os.open(suite.folder / "pipe", os.O_RDWR)
    suite.run("run", "--repeat", "2", "--tap", "pipe", "suite")
    assert os.read(pipe, 100_000).count(b"not ok 1 - suite/third") == 2
    os.close(pipe)
    assert files(suite) == {"pipe"}


def test_the_file_of_a_round_that_cannot_be_written_is_told_of_before_anything_runs(suite):
    (suite.folder / "it-1.json").mkdir()
    _, err, status = suite.run("run", "--repeat", "2", "--json", "it.json", "suite")
    assert err.startswith("pexen: error: file 'it-1.json' is a folder") and status == 2
    assert not (suite.folder / "seen").exists()
