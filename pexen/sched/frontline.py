"""The frontline: tasks whose requirements are met, best first."""

from __future__ import annotations

import heapq
from typing import Any

# (priority, -remaining path, node)
Entry = tuple[Any, float, int]

FEW = 16  # entries; to sort as many or more is cheaper than to put them into a heap


class Frontline:
    """Entries, of which the best is taken out first.

    Lower priority first; among equals the one with the longest remaining path (see `order`
    for what that takes in), then the one added first: nodes count up as tasks are added.
    Never set order.

    What comes in is `fresh` until `settle` is called, which finds it its place. What came when
    nothing else was there, or in many at once, is sorted, and taken from its end. The rest, which
    comes a few at a time to others, is in a heap.
    """

    def __init__(self) -> None:
        self.fresh: list[Entry] = []
        self.sorted: list[Entry] = []  # the best one last
        self.heap: list[Entry] = []

    def settle(self) -> None:
        """Find a place for what is fresh. To be called before anything is taken out."""
        fresh = self.fresh
        if self.sorted or self.heap and len(fresh) < FEW:
            heap = self.heap
            for entry in fresh:
                heapq.heappush(heap, entry)
        else:
            fresh.sort(reverse=True)
            self.sorted.extend(fresh)
        fresh.clear()

    def take(self, count: int) -> list[Entry]:
        """Take out the best that are settled, best first: so many, or all if there are fewer.

        `count` is one at least.
        """
        ordered, heap = self.sorted, self.heap
        if not heap:
            taken = ordered[-count:]
            del ordered[-count:]
            taken.reverse()
            return taken
        return [self._pop() for _ in range(min(count, len(ordered) + len(heap)))]

    def _pop(self) -> Entry:
        ordered = self.sorted
        if ordered and (not self.heap or ordered[-1] < self.heap[0]):
            return ordered.pop()
        return heapq.heappop(self.heap)

    def best_priority(self) -> Any:
        """The priority of what `take` would return first; there is something."""
        return min([*self.sorted[-1:], *self.heap[:1]])[0]
