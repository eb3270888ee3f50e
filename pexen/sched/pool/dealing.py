"""Which worker gets what."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from itertools import repeat, starmap, zip_longest
from typing import TypeVar

from .handle import WorkerProcess
from .item import Submitted

T = TypeVar("T")


class Place:
    """A worker with `room` for more, of which there is some, and what it is to get.

    `length` is how many tasks it has, with these.
    """

    __slots__ = ("length", "room", "share", "worker")

    def __init__(self, worker: WorkerProcess, room: int) -> None:
        self.worker = worker
        self.length = worker.queue.out
        self.room = room
        self.share: list[Submitted] = []


def deal(backlog: deque[Submitted], places: list[Place]) -> None:
    """Deal out as long as there is room, each time to the worker that has the least.

    So many rounds at a time as the same workers have the least.
    """
    while backlog and (free := [place for place in places if place.room]):
        least = min([place.length for place in free])
        more = min([n for place in free if (n := place.length) > least], default=math.inf)
        group = [place for place in free if place.length == least]
        rounds = min(more - least, *[place.room for place in group])
        count = int(min(rounds * len(group), len(backlog)))
        dealt = [*starmap(backlog.popleft, repeat((), count))]
        for number, place in enumerate(group):
            share = dealt[number :: len(group)]
            place.share += share
            place.length += len(share)
            place.room -= len(share)


def divide(back: Sequence[T], first: int, room: int) -> tuple[list[T], list[T]]:
    """What a busy worker keeps of what was taken back from it, and what an idle one gets.

    Both get every other one, so that the first ones are the first to begin on both sides. The
    idle worker's begin with the one numbered `first`, and are no more than its `room`.
    """
    moved = range(first, len(back), 2)[:room]
    return [x for n, x in enumerate(back) if n not in moved], [back[n] for n in moved]


def undeal(shares: Sequence[Sequence[T]]) -> list[T]:
    """What is in several shares in the order in which it was dealt, or nearly so."""
    return [item for level in zip_longest(*shares) for item in level if item is not None]
