"""What is shown while nothing happens: a live line on a terminal, else a line now and then."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TextIO

from ..report.live import INTERVAL, Live, wanted
from ..report.still import Still
from .output import printable


@contextlib.contextmanager
def meanwhile(
    total: int,
    workers: int,
    expected: Mapping[Any, float | None],
    clock: Callable[[], float],
    others_print: bool,
) -> Iterator[Live | Still | None]:
    """Within, who shows what runs, of a run of so many tasks, also while nothing is told.

    That is a live line, or, where stdout is no terminal or others print to it, a line when nothing
    has ended, or a task runs, for long; None without a stdout. `expected` has the seconds that
    tasks take, by identity; `clock` is the pool's.
    """
    number = _duplicate_of_stdout()
    if number is None:
        yield None
    elif others_print or not wanted(sys.stdout, os.environ):
        with _still(number, expected, clock) as still:
            yield still
    else:
        with _live_line(number, total, workers, expected, clock) as live:
            yield live


def _duplicate_of_stdout() -> int | None:
    """A number of its own for what stdout is.

    As with a stream of its own, a worker that is forked while it is written to never wants what
    is locked then.
    """
    try:
        sys.stdout.flush()
        return os.dup(sys.stdout.fileno())
    except (AttributeError, OSError, ValueError):  # None, one that is no file, or closed
        return None


@contextlib.contextmanager
def _still(
    number: int, expected: Mapping[Any, float | None], clock: Callable[[], float]
) -> Iterator[Still]:
    def say(text: str) -> None:
        with contextlib.suppress(OSError):  # the run learns of it when it prints
            os.write(number, f"{printable(text)}\n".encode(errors="backslashreplace"))

    try:
        still = Still(say, clock(), expected)
        with _ticking(still, clock):
            yield still
    finally:
        os.close(number)


@contextlib.contextmanager
def _live_line(
    number: int,
    total: int,
    workers: int,
    expected: Mapping[Any, float | None],
    clock: Callable[[], float],
) -> Iterator[Live]:
    stream = open(number, "w", encoding=sys.stdout.encoding, errors="backslashreplace")
    with _closing(stream):
        live = Live(stream, total, workers, expected)
        try:
            with _ticking(live, clock):
                yield live
        finally:
            live.close()


@contextlib.contextmanager
def _ticking(shown: Live | Still, clock: Callable[[], float]) -> Iterator[None]:
    """Within, what is shown moves on by itself."""
    over = threading.Event()
    ticking = threading.Thread(target=_tick, args=(shown, clock, over), daemon=True)
    ticking.start()
    try:
        yield
    finally:
        over.set()
        ticking.join()


@contextlib.contextmanager
def _closing(stream: TextIO) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the terminal may have gone away
            stream.close()


def _tick(shown: Live | Still, clock: Callable[[], float], over: threading.Event) -> None:
    while not over.wait(5 * INTERVAL):
        with contextlib.suppress(Exception):
            shown.tick(clock())
