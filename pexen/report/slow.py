"""What made a run slow: the tasks that took longest, and the chain that its end came from."""

from __future__ import annotations

import bisect
import heapq
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

# Seconds by which a task may begin before the end of what it followed: what is lost when times
# are rounded, and when a sum of two is compared with a third.
_SLACK = 1e-6

REQUIRED, WORKER, FIRST = "required", "worker", "first"


class Step(NamedTuple):
    """A task on the critical path."""

    number: int  # its place in the list of tasks
    after: str  # it followed what it waited for (REQUIRED), what its worker did (WORKER), nothing
    waited: float  # seconds from the end of that, or from the start of the run, until it began


# A process that runs a task which ends so is gone, and another begins in its place.
_WORKER_GONE = ("timeout", "lost")


def critical_path(tasks: Sequence[Mapping[str, Any]]) -> list[Step]:
    """The chain of tasks that determined when the run ended, in the order in which they ran.

    It leads from the task that ended last back to whichever ended last before that began, of those
    in its `waits_for` and the one before it on the same `worker`; and so on. Tasks are mappings
    with these, `outcome`, and `started` and `duration` (seconds, None for one that never started
    or never ended).
    """
    ended = _ends(tasks)
    if not ended:
        return []
    before = _before_on_worker(tasks, ended)
    number = max(ended, key=lambda each: (ended[each], -each))
    chain: list[Step] = []
    seen = set()  # times as coarse as durations are short could lead in a circle
    while True:
        seen.add(number)
        started = tasks[number]["started"]
        found = [(REQUIRED, each) for each in tasks[number].get("waits_for") or ()]
        if number in before:
            found.append((WORKER, before[number]))
        fitting = [
            (ended[each], after == REQUIRED, -each)
            for after, each in found
            if each not in seen and ended.get(each, math.inf) <= started + _SLACK
        ]
        if not fitting:
            chain.append(Step(number, FIRST, max(0.0, started)))
            return chain[::-1]
        end, required, negative = max(fitting)
        chain.append(Step(number, REQUIRED if required else WORKER, max(0.0, started - end)))
        number = -negative


def replaced(tasks: Sequence[Mapping[str, Any]]) -> dict[Any, int]:
    """For each worker that began in place of one that was gone, the last task of that one.

    That is the task of the worker which was gone last before the other ran its first.
    """
    ended = _ends(tasks)
    first: dict[Any, int] = {}
    last: dict[Any, int] = {}
    for number in _as_they_ran(tasks, ended):
        worker = tasks[number].get("worker")
        if worker is not None:
            first.setdefault(worker, number)
            last[worker] = number
    gone = [number for number in last.values() if tasks[number]["outcome"] in _WORKER_GONE]
    gone.sort(key=lambda number: (ended[number], number))
    found: dict[Any, int] = {}
    for worker, number in first.items():
        started = tasks[number]["started"]
        place = bisect.bisect_right(gone, started + _SLACK, key=ended.__getitem__) - 1
        if place >= 0 and tasks[gone[place]]["worker"] != worker:
            found[worker] = gone.pop(place)
    return found


def _ends(tasks: Sequence[Mapping[str, Any]]) -> dict[int, float]:
    """When each task ended, of which that is known."""
    return {
        number: task["started"] + task["duration"]
        for number, task in enumerate(tasks)
        if task.get("started") is not None and task.get("duration") is not None
    }


def _as_they_ran(tasks: Sequence[Mapping[str, Any]], ended: Mapping[int, float]) -> list[int]:
    return sorted(ended, key=lambda each: (tasks[each]["started"], ended[each], each))


def _before_on_worker(
    tasks: Sequence[Mapping[str, Any]], ended: Mapping[int, float]
) -> dict[int, int]:
    """For each task the one before it on its worker, or on that which this replaced."""
    before: dict[int, int] = {}
    last = replaced(tasks)
    for number in _as_they_ran(tasks, ended):
        worker = tasks[number].get("worker")
        if worker is None:
            continue
        if worker in last:
            before[number] = last[worker]
        last[worker] = number
    return before


def slowest(tasks: Sequence[Mapping[str, Any]], count: int) -> list[int]:
    """The places in the list of the tasks that took longest, the longest first."""
    known = (number for number, task in enumerate(tasks) if task.get("duration") is not None)
    return heapq.nsmallest(count, known, key=lambda number: (-tasks[number]["duration"], number))
