"""Pausing the collector of garbage while very many objects are made that all stay.

The collector looks through young objects after every few hundred that are made, and through all
there are when these have become a quarter more. While a graph is built nothing of it is
garbage. Mercurial does the same where it reads large files (its `nogc`).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

_pausing: list[None] = []  # one for each pause that is to be ended by turning it on


@contextmanager
def collector_paused() -> Iterator[None]:
    """Let nothing be collected meanwhile, in any thread, unless somebody turns it on.

    Where the collector is off it stays so. A process that is forked meanwhile has it on.
    """
    was_on = gc.isenabled()
    try:
        if was_on:
            _pausing.append(None)
            gc.disable()
        yield
    finally:
        if was_on:
            gc.enable()
            del _pausing[:1]


def _go_on_in_child() -> None:
    # Nobody ends a pause there, unless it was the one who forked.
    if _pausing:
        gc.enable()
        _pausing.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_in_child)
