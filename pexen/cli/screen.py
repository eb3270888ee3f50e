"""The live line of the terminal that the command is in, which moves on while nothing happens."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TextIO

from ..report.live import INTERVAL, Live, wanted


@contextlib.contextmanager
def live_line(
    total: int,
    workers: int,
    expected: Mapping[str, float | None],
    clock: Callable[[], float],
    others_print: bool,
) -> Iterator[Live | None]:
    """Within, there is a live line of a run of so many tasks.

    None where stdout is no terminal, or others print to it. `expected` has the seconds that tasks
    take, by name; `clock` is the pool's.
    """
    if others_print or not wanted(sys.stdout, os.environ):
        yield None
        return
    sys.stdout.flush()
    # A stream of its own: a worker that is forked while its lock is held never wants that.
    encoding, errors = sys.stdout.encoding, "backslashreplace"
    stream = open(os.dup(sys.stdout.fileno()), "w", encoding=encoding, errors=errors)
    with _closing(stream):
        live = Live(stream, total, workers, expected)
        over = threading.Event()
        ticking = threading.Thread(target=_tick, args=(live, clock, over), daemon=True)
        ticking.start()
        try:
            yield live
        finally:
            over.set()
            ticking.join()
            live.close()


@contextlib.contextmanager
def _closing(stream: TextIO) -> Iterator[None]:
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # the terminal may have gone away
            stream.close()


def _tick(live: Live, clock: Callable[[], float], over: threading.Event) -> None:
    while not over.wait(5 * INTERVAL):
        with contextlib.suppress(Exception):
            live.tick(clock())
