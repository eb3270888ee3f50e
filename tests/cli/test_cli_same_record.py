"""Python code that runs a suite with reports writes the files that the command writes."""

from __future__ import annotations

import json
import sys

import pytest

SUITE = """
    import unittest
    from pexen import task
    from pexen.suite import report
    @task(provides=["till"])
    def till():
        print("the till opens")
        report("drawer", "warn", "it sticks")
    @task(requires=["till"], provides=["sold"])
    def sell():
        raise ValueError("no price")
    @task(requires=["sold"])
    def count(): pass
    @task(after=["till"])
    def log():
        raise unittest.SkipTest("no paper")
"""

PROGRAM = """
    from pexen.factory import AutoFactory
    from pexen.report import HtmlFile, JsonFile, JsonLines, JUnitFile, TapFile, TraceFile
    from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
    from pexen.suite import Suite

    reports = [
        JsonFile("py.json", "suite.py it.sh"), JUnitFile("py.junitxml", "suite.py it.sh"),
        HtmlFile("py.html", "suite.py it.sh"), TapFile("py.tap"), TraceFile("py.trace"),
        JsonLines("py.jsonl"),
    ]
    tasks = [task for name in ("suite.py", "it.sh") for task in AutoFactory()(name)]
    for res in Suite(tasks, reports=reports).run(POOL(1)):
        pass
"""

POOLS = {"--threads": "ThreadWorkerPool", "--processes": "ProcessWorkerPool"}
FILES = ("json", "junitxml", "html", "tap", "trace", "jsonl")

# What differs from run to run, and what only the command knows.
TIMES = {"date", "began", "elapsed", "started", "duration"}
ITS_OWN = {"argv", "rerun"}


def without(value, keys):
    if isinstance(value, dict):
        return {key: without(each, keys) for key, each in value.items() if key not in keys}
    return [without(each, keys) for each in value] if isinstance(value, list) else value


@pytest.fixture(params=POOLS)
def both(request, cli):
    """The folder, after a run of each."""
    cli.write("suite.py", SUITE)
    cli.write("it.sh", "#!/bin/sh\necho from a program; exit 3\n", executable=True)
    options = [f"--{name}=cli.{name}" for name in FILES]
    _, err, status = cli.run("run", request.param, "-j1", *options, "suite.py", "it.sh")
    assert (err, status) == ("", 1)
    cli.write("program.py", PROGRAM.replace("POOL", POOLS[request.param]))
    cli.run("program.py", command=[sys.executable])
    return cli.folder


def test_the_record_is_the_same(both):
    ours, theirs = (json.loads((both / f"{who}.json").read_text()) for who in ("cli", "py"))
    assert [task["outcome"] for task in ours["tasks"]] == [
        "blocked", "skipped", "failed", "ok", "failed",
    ]  # fmt: skip
    assert ours["tasks"][-1]["output"] == "from a program\n"
    assert without(ours, TIMES | ITS_OWN) == without(theirs, TIMES | ITS_OWN)
    assert theirs["argv"] == ["program.py"] and ours["argv"][-1] == "it.sh"
    assert [task["rerun"] for task in theirs["tasks"] if task["outcome"]] == [None] * 5


def test_the_json_lines_are_the_same(both):
    ours, theirs = (
        [json.loads(line) for line in (both / f"{who}.jsonl").read_text().splitlines()]
        for who in ("cli", "py")
    )
    assert len(ours) == 7 and without(ours, TIMES) == without(theirs, TIMES)


def test_the_other_reports_have_the_same_tasks(both):
    for name in ("junitxml", "html", "tap", "trace"):
        ours, theirs = ((both / f"{who}.{name}").read_text() for who in ("cli", "py"))
        for text in ("count", "log", "sell", "till", "it.sh", "no price", "no paper"):
            assert (text in ours) == (text in theirs), (name, text)
        assert "till" in ours and abs(len(ours) - len(theirs)) < 500, name
