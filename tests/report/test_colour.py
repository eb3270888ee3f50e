"""Colours."""

from __future__ import annotations

import io

import pytest

from pexen.report.colour import CHOICES, painted, wanted
from pexen.sched import Outcome


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_whoever_says_so_has_colours_or_none() -> None:
    assert CHOICES == ("auto", "always", "never")
    assert wanted("always", io.StringIO(), {"NO_COLOR": "1", "TERM": "dumb"})
    assert not wanted("never", Terminal(), {"FORCE_COLOR": "1", "TERM": "xterm"})


@pytest.mark.parametrize(
    ("environ", "terminal", "file"),
    [
        ({}, True, False),
        ({"TERM": "xterm"}, True, False),
        ({"TERM": "dumb"}, False, False),
        ({"NO_COLOR": "1"}, False, False),
        ({"NO_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "1"}, True, True),
        ({"FORCE_COLOR": "1", "TERM": "dumb"}, True, True),
        ({"FORCE_COLOR": ""}, True, False),
        ({"FORCE_COLOR": "0"}, False, False),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, False, False),
    ],
)
def test_else_the_environment_decides(environ: dict[str, str], terminal: bool, file: bool) -> None:
    assert wanted("auto", Terminal(), environ) is terminal
    assert wanted("auto", io.StringIO(), environ) is file


def test_a_stream_that_is_closed_or_none_has_no_colours() -> None:
    closed = io.StringIO()
    closed.close()
    assert not wanted("auto", None, {}) and not wanted("auto", closed, {})


def test_each_outcome_has_its_colour() -> None:
    found = {str(outcome): painted("x", outcome) for outcome in Outcome}
    green, red, yellow, dim = (f"\x1b[{code}mx\x1b[0m" for code in ("32", "31", "33", "2"))
    assert found == {
        "ok": green, "fresh": green, "skipped": dim, "failed": red, "timeout": red, "lost": red,
        "cancelled": yellow, "blocked": yellow,
    }
    assert painted("x", "warn") == yellow


def test_what_has_no_colour_stays_as_it_is() -> None:
    assert painted("x", "info") == "x"
    assert painted("", "ok") == ""
