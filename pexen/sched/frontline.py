"""The frontline: tasks whose requirements are met, best first."""

from __future__ import annotations

import heapq
from typing import Any

# (priority, -remaining path, node)
Entry = tuple[Any, float, int]


class Frontline:
    """Entries, of which the best is taken out first.

    Lower priority first; among equals the one with the longest remaining path, then the
    one added first: nodes count up as tasks are added. Never set order.

    What is ready when a run begins, which may be all of it, is sorted once and taken from its
    end; what comes later is in a heap, which stays small.
    """

    def __init__(self) -> None:
        self._first: list[Entry] = []  # sorted, the best one last
        self._later: list[Entry] = []  # a heap

    def __len__(self) -> int:
        return len(self._first) + len(self._later)

    def begin(self, entries: list[Entry]) -> None:
        """Put in what is there at the beginning; nothing else was put in before."""
        entries.sort(reverse=True)
        self._first = entries

    def push(self, entry: Entry) -> None:
        heapq.heappush(self._later, entry)

    def pop(self) -> Entry:
        first = self._first
        if first and (not self._later or first[-1] < self._later[0]):
            return first.pop()
        return heapq.heappop(self._later)

    def best_priority(self) -> Any:
        """The priority of what `pop` would return."""
        bests = [*self._first[-1:], *self._later[:1]]
        return min(bests)[0]
