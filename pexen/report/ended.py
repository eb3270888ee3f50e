"""What is kept of a task that has ended, by whatever tells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..sched import Outcome
from ..sched.common import Task
from ..sched.events import Finished
from .texts import printable
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
    attachments: Sequence[tuple[str, str]] = ()  # files that it handed over: names and paths

    @classmethod
    def of(cls, event: Finished) -> Ended:
        """What became of the task that the event is about."""
        res: Any = event.result  # of a suite, or of a Sched, which has less to say
        task, outcome = event.task, event.outcome
        if res is None:
            return cls(task, outcome, str(outcome), printable(str(event.reason or "")))
        when = res.started, res.duration, res.attempts, res.worker
        output, attachments = getattr(res, "output", ""), getattr(res, "attachments", ())
        found = output or attachments or getattr(res, "findings", ())
        if outcome is Outcome.OK and res.ret is None and not found:
            return cls(task, outcome, "ok", "", "", "", (), *when)
        full = "" if outcome in GOOD else in_full(res)
        return cls(
            task, outcome, getattr(res, "verdict", str(outcome)), reason(res), full, output,
            methods(res), *when, attachments,
        )  # fmt: skip

    @property
    def failed(self) -> bool:
        """Whether it ran, and didn't end well."""
        return self.attempts > 0 and self.outcome not in GOOD


def verdict_of(outcome: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The outcome, or 'warn' for one that is good with a result that warns."""
    warns = outcome in GOOD and any(each["outcome"] == "warn" for each in results)
    return "warn" if warns else outcome
