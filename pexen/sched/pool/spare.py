"""How many tasks are handed to a pool beyond those that its workers are at.

Ahead of a worker there should be as much as lasts until the caller looks again, and no
more: what is ahead goes before whatever becomes ready later. So the number follows from
how long tasks take. It grows from one, doubling at most, as long as nothing is taken
back; it begins anew when something was, as then tasks overtake each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..common import TaskRes

# How much work, in seconds for each worker, is handed ahead. A hop between two threads or
# processes takes some 10 µs, and a busy interpreter lets go every 5 ms.
AHEAD_SECONDS = 0.002

# How many tasks are ahead at most. A hop for every hundred tasks is no cost any more, and
# what is ahead has to be taken back one by one.
MOST = 256

# How much of the mean duration is due to the last results, and how many of them are looked at.
_WEIGHT = 0.5
_SAMPLES = 8


class Spare:
    """The depth of what is handed ahead: fixed, or adapting to what tasks take."""

    def __init__(self, workers: int, fixed: int | None) -> None:
        # Configuration.
        self._workers = workers
        self._fixed = fixed
        # State.
        self.depth = 1 if fixed is None else fixed  # tasks beyond the workers
        self._seconds: float | None = None  # what a task took of late, None if unknown

    @property
    def low(self) -> int:
        """More should be handed in when fewer than this are ahead of the workers.

        With a fixed depth it is that, so that there is always as much ahead as was asked for; else
        half of the depth, so that tasks are handed in many at a time.
        """
        return (self.depth + 1) // 2 if self._fixed is None else self.depth

    def note(self, results: Sequence[TaskRes]) -> None:
        """Learn from results, one at least, how long tasks take."""
        if self._fixed is not None:
            return
        some = results[:: len(results) // _SAMPLES + 1]
        seconds = sum([res.duration or 0.0 for res in some]) / len(some)
        if self._seconds is not None:
            seconds = _WEIGHT * seconds + (1 - _WEIGHT) * self._seconds
        self._seconds = seconds
        wanted = MOST
        if seconds * MOST > AHEAD_SECONDS * self._workers:
            wanted = max(1, int(AHEAD_SECONDS * self._workers / seconds))
        self.depth = min(wanted, 2 * self.depth)

    def note_taken_back(self) -> None:
        """Something that was ahead was taken back."""
        if self._fixed is None:
            self.depth = 1
