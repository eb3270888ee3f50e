"""What is kept of a task that has ended, by whatever tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..sched import Outcome
from ..sched.common import Task
from ..sched.events import Finished
from .output import printable
from .words import GOOD, Method, in_full, methods, reason


class Ended(NamedTuple):
    """How a task ended: not what it returned, which may be large."""

    task: Task
    outcome: Outcome
    verdict: str  # the outcome, or 'warn'
    why: str  # why it didn't end well or didn't start, in a line; empty if it did
    in_full: str = ""  # of one that failed, all that is known of why
    output: str = ""  # what it printed, as far as that was captured
    methods: Sequence[Method] = ()  # the tests in it, and what it reported
    started: float | None = None  # on the pool's clock; None if it never did
    duration: float | None = None  # seconds; None if unknown
    attempts: int = 0
    worker: str | None = None

    @classmethod
    def of(cls, event: Finished) -> Ended:
        """What became of the task that the event is about."""
        res: Any = event.result
        task, outcome = event.task, event.outcome
        if res is None:
            return cls(task, outcome, str(outcome), printable(str(event.reason or "")))
        when = res.started, res.duration, res.attempts, res.worker
        if outcome is Outcome.OK and not res.output and not res.findings and res.ret is None:
            return cls(task, outcome, "ok", "", "", "", (), *when)
        full = "" if outcome in GOOD else in_full(res)
        return cls(task, outcome, res.verdict, reason(res), full, res.output, methods(res), *when)

    @property
    def failed(self) -> bool:
        """Whether it ran, and didn't end well."""
        return self.attempts > 0 and self.outcome not in GOOD
