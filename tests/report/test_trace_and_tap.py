"""The timeline and the Test Anything Protocol."""

from __future__ import annotations

import json
from typing import Any

from pexen.report.tap import tap
from pexen.report.trace import trace


def result(name: str = "a", outcome: str = "ok", **more: Any) -> dict[str, Any]:
    return {"callpath": ["net", name], "outcome": outcome, **more}


def test_each_worker_has_a_row_in_the_timeline() -> None:
    found = json.loads(
        trace(
            [
                result("a", started=0.5, duration=1.25, worker="process-1"),
                result("b", "failed", started=0.25, duration=0, worker="process-2", reason="no"),
                result("c", started=2, duration=0.0000014, worker="process-1"),
                result("never", "blocked", started=None, duration=None),
            ]
        )
    )["traceEvents"]
    rows = {each["tid"]: each["args"]["name"] for each in found if each["ph"] == "M"}
    shown = [
        (each["name"], rows[each["tid"]], each["ts"], each["dur"], each["cat"])
        for each in found
        if each["ph"] == "X"
    ]
    assert shown == [
        ("a", "process-1", 500_000, 1_250_000, "ok"),
        ("b", "process-2", 250_000, 0, "failed"),
        ("c", "process-1", 2_000_000, 1, "ok"),
    ]
    assert {each["pid"] for each in found} == {1}
    assert found[3]["args"] == {"outcome": "failed", "callpath": "net/b", "reason": "no"}


def test_every_outcome_is_a_point_of_tap() -> None:
    text = tap(
        [
            result("a"),
            result("b", "skipped", reason="no disk\nat all"),
            result("c", "skipped"),
            result("#d\\ \n", "failed", reason='say "no"', traceback="Trace\n  more", duration=1.5),
            result("e", "blocked"),
        ]
    )
    assert text.splitlines() == [
        "TAP version 14",
        "1..5",
        "ok 1 - net/a",
        "ok 2 - net/b # SKIP no disk at all",
        "ok 3 - net/c # SKIP",
        r"not ok 4 - net/\#d\\",
        "  ---",
        '  outcome: "failed"',
        r'  message: "say \"no\""',
        "  duration_ms: 1500.0",
        r'  traceback: "Trace\n  more"',
        "  ...",
        "not ok 5 - net/e",
        "  ---",
        '  outcome: "blocked"',
        '  message: ""',
        "  ...",
    ]


def test_nothing_is_a_document_as_well() -> None:
    assert tap([]) == "TAP version 14\n1..0\n"
    assert json.loads(trace([]))["traceEvents"] == []
