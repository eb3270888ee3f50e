"""What is kept of a task that has ended, by whatever tells of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..sched import Outcome
from ..sched.common import Task
from ..sched.events import Finished
from ..state.history import Past
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
    attachments: Sequence[tuple[str, str]] = ()  # files that it handed over: names and paths

    @classmethod
    def of(cls, event: Finished) -> Ended:
        """What became of the task that the event is about."""
        res: Any = event.result
        task, outcome = event.task, event.outcome
        if res is None:
            return cls(task, outcome, str(outcome), printable(str(event.reason or "")))
        when = res.started, res.duration, res.attempts, res.worker
        plain = outcome is Outcome.OK and res.ret is None and not (res.output or res.findings)
        if plain and not res.attachments:
            return cls(task, outcome, "ok", "", "", "", (), *when)
        full = "" if outcome in GOOD else in_full(res)
        return cls(
            task, outcome, res.verdict, reason(res), full, res.output, methods(res), *when,
            res.attachments,
        )  # fmt: skip

    @classmethod
    def before(cls, task: Task, past: Past, begun: float) -> Ended:
        """What had become of the task when its run, which began at `begun`, was broken off."""
        how = past.how
        found = json.loads(how.results) if how.results else []
        tests = [Method(each["name"], each["outcome"], each["note"]) for each in found]
        return cls(
            task, Outcome(how.outcome), verdict_of(how.outcome, found), how.reason or "",
            how.traceback or "", how.output or "", tests,
            None if how.started is None else begun + how.started, how.duration,
            how.attempts, how.worker, json.loads(how.attachments) if how.attachments else (),
        )  # fmt: skip

    @property
    def failed(self) -> bool:
        """Whether it ran, and didn't end well."""
        return self.attempts > 0 and self.outcome not in GOOD


def verdict_of(outcome: str, results: Sequence[Mapping[str, Any]]) -> str:
    """The outcome, or 'warn' for one that is good with a result that warns."""
    warns = outcome in GOOD and any(each["outcome"] == "warn" for each in results)
    return "warn" if warns else outcome
