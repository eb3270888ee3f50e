"""The tasks that the benchmarks run: no-ops, in some shapes of dependencies, as plain data."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

LAYER, NEEDS = 100, 3  # tasks in a layer, and how many of the layer before each requires
SHAPES = ("flat", "layered", "fan", "chain")


class Load(NamedTuple):
    """Callables, and of each the numbers of those that come before it.

    Those in `group` come before the last one, all of them.
    """

    calls: list[Callable[[], None]]
    needs: list[list[int]]
    group: range = range(0)


def noop() -> Callable[[], None]:
    """A function that does nothing; a new one each time, as pexen tells tasks apart by object."""

    def call() -> None:
        pass

    return call


def make(shape: str, count: int) -> Load:
    """The tasks, in an order in which they could be run; the same for the same arguments."""
    calls = [noop() for _ in range(count)]
    if shape == "flat":
        return Load(calls, [[] for _ in range(count)])
    if shape == "chain":
        return Load(calls, [[number - 1] if number else [] for number in range(count)])
    if shape == "fan":
        group = range(1, count - 1)
        return Load(calls, [[], *([0] for _ in group), list(group)], group)
    chance = random.Random(count)
    needs: list[list[int]] = []
    for number in range(count):
        start = number - number % LAYER
        needs.append(chance.sample(range(start - LAYER, start), NEEDS) if start else [])
    return Load(calls, needs)


def importable(load: Load) -> Load:
    """The same, with each callable a name of this module, so that it can be pickled."""
    module = sys.modules[__name__]
    for number, call in enumerate(load.calls):
        call.__name__ = call.__qualname__ = f"call_{number}"
        setattr(module, call.__name__, call)
    return load


def fields(load: Load, every: Callable[[Any], Any] | None) -> list[dict[str, Any]]:
    """What each task declares to pexen: it provides its number if somebody requires it.

    Those of the group share one tag instead, if there is `every`.
    """
    required = {need for needs in load.needs for need in needs}
    declared: list[dict[str, Any]] = []
    for number, needs in enumerate(load.needs):
        tags: list[Any] = list(needs)
        provides: set[Any] = {number} if number in required else set()
        if every is not None and load.group:
            if number in load.group:
                provides = {"group"}
            elif number == len(load.calls) - 1:
                tags = [every("group")]
        declared.append({"requires": set(tags), "provides": provides})
    return declared
