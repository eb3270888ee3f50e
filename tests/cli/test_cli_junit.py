"""The JUnit file of a run in which much goes wrong; `bench/junit_readers.py` has others read it."""

from __future__ import annotations

import pathlib
import runpy
from collections import Counter
from typing import Any
from xml.etree import ElementTree

import pytest

from pexen.report.texts import for_xml

TASKS = pathlib.Path(__file__).parents[1] / "bench" / "junit_tasks.py"

ELEMENTS = {"ok": [], "skipped": ["skipped"], "failed": ["failure"]}


@pytest.mark.parametrize("how, without", [("--processes", "much"), ("--threads", "much or lost")])
def test_every_task_is_told_of_once_and_counted(cli: Any, how: str, without: str) -> None:
    suite_of = runpy.run_path(str(TASKS))
    expected = {
        for_xml(name): ELEMENTS.get(outcome, ["error"])
        for name, outcome in suite_of["EXPECTED"].items()
        if not any(word in name for word in without.split(" or "))
    }
    _, _, status = cli.run(
        "run", "-j2", how, "-k", f"not ({without})", "--junitxml", "junit.xml", str(TASKS),
        errors="backslashreplace",
    )  # fmt: skip
    assert status == 1
    root = ElementTree.parse(cli.folder / "junit.xml").getroot()
    (suite,) = root
    outcomes = [
        (case.get("name"), [each.tag for each in case if each.tag != "system-out"])
        for case in suite
    ]
    assert sorted(outcomes) == sorted(expected.items())
    told = Counter(element for _, elements in outcomes for element in elements)
    for each, keys in (root, ("failure", "error")), (suite, ("failure", "error", "skipped")):
        assert each.get("tests") == str(len(expected))
        for key in keys:
            assert each.get(key if key == "skipped" else f"{key}s") == str(told[key])


def test_what_was_ended_has_its_output(cli: Any) -> None:
    cli.run("run", "-k", "times_out or is_lost and not much", "--junitxml", "j.xml", str(TASKS))
    (suite,) = ElementTree.parse(cli.folder / "j.xml").getroot()
    outputs = {case.get("name"): case.findtext("system-out", "") for case in suite}
    assert outputs.keys() == {"times_out", "is_lost"}
    assert outputs["times_out"].startswith(r"waits nul \x00 ansi \x1b[31m")
    assert outputs["is_lost"].startswith(r"dies nul \x00 ansi \x1b[31m")
    assert all(text.endswith("\U0001f600\n") for text in outputs.values())


def test_in_a_thread_too(cli: Any) -> None:
    cli.run("run", "--threads", "-k", "times_out", "--junitxml", "j.xml", str(TASKS))
    (suite,) = ElementTree.parse(cli.folder / "j.xml").getroot()
    assert suite[0].findtext("system-out", "").startswith(r"waits nul \x00 ansi \x1b[31m")


def test_of_a_long_output_it_says_how_much_is_missing(cli: Any) -> None:
    cli.write("long.py", """
        from pexen import task

        @task
        def prints():
            print("x" * 5_000_000, end="")
    """)  # fmt: skip
    for way in "--processes", "--threads":
        cli.run("run", way, "--junitxml", "j.xml", "long.py")
        (suite,) = ElementTree.parse(cli.folder / "j.xml").getroot()
        text = suite[0].findtext("system-out", "")
        assert text.count("x") == 1_000_000 and "\n[4000000 characters left out]\n" in text
