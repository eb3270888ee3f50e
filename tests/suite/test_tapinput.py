"""What is read from the Test Anything Protocol."""

from __future__ import annotations

import random

import pytest

from pexen.suite.tapinput import read_tap


def points(text: str) -> list[tuple[str, str, str]]:
    tap = read_tap(text)
    assert tap is not None
    return [(each.name, each.verdict, each.note) for each in tap.findings]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "ok\n",
        "all is ok 1\n1..3\n",
        "1..3\nnothing more",
        "1..9999999999999999999999\nok",
        "okay\n1..1\n",
        "# TAP version 14\n",
    ],
)
def test_what_is_no_tap_is_not_taken_for_it(text: str) -> None:
    assert read_tap(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "1..2\nok 1 - one\nnot ok 2 two\n",
        "ok - one\nnot ok two\n1..2",
        "TAP version 13\r\n1..2\r\nok 1 one\r\nnot ok 2 - two\r\n",
        "# a comment\n\nTAP version 14\nnot a line of it\nok one\nnot ok 2 - two\n1..2\n",
    ],
)
def test_each_version_has_its_test_points(text: str) -> None:
    assert points(text) == [("one", "ok", ""), ("two", "fail", "")]


def test_directives_say_what_a_test_point_is() -> None:
    text = """1..8
ok 1 - a # SKIP no disk
not ok 2 - b # skip
not ok 3 - c # TODO later
ok 4 - d # todo: later
ok 5 # Skipped: here
not ok 6 - hash \\# skip, and \\\\
ok 7 - C#skip is a name
not ok
"""
    assert points(text) == [
        ("a", "skip", "no disk"),
        ("b", "skip", ""),
        ("c", "info", "TODO: later"),
        ("d", "warn", "passes, but is TODO: later"),
        ("test point 5", "skip", "here"),
        ("hash # skip, and \\", "fail", ""),
        ("C#skip is a name", "ok", ""),
        ("test point 8", "fail", ""),
    ]


def test_diagnostics_are_the_note_of_their_test_point() -> None:
    text = """TAP version 14
not ok 1 - a
  ---
  message: "x"
  at:
    line: 3

  ...
not ok 2 - b # TODO later
  ---
  message: y
ok 3 - c
1..3
"""
    assert points(text) == [
        ("a", "fail", 'message: "x"\nat:\n  line: 3\n'),
        ("b", "info", "TODO: later\nmessage: y"),
        ("c", "ok", ""),
    ]


def test_subtests_are_left_out() -> None:
    text = """TAP version 14
# Subtest: a
    1..1
    not ok 1 - in
      ---
      x: 1
      ...
ok 1 - a
1..1
"""
    assert points(text) == [("a", "ok", "")]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("1..3\nok\nok\n", "3 test points planned, 2 seen"),
        ("1..1\nok\nok\n", "1 test points planned, 2 seen"),
        ("TAP version 14\nok\n", "there is none, so it may have ended early"),
        ("1..2\nok 1\nok 3\n", "1..2 planned, 3 seen"),
        ("1..2\nok 1\nok 1\n", "test point 1 came twice; 2 test points planned, 1 seen"),
        ("1..1\nok 1\n1..1\n", "it came twice"),
        ("1..0\nok 1\n", "0 test points planned, 1 seen"),
    ],
)
def test_a_plan_that_is_not_kept_is_a_failure(text: str, wrong: str) -> None:
    assert points(text)[-1] == ("plan", "fail", wrong)


def test_after_bailing_out_nothing_counts() -> None:
    text = "1..9\nok 1 - a\nBail out!  no disk\nok 2\n"
    assert points(text) == [("a", "ok", ""), ("Bail out!", "fail", "no disk")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1..0 # SKIP no disk\n", "no disk"),
        ("TAP version 14\n1..0\n", "its plan has no test points"),
    ],
)
def test_a_plan_of_none_is_a_skip(text: str, why: str) -> None:
    assert read_tap(text) == ([], why)


def test_whatever_is_written_is_read_soon() -> None:
    chance = random.Random(1)
    pieces = [
        "ok", "not ok", " 1", "1..3", "\n", "# skip", "#", " ", "\\", "---", "\n  ---\n", "...",
        "TAP version 14\n", "Bail out!", "\0", "\x1b[31m", "\ud800", "\u2028",
    ]  # fmt: skip
    for _ in range(300):
        read_tap("1..1\nok\n" + "".join(chance.choices(pieces, k=40)))
    for piece in pieces:
        read_tap("TAP version 14\n" + piece * 100_000)
        read_tap("TAP version 14\nok 1 " + (piece * 100_000).replace("\n", ""))


def test_what_was_left_out_of_a_long_output_is_nothing_against_its_plan() -> None:
    tap = read_tap("1..9\nok 1\n[70000 bytes left out]\nok 9")
    assert tap is not None
    assert [(each.name, each.verdict) for each in tap.findings][-1] == ("output", "warn")
    assert "fail" not in {each.verdict for each in tap.findings}
