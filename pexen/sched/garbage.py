"""Pausing the collector of garbage while very many objects are made that all stay.

The collector looks through young objects after every few hundred that are made, and through all
there are when these have become a quarter more. While a graph is built nothing of it is
garbage. Mercurial does the same where it reads large files (its `nogc`).
"""

from __future__ import annotations

import gc
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

# For fewer tasks the collector isn't paused: the switch is the whole process's, and another
# thread may be about to use it as well.
_MANY = 1000

_pauses: list[None] = []  # one for each that is to be ended by turning the collector on


def uncollected(tasks: int, make: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call `make`, which makes objects for so many tasks, with the collector off if they are many.

    Where it is off it stays so, and a process that is forked meanwhile has it on.
    """
    pauses = tasks >= _MANY and gc.isenabled()
    try:
        if pauses:
            _pauses.append(None)
            gc.disable()
        return make(*args, **kwargs)
    finally:
        if pauses:
            gc.enable()
            del _pauses[:1]


def _go_on_in_child() -> None:
    if _pauses:
        gc.enable()
        _pauses.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_go_on_in_child)
