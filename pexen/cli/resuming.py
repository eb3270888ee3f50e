"""Going on with a run that was interrupted: which it was, and what it was told."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..report.ended import Ended, verdict_of
from ..report.words import Method
from ..sched import Outcome
from ..sched.common import Task
from ..state import Keeper, StateError, Store, default_folder
from ..state.history import Past, broken_off, run_of
from .ending import UsageError


def with_arguments_of_last(argv: Sequence[str]) -> list[str]:
    """The command line of the run that was interrupted, with options that are added to it.

    UsageError if there is none.
    """
    last = _arguments_of_last()
    place = last.index("--") if "--" in last else len(last)
    return [*last[:place], *argv, *last[place:]]


def _arguments_of_last() -> list[str]:
    try:
        with Store(default_folder()) as store:
            number = broken_off(store)
            run = None if number is None else run_of(store, number)
    except StateError as exc:
        raise UsageError(exc) from exc
    if run is None:
        raise _nothing()
    argv = run.about.get("argv")
    if not isinstance(argv, list):
        raise UsageError(f"run {run.number} was not made by this command; name its TARGET")
    return [str(arg) for arg in argv if arg not in ("--resume", "--watch")]


def to_resume(kept: Keeper) -> int:
    """The number of the run that is to go on; UsageError if there is none."""
    number = kept.broken_off()
    if number is None:
        raise _nothing()
    return number


def ended_before(task: Task, past: Past, begun: float) -> Ended:
    """What had become of the task when its run, which began at `begun`, was broken off."""
    how = past.how
    found = json.loads(how.results) if how.results else []
    tests = [Method(each["name"], each["outcome"], each["note"]) for each in found]
    return Ended(
        task, Outcome(how.outcome), verdict_of(how.outcome, found), how.reason or "",
        how.traceback or "", how.output or "", tests,
        None if how.started is None else begun + how.started, how.duration,
        how.attempts, how.worker, json.loads(how.attachments) if how.attachments else (),
    )  # fmt: skip


def _nothing() -> UsageError:
    return UsageError(
        "there is no run to go on with: the last one came to its end, or the state isn't there; "
        "leave out --resume"
    )
