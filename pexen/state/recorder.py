"""A listener that writes a run into the state."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable

from ..sched import Outcome
from ..sched.common import Task, TaskRes, identity
from ..sched.events import Blocked, Checkpoint, Event, Finished, Started
from .folder import StateError
from .recording import Ended, Recording


class Recorder:
    """Hears a run's events, and writes them at each checkpoint.

    `begun` is when the run began on its pool's clock. `code_of` gives a digest of the code that a
    task is of, or None. When the state can't be written any more, `failed` is called with the
    StateError, once, and the run goes on without it.
    """

    def __init__(
        self,
        recording: Recording,
        tasks: Iterable[Task],
        begun: float,
        failed: Callable[[StateError], object],
        code_of: Callable[[Task], str | None] = lambda task: None,
    ) -> None:
        # Configuration.
        self._recording = recording
        self._numbers = {identity(task): number for number, task in enumerate(tasks)}
        self._begun = begun
        self._failed = failed
        self._code_of = code_of
        # State.
        self._broken = False
        self._reasons: dict[int, str] = {}  # of tasks that didn't start

    def hear(self, event: Event) -> None:
        """Take in an event."""
        if self._broken:
            return
        if isinstance(event, Started):
            self._recording.started(self._number(event.task), event.time - self._begun)
        elif isinstance(event, Blocked):
            self._reasons[self._number(event.task)] = str(event.reason)
        elif isinstance(event, Finished):
            number = self._number(event.task)
            self._recording.ended(number, self._ended(number, event))
        elif isinstance(event, Checkpoint):
            self.write()

    def write(self) -> None:
        """Write what was heard; also to be called when the run has ended."""
        try:
            if not self._broken:
                self._recording.write()
        except StateError as exc:
            self._broken = True
            self._failed(exc)

    def _number(self, task: Task) -> int:
        return self._numbers[identity(task)]

    def _ended(self, number: int, event: Finished) -> Ended:
        res = event.result
        if res is None:
            return Ended(str(event.outcome), reason=self._reasons.pop(number, None))
        started = None if res.started is None else res.started - self._begun
        deps_ok, shared = res.deps_ok, None
        if deps_ok and res.shared:
            shared = _pickled(res)
            deps_ok = shared is not None
        reason, traceback = _why(res)
        code = self._code_of(event.task)
        return Ended(
            str(event.outcome), started, res.duration, res.attempts, res.worker,
            reason, traceback, deps_ok, shared, code,
        )  # fmt: skip


def _pickled(res: TaskRes) -> bytes | None:
    """The shared dict; None if it can't be pickled, and so isn't there when the run goes on."""
    try:
        return pickle.dumps(res.shared, 5)
    except Exception:
        return None


def _why(res: TaskRes) -> tuple[str | None, str | None]:
    """Why the task didn't end well, in a line and in full."""
    info = res.excinfo
    if info is None or res.outcome in (Outcome.OK, Outcome.FRESH):
        return None, None
    lines = [line for line in info.text.splitlines() if line.strip()]
    return (lines[-1] if lines else str(info.type)), info.text
