"""The record of a run: a JSON document that `run --json` writes and `graph --run` reads.

An object with `format` (1), `pexen` (the version), `date` (when the run began), `elapsed`
(seconds), `interrupted`, and `tasks`: a list, in the order in which the tasks were found, of
objects with

    callpath, name
    outcome                    null, and nothing more, if the run broke off before its end
    started                    seconds from the start of the run; null if it never did
    duration                   seconds; null if unknown
    attempts, worker           0 and null for a task that never started
    reason                     why it didn't end well, in a line; else null
    traceback                  as text; null if there is none
    results                    a list of {name, outcome, note} of the tests in the task
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import stat
from collections.abc import Iterable
from typing import Any

from ..sched.common import Task, identity, task_name
from .ending import CommandError, UsageError
from .metadata import callpath_of
from .report import Ended

FORMAT = 1


def check_writable(path: str) -> None:
    """UsageError if the record couldn't be written in the end."""
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise UsageError(f"file {path!r} is a folder; name a file for the record of the run")
    if not os.path.isdir(folder):
        raise UsageError(f"folder {folder!r} of {path!r} doesn't exist; make it first")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise UsageError(f"file {path!r} can't be written; permission is denied")


def document(
    tasks: Iterable[Task], ended: Iterable[Ended], begun: float, elapsed: float, interrupted: bool
) -> dict[str, Any]:
    """The record of a run that began at `begun` on the pool's clock."""
    from .. import __version__

    by_task = {identity(end.task): end for end in ended}
    date = datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=elapsed)
    return {
        "format": FORMAT,
        "pexen": __version__,
        "date": date.isoformat(timespec="seconds"),
        "elapsed": round(elapsed, 6),
        "interrupted": interrupted,
        "tasks": [_task_object(task, by_task.get(identity(task)), begun) for task in tasks],
    }


def _task_object(task: Task, ended: Ended | None, begun: float) -> dict[str, Any]:
    known: dict[str, Any] = {"callpath": callpath_of(task), "name": task_name(task)}
    if ended is None:
        return known | {"outcome": None}
    started = None if ended.started is None else ended.started - begun
    return known | {
        "outcome": str(ended.outcome),
        "started": _rounded(started),
        "duration": _rounded(ended.duration),
        "attempts": ended.attempts,
        "worker": ended.worker,
        "reason": ended.why or None,
        "traceback": ended.in_full or None,
        "results": [method._asdict() for method in ended.methods],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 6)


def write(path: str, record: dict[str, Any]) -> None:
    """Write the record as a whole: who reads the file meanwhile sees the old one."""
    text = json.dumps(record, indent=1) + "\n"
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "w", encoding="utf-8") as file:  # a device or a named pipe
                file.write(text)
            return
        target = os.path.realpath(path)
        passing = f"{target}.{os.getpid()}.tmp"
        try:
            with open(passing, "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(passing, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(passing)
            raise
    except OSError as exc:
        raise CommandError(f"file {path!r} can't be written: {exc.strerror}") from exc


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
