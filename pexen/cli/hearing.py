"""A listener that tells all others of the command what they want to know of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..report.jsonl import Lines
from ..report.live import Live
from ..report.still import Still
from ..sched import Outcome
from ..sched.common import task_name
from ..sched.events import Checkpoint, Event, Finished, Started, Stopped
from ..sched.pool.base import Running
from ..state.places import place_of
from .ended import Ended
from .ending import say
from .record import as_result
from .terminal import Terminal
from .words import GOOD


class Hearing:
    """Hears a run's events. `stop` is called when as many have failed as were allowed."""

    def __init__(
        self,
        terminal: Terminal,
        shown: Live | Still | None,
        lines: Lines | None,
        begun: float,
        allowed: int | None,
    ) -> None:
        # Configuration.
        self._terminal = terminal
        self._shown = shown
        self._lines = lines
        self._begun = begun
        self._allowed = allowed
        self.stop: Callable[[], None] = lambda: None
        self.running: Callable[[], Sequence[Running]] = tuple  # what the pool is at
        # State.
        self.all_ended: list[Ended] = []  # in the order in which they ended
        self.lines_error: OSError | None = None
        self.error: Exception | None = None
        self.failures = 0

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
                self._shown.began(task_name(event.task), event.time)
        elif kind is Checkpoint:
            if self._shown is not None:
                self._shown.tick(event.time)
            self._to_lines(lambda lines: lines.flush())
        elif kind is Stopped:
            assert isinstance(event, Stopped)
            if event.how == "abort":
                self._terminal.interrupting(self.running(), event.time)

    def _finished(self, event: Finished) -> None:
        ended = Ended.of(event)
        self.all_ended.append(ended)
        if self._lines is not None:
            place = place_of(event.task)
            known = {"name": task_name(event.task), "file": place.file, "line": place.line}
            self._to_lines(lambda lines: lines.result(as_result(ended, self._begun) | known))
        self._terminal.ended(ended)
        if self._shown is not None:
            self._shown.ended(task_name(ended.task), str(ended.outcome), event.time)
        if ended.outcome not in GOOD and ended.outcome not in (Outcome.BLOCKED, Outcome.CANCELLED):
            self.failures += 1
            if self.failures == self._allowed:
                self.stop()

    def end_lines(self, elapsed: float, interrupted: bool) -> bool:
        """Write the last of the JSON lines; whether all could be written, else that is said."""
        self._to_lines(lambda lines: lines.end(elapsed, interrupted))
        if self.lines_error is not None:
            say("error", f"JSON lines can't be written: {self.lines_error.strerror}")
        return self.lines_error is None

    def _to_lines(self, write: Callable[[Lines], object]) -> None:
        if self._lines is not None and self.lines_error is None:
            try:
                write(self._lines)
            except OSError as exc:
                self.lines_error = exc

    def all_well(self) -> bool:
        """Whether no task failed, and none was kept from running."""
        return all(ended.outcome in GOOD for ended in self.all_ended)
