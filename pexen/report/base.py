"""What every report has that hears of a run: when that began, and how each task ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..sched.common import Task
from ..sched.events import Checkpoint, Event, Finished, hears
from .ended import Ended


class BaseReport:
    """Hears of runs, as a report of a `Suite`, one after the other."""

    def __init__(self) -> None:
        # State, of the last run that began.
        self._tasks: Sequence[Task] = ()
        self._clock: Callable[[], float] = lambda: 0.0  # that of its pool
        self._begun = 0.0  # on that clock

    def begin(
        self, tasks: Sequence[Task], clock: Callable[[], float], /
    ) -> Callable[[Event], object]:
        """A run of these tasks begins; returns who has to hear of it. `clock` is its pool's."""
        self._tasks, self._clock, self._begun = list(tasks), clock, clock()
        return self.hear

    @hears(Finished, Checkpoint)
    def hear(self, event: Event) -> None:
        """Take in an event."""
        if isinstance(event, Finished):
            self.ended(Ended.of(event))
        elif isinstance(event, Checkpoint):
            self.flush()

    def ended(self, ended: Ended) -> None:
        """Take in how a task ended."""
        raise NotImplementedError

    def flush(self) -> None:
        """Write what was taken in, if that isn't for the end."""

    def end(self, interrupted: bool, /) -> None:
        """The run has ended, or was ended."""
        raise NotImplementedError
