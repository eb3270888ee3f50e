"""Which of the tasks of a run are flaky, as far as the run has it, and how that is said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..report.ended import Ended
from ..sched import Outcome
from ..sched.common import Task, identity
from .words import label

# So many flaky tasks are named in a summary.
_NAMED = 10


def flaky(
    all_ended: Sequence[Ended],
    ask: Callable[[Sequence[Task]], Mapping[Any, tuple[int, int]]],
) -> dict[Any, str]:
    """How each flaky task shows that it is, by its identity.

    `ask` is asked, if any failed, how often these did, in how many runs; it leaves out those that
    aren't flaky.
    """
    failed = [ended.task for ended in all_ended if ended.failed]
    found = ask(failed) if failed else {}
    said = {
        key: f"failed in {bad} of its last {runs} runs with the same code"
        for key, (bad, runs) in found.items()
    }
    for ended in all_ended:
        if well_at_last(ended):
            said[identity(ended.task)] = f"ok only at attempt {ended.attempts}"
    return said


def at_once(task: Task, ask: Callable[[Task], tuple[int, int]]) -> str:
    """How a task that has just failed shows that it is flaky; empty if it doesn't.

    `ask` tells in how many earlier runs with the same code it ended well, and ended at all.
    """
    well, runs = ask(task)
    if not well:
        return ""
    return f"flaky: ok in {well} of {runs} earlier runs with the same code"


def well_at_last(ended: Ended) -> bool:
    """Whether an attempt failed, and a later one didn't."""
    return ended.attempts > 1 and ended.outcome is Outcome.OK


def notes(all_ended: Sequence[Ended], said: Mapping[Any, str]) -> list[str]:
    """What a summary has of the flaky tasks, in lines."""
    if not said:
        return []
    lines = [
        f"flaky: {label(ended.task)}, {said[identity(ended.task)]}"
        for ended in all_ended
        if identity(ended.task) in said
    ]
    others = len(lines) - _NAMED
    more = [f"flaky: {others} more; 'pexen history --flaky' shows all"] if others > 0 else []
    return lines[:_NAMED] + more
