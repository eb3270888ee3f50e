"""A task's metadata as JSON and as text; and tags in an order that is always the same."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..factory.base import meta_of as given_meta
from ..factory.imports import ImportFailure
from ..sched import every, unique
from ..sched.common import Task, task_name
from ..sched.meta import SchedMeta
from ..sched.place import callpath_of


def meta_of(task: Task) -> SchedMeta:
    """The task's metadata, or the defaults."""
    return given_meta(task) or SchedMeta()


def as_object(task: Task) -> dict[str, Any]:
    """What is to be known of a task, to be written as JSON."""
    known: dict[str, Any] = {"callpath": callpath_of(task), "name": task_name(task)}
    if isinstance(task, ImportFailure):
        known["error"] = task.text
    return known | {name: jsonable(value) for name, value in meta_of(task).given().items()}


def as_text(task: Task) -> str:
    """The metadata that the task was given, in a line."""
    if isinstance(task, ImportFailure):
        return f"# could not be imported: {task.text}"
    given = meta_of(task).given()
    return " ".join(f"{name}={_text(value)}" for name, value in given.items())


def jsonable(value: Any) -> Any:
    """The value as JSON has it.

    A set is a sorted list, a tuple a list; every(tag) is {"every": tag}, unique(tag)
    {"unique": tag}, and what JSON has no word for {"repr": "…"}.
    """
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if isinstance(value, (every, unique)):
        return {type(value).__name__: jsonable(value.tag)}
    if isinstance(value, set):
        return list(map(jsonable, in_order(value)))
    if isinstance(value, (list, tuple)):
        return list(map(jsonable, value))
    if isinstance(value, dict):
        return {k if isinstance(k, str) else repr(k): jsonable(v) for k, v in value.items()}
    return {"repr": repr(value)}


def in_order(tags: Iterable[Any]) -> list[Any]:
    """Tags sorted: numbers, then text, then all others by what they are as JSON."""
    return sorted(tags, key=_rank)


def _rank(tag: Any) -> tuple[int, Any]:
    if isinstance(tag, (int, float)) and not math.isnan(tag):
        return 0, tag
    if isinstance(tag, str):
        return 1, tag
    import json  # only for a tag that is neither a number nor text

    return 2, json.dumps(jsonable(tag))


def tag_text(tag: Any) -> str:
    """A tag as one would write it."""
    if isinstance(tag, (every, unique)):
        return f"{type(tag).__name__}({tag.tag!r})"
    return repr(tag)


def _text(value: Any) -> str:
    if isinstance(value, set) and value:
        return f"{{{', '.join(map(tag_text, in_order(value)))}}}"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key!r}: {_text(item)}' for key, item in value.items())}}}"
    return repr(value)
