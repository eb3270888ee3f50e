"""A listener that tells all others of the command what they want to know of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TextIO

from ..report.ended import Ended
from ..report.lines import JsonLines
from ..report.live import Live
from ..report.record import Record
from ..report.still import Still
from ..report.words import GOOD
from ..sched import Outcome
from ..sched.common import Task, identity, task_name
from ..sched.events import Checkpoint, Event, Finished, Retried, Started, Stopped, hears
from ..sched.pool.base import Running
from .ending import say
from .terminal import Terminal


class Hearing:
    """Hears of a run, as a report of its suite.

    JSON lines go to the `stream`. `stop` is called when as many have failed as were allowed.
    """

    def __init__(
        self,
        terminal: Terminal,
        shown: Live | Still | None,
        record: Record,
        stream: TextIO | None,
        allowed: int | None,
    ) -> None:
        # Configuration.
        self._terminal = terminal
        self._shown = shown
        self.record = record
        self._lines = None if stream is None else JsonLines(stream, failed=self._lines_failed)
        self._allowed = allowed
        self.stop: Callable[[], None] = lambda: None
        self.running: Callable[[], Sequence[Running]] = tuple  # what the pool is at
        # State.
        self.begun = False
        self.lines_error: OSError | None = None
        self.error: Exception | None = None
        self.failures = 0

    @property
    def all_ended(self) -> list[Ended]:
        """How tasks ended, in the order in which they did."""
        return self.record.all_ended

    def begin(
        self, tasks: Sequence[Task], clock: Callable[[], float], /
    ) -> Callable[[Event], object]:
        """A run of these tasks begins; returns who has to hear of it."""
        self.begun = True
        self.record.begin(tasks, clock)
        if self._lines is not None:
            self._lines.begin(tasks, clock)
        return self.hear

    def end(self, interrupted: bool, /) -> None:
        """The run has ended."""
        self.record.end(interrupted)
        if self._lines is not None:
            self._lines.end(interrupted)

    @hears(Started, Retried, Finished, Stopped, Checkpoint)
    def hear(self, event: Event) -> None:
        """Take in an event; an error of ours ends the run, as else results would be lost."""
        try:
            self._hear(event)
        except Exception as exc:
            if self.error is None:
                self.error = exc
                self.stop()

    def _hear(self, event: Event) -> None:
        kind = type(event)
        if kind is Finished:
            assert isinstance(event, Finished)
            self._finished(event)
        elif kind is Started:
            if self._shown is not None:
                assert isinstance(event, Started)
                task = event.task
                self._shown.began(task_name(task), event.time, identity(task))
        elif kind is Retried:
            if self._shown is not None:
                assert isinstance(event, Retried)
                task = event.task
                self._shown.waits(task_name(task), event.time, identity(task))
        elif kind is Checkpoint:
            if self._shown is not None:
                self._shown.tick(event.time)
            if self._lines is not None:
                self._lines.flush()
        elif kind is Stopped:
            assert isinstance(event, Stopped)
            if event.how == "abort":
                self._terminal.interrupting(self.running(), event.time)

    def _finished(self, event: Finished) -> None:
        ended = Ended.of(event)
        self.record.ended(ended)
        if self._lines is not None:
            self._lines.ended(ended)
        self._terminal.ended(ended)
        if self._shown is not None:
            name, key = task_name(ended.task), identity(ended.task)
            self._shown.ended(name, str(ended.outcome), event.time, key)
        if ended.outcome not in GOOD and ended.outcome not in (Outcome.BLOCKED, Outcome.CANCELLED):
            self.failures += 1
            if self.failures == self._allowed:
                self.stop()

    def _lines_failed(self, error: OSError) -> None:
        self.lines_error = error

    def lines_written(self) -> bool:
        """Whether all JSON lines could be written; else that is said."""
        if self.lines_error is not None:
            say("error", f"JSON lines can't be written: {self.lines_error.strerror}")
        return self.lines_error is None

    def all_well(self) -> bool:
        """Whether no task failed, and none was kept from running."""
        return all(ended.outcome in GOOD for ended in self.all_ended)
