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

# How many short tasks are better handed in, and their results better fetched, at a time: they
# cost more than waking a worker does.
MANY = 64

# How much of the mean duration is due to the last results.
_WEIGHT = 0.5


class Spare:
    """The depth of what is handed ahead: fixed, or adapting to what tasks take.

    `depth`
        how many tasks beyond the workers may be handed in.
    `low`
        more should be handed in when fewer than this are ahead of the workers. With a fixed
        depth it is that, so that there is always as much ahead as was asked for; else half
        of the depth, so that tasks are handed in many at a time.
    """

    def __init__(self, workers: int, fixed: int | None) -> None:
        # Configuration.
        self._workers = workers
        self.adapts = fixed is None
        # State.
        self.depth = self.low = 1 if fixed is None else fixed
        self._seconds = 0.0  # what a task took of late

    @property
    def in_bulk(self) -> bool:
        """Whether tasks are so short of late that they are better dealt with many at a time."""
        return self.adapts and self.depth >= 2 * MANY

    def note(self, results: Sequence[TaskRes]) -> None:
        """Learn from results, one at least, how long tasks take; looks at three of them."""
        if not self.adapts:
            return
        if len(results) == 1:
            seconds = results[0].duration or 0.0
        else:
            some = results[0], results[len(results) // 2], results[-1]
            seconds = sum([res.duration or 0.0 for res in some]) / 3
        self._seconds = seconds = _WEIGHT * seconds + (1 - _WEIGHT) * self._seconds
        wanted = MOST
        if seconds * MOST > AHEAD_SECONDS * self._workers:
            wanted = max(1, int(AHEAD_SECONDS * self._workers / seconds))
        if wanted != self.depth:
            self.depth = min(wanted, 2 * self.depth)
            self.low = (self.depth + 1) // 2

    def note_taken_back(self) -> None:
        """Something that was ahead was taken back."""
        if self.adapts:
            self.depth = self.low = 1
