"""How much longer a run takes, guessed from how long its tasks took before."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from typing import Any

# What was expected is believed as if so great a part of it had already been measured and found
# right. Without that, the first task that ends would scale the whole run by its own luck.
_TRUST = 0.1

# Seconds in which the end that is told moves most of the way (63 %) to the one worked out anew.
_SETTLING = 2.0


class Estimate:
    """The seconds that are left, from what each task is expected to take.

    `expected` has the seconds by the task's key, for those of the run's tasks of which they are
    known; others count as the mean of what is known, from before or from this run. All is
    scaled by how long tasks take now, compared to what was expected of them.
    """

    def __init__(self, workers: int, expected: Mapping[Any, float | None]) -> None:
        # Configuration.
        self._workers = max(workers, 1)
        # State.
        # What tasks that haven't ended are expected to take; `_coming` is their sum.
        self._expected = {
            key: seconds
            for key, seconds in expected.items()
            if seconds is not None and 0 <= seconds < math.inf
        }
        self._coming = self._whole = sum(self._expected.values())
        self._known = len(self._expected)  # how many were expected at first, to take `_whole`
        self._taken = self._taken_of = 0.0  # by tasks that ended; what was expected of them
        self._new = 0  # how many have ended of which nothing was expected
        self._new_taken = 0.0  # by those
        self._end: float | None = None  # the moment told last as the end
        self._told = 0.0  # when that was

    def ended(self, key: Hashable, seconds: float | None) -> None:
        """The task ended, and took so long; None if that says nothing of how long tasks take."""
        expected = self._expected.pop(key, None)
        if expected is not None:
            self._coming -= expected
        if seconds is None:
            return
        if expected is None:
            self._new += 1
            self._new_taken += seconds
        else:
            self._taken += seconds
            self._taken_of += expected

    def left(self, now: float, tasks: int, running: Mapping[Any, float]) -> float | None:
        """The seconds left, with so many tasks that haven't ended; None if nothing is known.

        `running` has, of those that run, when they began. Asked again and again it moves
        to a new guess within seconds instead of jumping there.
        """
        left = self._left(now, tasks, running)
        if left is None:
            return None
        if self._end is None:
            self._end = now + left
        else:
            passed = max(0.0, now - self._told)
            self._end += (now + left - self._end) * (1 - math.exp(-passed / _SETTLING))
        self._told = now
        return max(0.0, self._end - now)

    def _left(self, now: float, tasks: int, running: Mapping[Any, float]) -> float | None:
        """As worked out from nothing but the present state."""
        known = self._known + self._new
        if not (known and tasks > 0):
            return None
        trusted = _TRUST * self._whole
        ratio = 1.0
        if self._taken_of + trusted > 0:
            ratio = (self._taken + trusted) / (self._taken_of + trusted)
        mean = (self._whole * ratio + self._new_taken) / known
        work = self._coming * ratio + max(0, tasks - len(self._expected)) * mean
        longest = 0.0  # what is left of any one task that runs
        for key, begun in running.items():
            expected = self._expected.get(key)
            whole = mean if expected is None else expected * ratio
            rest = max(0.0, whole - max(0.0, now - begun))
            work -= whole - rest
            longest = max(longest, rest)
        return max(longest, work / min(self._workers, tasks))
