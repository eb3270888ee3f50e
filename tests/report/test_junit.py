"""JUnit's XML."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from pexen.report.junit import junit
from pexen.report.texts import LIMIT, for_xml, shortened
from pexen.sched import Outcome


def result(outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {"callpath": ["net", "tcp", "retry"], "outcome": outcome, "duration": 1.25, **more}


def read(*results: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(junit(results, "a suite", 1_000_000_000.0, 3.5))


def test_the_document_says_what_ran_and_when() -> None:
    root = read(result())
    (suite,) = root
    (case,) = suite
    counts = {"tests": "1", "failures": "0", "errors": "0", "time": "3.500"}
    assert (root.tag, root.attrib) == ("testsuites", counts)
    about = {"name": "a suite", "timestamp": "2001-09-09T01:46:40", "skipped": "0"}
    assert suite.attrib == about | counts
    assert case.attrib == {"name": "retry", "classname": "net.tcp", "time": "1.250"}
    assert len(case) == 0


# Of each element, the attributes that Jenkins's xUnit plugin knows of, and the elements.
_RESULT = ({"type", "message"}, set[str]())
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"}, {"testcase"}
    ),
    "testcase": (
        {"name", "time", "classname"}, {"skipped", "error", "failure", "system-out"}
    ),
    "failure": _RESULT, "error": _RESULT, "skipped": _RESULT, "system-out": (set[str](), set[str]())
}  # fmt: skip


def test_there_is_nothing_in_it_that_the_schema_forbids() -> None:
    everything: dict[str, Any] = {"reason": "bad", "traceback": "worse", "output": "said"}
    everything |= {"file": "tcp.py", "line": 7}
    root = read(*(result(outcome, **everything) for outcome in Outcome))
    for element in root.iter():
        attributes, elements = SCHEMA[element.tag]
        assert set(element.keys()) <= attributes and {each.tag for each in element} <= elements
    assert {element.tag for element in root.iter()} == SCHEMA.keys()
    for element in root.iter():
        assert re.fullmatch(r"[0-9]+\.[0-9]{3}", element.get("time", "0.000"))


def test_every_outcome_is_counted_once() -> None:
    (suite,) = read(*(result(outcome) for outcome in Outcome))
    found = {str(outcome): [each.tag for each in case] for outcome, case in zip(Outcome, suite)}
    assert found == {
        "ok": [], "fresh": [], "skipped": ["skipped"], "failed": ["failure"], "timeout": ["error"],
        "lost": ["error"], "blocked": ["error"], "cancelled": ["error"],
    }
    counts = {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "8", "failures": "1", "errors": "4", "skipped": "1"}


def test_a_failure_has_its_reason_and_its_traceback() -> None:
    (suite,) = read(result("failed", reason="OSError: bad", traceback="Traceback …\nOSError: bad"))
    (failure,) = suite[0]
    assert failure.attrib == {"type": "failed", "message": "OSError: bad"}
    assert failure.text == "Traceback …\nOSError: bad"
    (suite,) = read(result("lost"))
    assert (suite[0][0].get("message"), suite[0][0].text) == ("lost", "lost")


HOSTILE = "nul \0 ansi \x1b[31m ]]> & < > \" ' \ufffe \udc80 \r\n\t \U0001f600 é"


def test_whatever_a_test_says_can_be_read_back() -> None:
    (suite,) = read(
        result("failed", reason=HOSTILE, traceback=HOSTILE, output=HOSTILE)
        | {"callpath": [HOSTILE, HOSTILE]}
    )
    failure, output = suite[0]
    escaped = for_xml(HOSTILE)
    assert r"nul \x00 ansi \x1b[31m ]]> & < >" in escaped and r"\ufffe \udc80" in escaped
    for text in (failure.text, output.text):
        assert text is not None and text.split() == escaped.split()
    for name in ("name", "classname"):
        assert (suite[0].get(name) or "").split() == escaped.split()


def test_a_long_output_is_cut_in_the_middle_and_says_so() -> None:
    text = "a" * LIMIT + "middle" + "z" * LIMIT
    (suite,) = read(result(output=text))
    found = suite[0][0].text or ""
    assert len(found) < LIMIT + 100 and found.startswith("aaa") and found.endswith("zzz")
    assert f"\n[{LIMIT + len('middle')} characters left out]\n" in found


@pytest.mark.parametrize("char", ["x", "\0", "\ufffe", "\0x"])
def test_nothing_makes_it_larger_than_its_texts_may_be(char: str) -> None:
    much = char * (3 * LIMIT)
    document = junit(
        [result("failed", reason=much, traceback=much, output=much, callpath=[much, much])],
        much, 0, 0
    )  # fmt: skip
    assert len(document) < 2 * LIMIT + 6000
    assert ElementTree.fromstring(document)[0].get("tests") == "1"


def test_what_was_left_out_before_counts_when_more_is_left_out() -> None:
    captured = "a" * 500 + "\n[49000000 bytes left out]\n" + "z" * 500
    assert shortened(captured, 1000) == captured.replace("bytes", "characters")
    assert "\n[49000200 characters left out]\n" in shortened(captured, 800)
    assert "\n[49000200 characters left out]\n" in shortened(shortened(captured, 1000), 800)


@pytest.mark.parametrize("length", [0, 1, 10])
def test_a_text_that_is_not_too_long_stays(length: int) -> None:
    assert shortened("x" * length, 10) == "x" * length
