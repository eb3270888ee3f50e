"""A listener that writes a run into the state."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..sched import Outcome
from ..sched.common import Task, TaskRes, identity
from ..sched.events import Checkpoint, Event, Finished, Retried, hears
from .folder import StateError
from .recording import Ended, Recording
from .store import storable


class Told(NamedTuple):
    """What a result says in words: why it didn't end well, and what was found and printed."""

    reason: str | None = None
    traceback: str | None = None
    output: str | None = None
    results: Sequence[Mapping[str, Any]] = ()


class Recorder:
    """Hears a run's events, and writes them at each checkpoint.

    `begun` is when the run began on its pool's clock. `code_of` gives a digest of the code that a
    task is of, or None; `told` puts a result into words. When the state can't be written any
    more, `failed` is called with the StateError, once, and the run goes on without it.
    """

    def __init__(
        self,
        recording: Recording,
        tasks: Iterable[Task],
        begun: float,
        failed: Callable[[StateError], object],
        code_of: Callable[[Task], str | None] = lambda task: None,
        told: Callable[[TaskRes], Told] | None = None,
    ) -> None:
        # Configuration.
        self._recording = recording
        self._numbers = {identity(task): number for number, task in enumerate(tasks)}
        self._begun = begun
        self._failed = failed
        self._code_of = code_of
        self._told = _told if told is None else told
        # State.
        self._broken = False

    @hears(Finished, Retried, Checkpoint)
    def hear(self, event: Event) -> None:
        """Take in an event."""
        if self._broken:
            return
        if isinstance(event, Finished):
            self._recording.ended(self._number(event.task), self._ended(event))
        elif isinstance(event, Checkpoint):
            for task in event.tasks:
                self._recording.begins(self._number(task), event.time - self._begun)
            self.write()
        elif isinstance(event, Retried):
            self._recording.again(self._number(event.task))

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

    def _ended(self, event: Finished) -> Ended:
        res = event.result
        if res is None:
            reason = None if event.reason is None else storable(str(event.reason))
            return Ended(str(event.outcome), reason=reason)
        started = None if res.started is None else res.started - self._begun
        shared = _pickled(res) if res.deps_ok and res.shared else None
        reason, traceback, output, results = self._told(res)
        return Ended(
            str(event.outcome), started, res.duration, res.attempts, res.worker,
            _storable(reason), _storable(traceback), _storable(output or None),
            json.dumps(results) if results else None, _listed(res), res.deps_ok, shared,
            self._code_of(event.task),
        )  # fmt: skip


def _listed(res: TaskRes) -> str | None:
    attachments = getattr(res, "attachments", ())
    return json.dumps(attachments) if attachments else None


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _pickled(res: TaskRes) -> bytes:
    """The shared dict; empty if it can't be pickled, and so isn't there when the run goes on."""
    try:
        return pickle.dumps(res.shared, 5)
    except Exception:
        return b""


def _told(res: TaskRes) -> Told:
    """Of any result; that of a suite has more to say."""
    output: str | None = getattr(res, "output", None)
    findings = [
        {"name": each.name, "outcome": each.verdict, "note": each.note}
        for each in getattr(res, "findings", ())
    ]
    info = res.excinfo
    if info is None or res.outcome in (Outcome.OK, Outcome.FRESH):
        return Told(None, None, output, findings)
    lines = [line for line in info.text.splitlines() if line.strip()]
    return Told(lines[-1] if lines else str(info.type), info.text, output, findings)
