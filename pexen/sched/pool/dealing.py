"""Which worker gets which item."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import zip_longest

from .handle import Item, WorkerProcess


class Place:
    """A worker with `room` for more items, of which there is some, and those it is to get."""

    __slots__ = ("room", "share", "worker")

    def __init__(self, worker: WorkerProcess, room: int) -> None:
        self.worker = worker
        self.room = room
        self.share: deque[Item] = deque()


def deal(backlog: deque[Item], places: list[Place]) -> None:
    """Deal items out as long as there is room, each to the worker with the shortest queue."""
    lengths = [len(place.worker.queue) for place in places]
    ranges = [(n, n + place.room, place.share) for n, place in zip(lengths, places)]
    shortest = min(lengths, default=0)
    for length in range(shortest, max([end for _, end, _ in ranges], default=0)):
        for begin, end, share in ranges:
            if begin <= length < end:
                if not backlog:
                    return
                share.append(backlog.popleft())


def divide(back: list[Item], first: int, room: int) -> tuple[list[Item], list[Item]]:
    """What a busy worker keeps of the items taken back from it, and what an idle one gets.

    Both get every other one, so that the first ones are the first to begin on both sides. The
    idle worker's begin with the one numbered `first`, and are no more than its `room`.
    """
    moved = back[first::2][:room]
    numbers = {item.seq for item in moved}
    return [item for item in back if item.seq not in numbers], moved


def undeal(shares: Sequence[Sequence[Item]]) -> list[Item]:
    """The items of several shares in the order in which they were dealt, or nearly so."""
    return [item for level in zip_longest(*shares) for item in level if item is not None]
