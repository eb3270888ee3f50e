"""The frontline: tasks whose requirements are met, best first."""

from __future__ import annotations

import heapq
from typing import Any

# (priority, -remaining path, node)
Entry = tuple[Any, float, int]


class Frontline:
    """A heap of entries.

    Lower priority first; among equals the one with the longest remaining path, then the
    one added first: nodes count up as tasks are added. Never set order.
    """

    def __init__(self) -> None:
        self._heap: list[Entry] = []

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, entry: Entry) -> None:
        heapq.heappush(self._heap, entry)

    def pop(self) -> Entry:
        return heapq.heappop(self._heap)

    def best_priority(self) -> Any:
        """The priority of what `pop` would return."""
        return self._heap[0][0]
