"""The record of a run that `run --json` wrote, read again: `graph --run`, `plan --durations`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ..report.record import FORMAT
from ..sched.common import Task, task_name
from ..sched.place import callpath_of
from .ending import UsageError


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
