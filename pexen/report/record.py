"""The record of a run: a JSON document that `run --json` writes and `graph --run` reads.

An object with `format` (1), `suite` (its name), `pexen` and `python` (versions), `host`, `argv`,
`date` and `began` (when the run began, the latter in seconds since 1970), `elapsed` (seconds),
`interrupted`, and `tasks`: a list, in the order in which the tasks were found, of
objects with

    callpath, name
    outcome                    null, and nothing more, if the run broke off before its end
    started                    seconds from the start of the run; null if it never did
    duration                   seconds; null if unknown
    attempts, worker           0 and null for a task that never started
    verdict                    the outcome, or 'warn' if it reported something to warn of
    reason                     why it didn't end well, in a line; else null
    traceback                  as text; null if there is none
    output                     what it printed, as far as that was captured; else null
    results                    a list of {name, outcome, note}: of the tests in the task, and of
                               what it reported
    attachments                a list of {name, path} of the files that it handed over
    file, line                 where it is defined; null where that can't be told
    waits_for                  the places in this list of those that it requires or is after
    rerun                      what to type to run it again, if it didn't end well
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..sched.common import Task, identity, task_name
from ..sched.place import Place, callpath_of
from .ended import Ended
from .ending import UsageError
from .words import GOOD

FORMAT = 1


def document(
    tasks: Iterable[Task],
    ended: Iterable[Ended],
    begun: float,
    elapsed: float,
    interrupted: bool,
    places: Sequence[Place],
    rerun: Callable[[str], str],
    about: Mapping[str, Any],
) -> dict[str, Any]:
    """The record of a run that began at `begun` on the pool's clock."""
    by_task = {identity(end.task): end for end in ended}
    began = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=elapsed)
    return {
        "format": FORMAT,
        **about,
        "date": began.isoformat(timespec="seconds"),
        "began": round(began.timestamp(), 3),
        "elapsed": round(elapsed, 6),
        "interrupted": interrupted,
        "tasks": [
            _task_object(task, by_task.get(identity(task)), begun, place, rerun)
            for task, place in zip(tasks, places, strict=True)
        ],
    }


def _task_object(
    task: Task, ended: Ended | None, begun: float, place: Place, rerun: Callable[[str], str]
) -> dict[str, Any]:
    known: dict[str, Any] = {"callpath": callpath_of(task), "name": task_name(task)}
    known |= place._asdict()
    if ended is None:
        return known | {"outcome": None}
    again = None if ended.outcome in GOOD else rerun(task_name(task))
    return known | as_result(ended, begun) | {"rerun": again}


def as_result(ended: Ended, begun: float) -> dict[str, Any]:
    """A task's part in the record, as far as that is about how it ended."""
    return {
        "callpath": callpath_of(ended.task) or [task_name(ended.task)],
        "outcome": str(ended.outcome),
        "verdict": ended.verdict,
        "started": None if ended.started is None else round(ended.started - begun, 6),
        "duration": rounded(ended.duration),
        "attempts": ended.attempts,
        "worker": ended.worker,
        "reason": ended.why or None,
        "traceback": ended.in_full or None,
        "output": ended.output or None,
        "results": [method._asdict() for method in ended.methods],
        "attachments": [{"name": name, "path": path} for name, path in ended.attachments],
    }


def rounded(seconds: float | None) -> float | None:
    """The seconds as records have them."""
    return None if seconds is None else round(seconds, 6)


def read(path: str) -> list[dict[str, Any]]:
    """The tasks of a record; UsageError for a file that isn't one."""
    try:
        with open(path, encoding="utf-8") as file:
            record = json.load(file)
    except OSError as exc:
        raise UsageError(f"file {path!r} can't be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise UsageError(f"file {path!r} is no record of a run, not even JSON: {exc}") from exc
    if not isinstance(record, dict) or not isinstance(record.get("tasks"), list):
        raise UsageError(f"file {path!r} is no record of a run; 'pexen run --json' writes one")
    if record.get("format") != FORMAT:
        found = record.get("format")
        raise UsageError(f"file {path!r} has format {found!r}; this pexen reads format {FORMAT}")
    return [task for task in record["tasks"] if isinstance(task, dict)]


def matched(entries: Iterable[dict[str, Any]], tasks: Iterable[Task]) -> list[dict[str, Any]]:
    """For each of the tasks what a record says of it: nothing, or a task object.

    They match by callpath, or by name without one. Where several have the same, they
    match in the order in which they were found.
    """
    known: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for entry in entries:
        names = entry.get("callpath") or [entry.get("name")]
        if isinstance(names, list):
            known.setdefault(tuple(map(str, names)), []).append(entry)
    found = []
    for task in tasks:
        same = known.get(tuple(callpath_of(task) or [task_name(task)]))
        found.append(same.pop(0) if same else {})
    return found
