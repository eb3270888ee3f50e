"""JSON lines."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from pexen.report.jsonl import Lines
from pexen.report.jsonl import KEYS
from pexen.report.texts import LIMIT


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def read(text: str) -> list[dict[str, Any]]:
    assert text.isascii() and (not text or text.endswith("\n"))
    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def written(*results: dict[str, Any]) -> list[dict[str, Any]]:
    stream = io.StringIO()
    lines = Lines(stream)
    for result in results:
        lines.result({"callpath": ["a"], "outcome": "ok", **result})
    lines.flush()
    found = read(stream.getvalue())
    for line in found:
        assert list(line)[0] == "event" and set(line) <= {"event", *KEYS}
    return found


def test_a_run_has_a_line_for_its_beginning_its_results_and_its_end() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin("0.1.0", 1_000_000_000.5, 3)
    lines.result({"callpath": ["a", "b"], "outcome": "ok", "duration": 0.5})
    lines.result({"callpath": ["a", "c"], "outcome": "failed"})
    lines.result({"callpath": ["a", "d"], "outcome": "ok"})
    lines.end(3.25, True)
    assert stream.getvalue().splitlines() == [
        '{"event":"run","format":1,"pexen":"0.1.0","began":1000000000.5,"tasks":3}',
        '{"event":"result","callpath":["a","b"],"outcome":"ok","duration":0.5}',
        '{"event":"result","callpath":["a","c"],"outcome":"failed"}',
        '{"event":"result","callpath":["a","d"],"outcome":"ok"}',
        '{"event":"end","elapsed":3.25,"interrupted":true,"outcomes":{"ok":2,"failed":1}}',
    ]


def test_a_result_has_all_that_is_known() -> None:
    known = {
        "callpath": ["net", "tcp"], "name": "net/tcp", "outcome": "failed", "verdict": "fail",
        "started": 0.0, "duration": 1.5, "attempts": 0, "worker": "process-1", "reason": "bad",
        "traceback": "Traceback\n  bad", "output": "é\n", "file": "tcp.py", "line": 7,
        "attachments": [{"name": "x", "path": "/x"}],
        "results": [{"name": "x", "verdict": "fail", "note": "no", "data": {"n": [1, None, True]}}],
    }  # fmt: skip
    assert written(known) == [{"event": "result", **known}]
    assert set(known) == set(KEYS)


def test_what_is_not_known_or_empty_is_left_out() -> None:
    empty: dict[str, Any] = {"reason": None, "output": "", "results": [], "other": 1}
    assert written(empty) == [{"event": "result", "callpath": ["a"], "outcome": "ok"}]


HOSTILE = "nul \0 ansi \x1b[31m \u2028 \ufffe \r\n\t \U0001f600 é \" \\ </script>"


def test_every_text_can_be_read_back() -> None:
    (found,) = written({"callpath": [HOSTILE], "output": HOSTILE, "results": [{HOSTILE: HOSTILE}]})
    assert found["callpath"] == [HOSTILE] and found["output"] == HOSTILE
    assert found["results"] == [{HOSTILE: HOSTILE}]


def test_a_half_of_a_pair_of_surrogates_is_written_as_text() -> None:
    (found,) = written({"reason": "\udc80", "results": [{"\ud800": ["\udfff"]}]})
    assert found["reason"] == r"\udc80" and found["results"] == [{r"\ud800": [r"\udfff"]}]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        ({1}, "{1}"),
        (b"\xff", r"b'\xff'"),
        ([10**400, 10**5000], [hex(10**400), hex(10**5000)]),
        ((1, float("nan")), [1, None]),
        ({(1, 2): float("nan")}, {"(1, 2)": None}),
    ],
)
def test_what_json_cannot_have_is_shown_else(value: object, shown: object) -> None:
    (found,) = written({"results": [{"data": value, "more": {1}}]})
    assert found["results"] == [{"data": shown, "more": "{1}"}]


def test_a_duration_that_is_no_number_is_null() -> None:
    (found,) = written({"duration": float("nan"), "started": 1.5})
    assert (found["duration"], found["started"]) == (None, 1.5)


def test_an_object_without_a_text_is_no_problem() -> None:
    class Odd:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    (found,) = written({"results": [Odd()]})
    assert found["results"] == ["Odd (its text can't be had: ZeroDivisionError)"]


def test_what_is_nested_without_an_end_is_cut() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    cycle: list[Any] = []
    cycle.append(cycle)
    for value in (deep, cycle):
        (found,) = written({"results": value})
        assert str(found["results"]).startswith("[[[[[[[[[[")
    while deep:  # piece by piece, as freeing it at once may go as deep
        deep = deep.pop()


def test_long_texts_are_cut_wherever_they_are() -> None:
    long = "x" * (3 * LIMIT)
    (found,) = written({"output": long, "traceback": long, "results": [{"note": long}]})
    for text in (found["output"], found["traceback"], found["results"][0]["note"]):
        assert len(text) < LIMIT + 100 and "characters left out" in text


def test_nothing_is_written_between_checkpoints() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin("0.1.0", 0.0, 1)
    assert stream.getvalue() == ""
    lines.flush()
    assert [line["event"] for line in read(stream.getvalue())] == ["run"]
    lines.flush()
    assert len(read(stream.getvalue())) == 1


class Counting(io.StringIO):
    def __init__(self, problem: OSError) -> None:
        super().__init__()
        self.problem, self.writes = problem, 0

    def write(self, text: str) -> int:
        self.writes += 1
        raise self.problem


@pytest.mark.parametrize("problem", [OSError(28, "full"), BrokenPipeError(32, "broken")])
def test_a_stream_that_cannot_be_written_to_is_told_of_once(problem: OSError) -> None:
    stream = Counting(problem)
    lines = Lines(stream)
    lines.begin("0.1.0", 0.0, 1)
    with pytest.raises(type(problem)) as caught:
        lines.flush()
    assert caught.value is problem
    lines.result({"callpath": ["a"], "outcome": "ok"})
    lines.flush()
    lines.end(1.0, False)
    assert stream.writes == 1


def test_a_stream_that_was_closed_is_such_a_one() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    stream.close()
    with pytest.raises(OSError, match="closed"):
        lines.end(1.0, False)
    lines.end(1.0, False)
