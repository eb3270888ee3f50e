"""Attempts: which failures are followed by another one, and when.

A task between two attempts holds no worker and no lock. When its time has come it
goes behind all other ready tasks of its priority. When the run stops instead, the
result of the last attempt is the task's.
"""

from __future__ import annotations

import heapq

from .common import Outcome, Shared, TaskRes
from .meta import SchedMeta

_RETRIED = (Outcome.FAILED, Outcome.TIMEOUT, Outcome.LOST)


class Retries:
    """The tasks that failed and are to be tried again."""

    def __init__(self) -> None:
        self._failed: dict[int, list[TaskRes]] = {}  # node -> results that were retried
        self.delayed: list[tuple[float, int]] = []  # heap of (when the next attempt is due, node)
        # The dict an attempt starts with, of tasks that may need it again.
        self._shared: dict[int, Shared] = {}

    def started(self, node: int) -> bool:
        """Whether an attempt at the node has been made already."""
        return node in self._failed

    def shared(self, node: int, built: Shared) -> Shared:
        """A dict for the next attempt: a fresh copy of the one built for the first."""
        return dict(self._shared.setdefault(node, built))

    def count(self, node: int, res: TaskRes, meta: SchedMeta) -> bool:
        """Note in a result how often it was tried; whether it may be tried once more."""
        earlier = self._failed.get(node, [])
        res.attempts = len(earlier) + 1
        res.errors = tuple(r.excinfo for r in earlier if r.excinfo is not None)
        # What runs on in an abandoned thread is not started beside itself.
        return res.outcome in _RETRIED and len(earlier) < meta.retries and not res.abandoned

    def schedule(self, node: int, res: TaskRes, when: float) -> None:
        """Another attempt follows this result, from `when` on."""
        self._failed.setdefault(node, []).append(res)
        heapq.heappush(self.delayed, (when, node))

    def next_due(self) -> float | None:
        """When the next attempt is due, None if none is."""
        return self.delayed[0][0] if self.delayed else None

    def take_due(self, now: float) -> list[int]:
        """The nodes whose next attempt is due."""
        nodes: list[int] = []
        while self.delayed and self.delayed[0][0] <= now:
            nodes.append(heapq.heappop(self.delayed)[1])
        return nodes

    def forget(self, node: int) -> None:
        """The node has ended."""
        self._failed.pop(node, None)
        self._shared.pop(node, None)

    def give_up(self, node: int) -> TaskRes | None:
        """No more attempts at the node: its last result, if there was one."""
        results = self._failed.pop(node, None)
        if results is None:
            return None
        self.delayed[:] = [(when, n) for when, n in self.delayed if n != node]
        heapq.heapify(self.delayed)
        results[-1].locks_ok = True  # they were released for the retry, others may have them
        return results[-1]
