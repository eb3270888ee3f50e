"""How soon workers may be started again after some that came to nothing.

A worker that dies with a task has done its share, however often that happens, as each time
a task is used up. One that dies before it has begun any, or that the system refuses to
start, has been started in vain. After the first such start in a row the pool waits before it
tries again, each time twice as long; any result shows that workers do work.
"""

from __future__ import annotations

# After so many starts in vain in a row a pool without any worker gives up.
MAX_IN_VAIN = 3

_FIRST_PAUSE = 0.05  # seconds
_LONGEST_PAUSE = 5.0


class Restarts:
    """Counts starts in vain, and says when the next is allowed."""

    def __init__(self) -> None:
        self.in_vain = 0  # in a row
        self._not_before: float | None = None

    def failed(self, now: float) -> None:
        """A start was in vain."""
        self.in_vain += 1
        pause = _FIRST_PAUSE * 2 ** min(self.in_vain - 1, 10)
        self._not_before = now + min(pause, _LONGEST_PAUSE)

    def worked(self) -> None:
        """A worker has done something."""
        self.in_vain = 0
        self._not_before = None

    def exhausted(self) -> bool:
        """Whether there have been too many."""
        return self.in_vain >= MAX_IN_VAIN

    def allowed(self, now: float) -> bool:
        """Whether a worker may be started."""
        return self._not_before is None or now >= self._not_before

    @property
    def next_moment(self) -> float | None:
        """When the next start is allowed, None if it always is."""
        return self._not_before
