"""How long tasks are expected to take: as the state knows it, or as a file says.

The file of `--durations FILE` is a JSON object from the names of tasks, as `pexen list` prints
them, to seconds; or the record of a run, in which tasks that ended well have their durations.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

from ..sched.common import Task, task_name
from ..sched.taskmap import TaskMap
from ..state import StateError, Store, default_folder
from ..state.history import seconds
from ..state.store import FILE_NAME
from . import record
from .ending import UsageError, say
from .words import label


def in_state(tasks: Iterable[Task]) -> TaskMap[float]:
    """The seconds of those of the tasks that earlier runs have told of."""
    tasks, folder = list(tasks), default_folder()
    if not (folder / FILE_NAME).exists():
        return TaskMap.of([])
    try:
        with Store(folder) as store:
            found = seconds(store, map(task_name, tasks))
    except StateError as exc:
        say("warning", f"{exc}; the plan is made without it")
        return TaskMap.of([])
    return TaskMap.of([(task, each) for task, each in zip(tasks, found) if each is not None])


def read(path: str, tasks: Iterable[Task]) -> TaskMap[float]:
    """The seconds of those of the tasks that the file knows.

    UsageError for a file that can't be read, or isn't what it should be. Names that no
    task has are warned of, as they may be misspelt.
    """
    tasks = list(tasks)
    found = _load(path)
    known: list[tuple[Task, float]] = []
    if isinstance(found.get("tasks"), list):
        for task, entry in zip(tasks, record.matched(record.read(path), tasks), strict=True):
            took: Any = entry.get("duration")
            if entry.get("outcome") in ("ok", "fresh") and _is_seconds(took):
                known.append((task, float(took)))
        return TaskMap.of(known)
    for name, took in found.items():
        if not _is_seconds(took):
            wanted = "give seconds, a number of 0 or above"
            raise UsageError(f"file {path!r} says {took!r} of {name!r}; {wanted}")
    unknown = dict(found)
    for task in tasks:
        for name in (task_name(task), label(task)):  # label: as it is printed
            if name in found:
                known.append((task, float(found[name])))
                unknown.pop(name, None)
    if unknown:
        few = ", ".join(map(repr, list(unknown)[:3])) + (", …" if len(unknown) > 3 else "")
        say("warning", f"file {path!r} knows tasks that aren't there: {few}")
    return TaskMap.of(known)


def _load(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except OSError as exc:
        raise UsageError(f"file {path!r} can't be read: {exc.strerror}") from exc
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"file {path!r} has no durations, it is not even JSON: {exc}") from exc
    if not isinstance(found, dict):
        wanted = "write an object from names of tasks to seconds, as in {\"pkg/task\": 1.5}"
        raise UsageError(f"file {path!r} has no durations; {wanted}")
    return found


def _is_seconds(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and 0 <= value <= sys.float_info.max  # JSON has integers above that
