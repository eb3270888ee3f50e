"""The live line."""

from __future__ import annotations

import io
from typing import Any

import pytest

from pexen.report.columns import end_of, width
from pexen.report.live import INTERVAL, Live, wanted

ERASE = "\r\x1b[K"


class Terminal(io.StringIO):
    """A stream that says it is a terminal, and what stands in its last line."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)

    @property
    def lines(self) -> list[str]:
        """What a terminal that is wide enough shows."""
        shown = [""]
        for part in self.getvalue().replace(ERASE, "\0").replace("\n", "\0\n").split("\0"):
            if part.startswith("\n"):
                shown.append(part[1:])
            else:
                shown[-1] = part
        return shown


class Full(io.StringIO):
    """A stream that can't be written to."""

    def write(self, text: str) -> int:
        raise OSError(28, "No space left on device")


def live(total: int, columns: int = 80, **more: Any) -> tuple[Live, Terminal]:
    terminal = Terminal()
    return Live(terminal, total, columns=lambda: columns, **more), terminal


def test_the_line_says_how_far_the_run_is() -> None:
    line, terminal = live(240, workers=4, expected={f"net/{n}": 0.25 for n in range(240)})
    for number in range(20):
        line.began(f"net/{number}", 0.0)
    for number, outcome in enumerate(["failed", *["ok"] * 14, "timeout"]):
        line.ended(f"net/{number}", outcome, 0.25)
    line.tick(3.0)
    assert terminal.lines == [
        "[16/240] 2 failed, eta 0:14 | running: net/16 (3.0 s), net/17 (3.0 s) +2"
    ]


def test_only_what_runs_for_a_second_has_its_time() -> None:
    line, terminal = live(3)
    line.began("a/b", 0.0)
    line.began("c/d", 61.5)
    line.began("e/f", 62.0)
    line.tick(62.9)
    assert terminal.lines == ["[0/3] | running: a/b (1:02), c/d (1.4 s), e/f"]


def test_an_attempt_that_follows_another_counts_once() -> None:
    line, terminal = live(1)
    line.began("a", 0.0)
    line.began("a", 5.0)
    line.tick(7.0)
    assert terminal.lines == ["[0/1] | running: a (2.0 s)"]
    line.ended("a", "ok", 8.0)
    assert terminal.lines == ["[1/1]"]


def test_what_never_began_ends_as_well() -> None:
    line, terminal = live(2)
    line.ended("a", "blocked", 0.0)
    line.ended("b", "lost", 1.0)
    assert terminal.lines == ["[2/2] 1 failed"]


def test_many_tasks_at_one_time_are_drawn_once() -> None:
    line, terminal = live(10_000)
    for number in range(10_000):
        line.began(str(number), 1.0)
        line.ended(str(number), "ok", 1.0)
    assert terminal.writes == 1
    line.tick(1.0 + INTERVAL)
    assert terminal.lines == ["[10000/10000]"]


def test_the_line_is_drawn_no_more_than_ten_times_a_second() -> None:
    line, terminal = live(1000)
    for number in range(1000):  # a second, in which each changes what is to be seen
        line.began(str(number), number / 1000)
    assert 9 <= terminal.writes <= 11


def test_a_line_that_stays_the_same_is_not_written_again() -> None:
    line, terminal = live(2)
    line.ended("a", "ok", 0.0)
    for moment in range(1, 10):
        line.tick(float(moment))
    assert terminal.writes == 1


def test_lines_are_printed_above() -> None:
    line, terminal = live(3)
    line.above("before anything is known")
    line.ended("a", "ok", 0.0)
    line.above("ok a\nin two lines")
    assert terminal.lines == ["before anything is known", "ok a", "in two lines", "[1/3]"]
    assert f"{ERASE}ok a\nin two lines\n[1/3]" in terminal.getvalue()
    line.close()
    assert terminal.lines[-1] == ""
    line.above("the end")
    assert terminal.lines[-2:] == ["the end", ""]


def test_nothing_is_drawn_after_the_end() -> None:
    line, terminal = live(3)
    line.ended("a", "ok", 0.0)
    line.close()
    written = terminal.getvalue()
    line.began("b", 5.0)
    line.ended("b", "ok", 6.0)
    line.tick(7.0)
    line.close()
    assert terminal.getvalue() == written and written.endswith(ERASE)


def test_a_line_printed_above_does_not_bring_back_one_that_is_too_wide_by_now() -> None:
    columns, terminal = 80, Terminal()
    line = Live(terminal, 3, columns=lambda: columns)
    line.began("a" * 40, 0.0)
    columns = 35
    line.above("narrower")
    assert terminal.lines == ["narrower", ""]
    line.tick(INTERVAL)
    assert width(terminal.lines[-1]) < 35 and "running: ...aaa" in terminal.lines[-1]


NAMES = {
    "long": "net/" * 40 + "end",
    "wide": "漢字" * 40,
    "half": "a漢" * 40,
    "combining": "é" * 100,
    "hostile": "\0\x1b[31m\r\n\udc80" * 20,
    "short": "a/b",
}


@pytest.mark.parametrize("columns", [1, 2, 5, 12, 20, 33, 34, 35, 36, 40, 79, 80, 81, 200])
@pytest.mark.parametrize("kind", NAMES)
def test_the_line_is_narrower_than_the_terminal(kind: str, columns: int) -> None:
    line, terminal = live(100, columns, expected={"other": 3.0})
    line.ended("first", "failed", 0.0)
    for number in range(30):
        line.began(NAMES[kind] + str(number), 0.5)
    line.began("", 0.5)
    line.tick(10.0)
    (shown,) = terminal.lines
    assert width(shown) < columns
    assert shown.isprintable()
    if columns == 80:
        assert shown.startswith("[1/100] 1 failed, eta ") and " | running: " in shown
        assert shown.split("+")[1].isdecimal()


def test_no_name_is_cut_to_a_piece_that_says_nothing() -> None:
    for columns in range(20, 60):
        line, terminal = live(9, columns)
        line.began("net/tcp/retry/first", 0.0)
        line.began("net/tcp/retry/second", 0.0)
        line.tick(INTERVAL)
        _, _, runs = terminal.lines[0].partition(" | running: ")
        for name in runs.split(" +")[0].split(", ") if runs else ():
            assert len(name) >= 12 and name.endswith(("first", "second"))


def test_characters_that_take_two_columns_count_so() -> None:
    assert [width(text) for text in ("a", "é", "漢", "ｱ", "Ａ", "\U0001f600")] == [1, 1, 2, 1, 2, 2]


def test_tasks_that_were_skipped_say_nothing_of_how_long_others_take() -> None:
    line, terminal = live(10, expected={"a": None})
    line.began("a", 0.0)
    line.ended("a", "skipped", 0.5)
    assert terminal.lines == ["[1/10]"]
    line.began("b", 1.0)
    line.ended("b", "ok", 3.0)
    assert terminal.lines == ["[2/10] eta 0:16"]


def test_what_the_stream_cannot_write_is_escaped_and_counted_so() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    Live(stream, 1, columns=lambda: 40).began("漢字" * 20, 0.0)
    shown = raw.getvalue().decode().removeprefix(ERASE)
    assert shown.endswith(r"\u6f22\u5b57") and len(shown) <= 39


def test_a_name_of_many_megabytes_is_not_looked_at_whole() -> None:
    class Name(str):
        def __getitem__(self, part: Any) -> str:
            asked.append(part)
            return str.__getitem__(self, part)

    asked: list[slice] = []
    assert end_of(Name("x" * 1_000_000), 10) == "...xxxxxxx"
    assert asked == [slice(-11, None, None)]


def test_a_tick_during_another_call_does_nothing() -> None:
    class Interrupted(Terminal):
        def write(self, text: str) -> int:
            line.tick(100.0)  # as from the handler of a signal
            return super().write(text)

    terminal = Interrupted()
    line = Live(terminal, 1, columns=lambda: 80)
    line.began("a", 0.0)
    line.above("text")
    assert terminal.writes == 2


def test_a_stream_that_is_full_ends_the_line_and_only_that() -> None:
    line = Live(Full(), 3, columns=lambda: 80)
    line.began("a", 0.0)
    line.ended("a", "ok", 1.0)
    line.tick(2.0)
    with pytest.raises(OSError, match="No space left"):
        line.above("text")
    line.close()


def test_a_stream_that_was_closed_ends_the_line_and_only_that() -> None:
    line, terminal = live(2)
    line.ended("a", "ok", 0.0)
    terminal.close()
    line.ended("b", "ok", 1.0)
    line.close()


def test_only_a_terminal_that_can_do_so_has_a_live_line() -> None:
    assert wanted(Terminal(), {"TERM": "xterm"})
    assert wanted(Terminal(), {})
    assert not wanted(Terminal(), {"TERM": "dumb"})
    assert not wanted(io.StringIO(), {"TERM": "xterm"})
    assert not wanted(None, {"TERM": "xterm"})
    closed = io.StringIO()
    closed.close()
    assert not wanted(closed, {"TERM": "xterm"})


def test_tasks_of_the_same_name_are_told_apart_by_their_keys() -> None:
    line, terminal = live(2, workers=2, expected={1: 20.0, 2: 10.0})
    line.began("t.sh", 0.0, key=1)
    line.began("t.sh", 0.0, key=2)
    line.ended("t.sh", "ok", 10.0, key=2)
    assert terminal.lines == ["[1/2] eta 0:10 | running: t.sh (10.0 s)"]


def test_a_task_that_waits_for_another_attempt_does_not_run() -> None:
    line, terminal = live(1)
    line.began("a", 0.0)
    line.waits("a", 1.0)
    assert terminal.lines == ["[0/1]"]
    line.began("a", 9.0)
    assert terminal.lines == ["[0/1] | running: a"]
