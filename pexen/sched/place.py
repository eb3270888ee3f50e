"""Where tasks are defined, and which of them wait for which: what is told of them in records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .common import CALLPATH_ATTR_NAME, Task
from .meta import BITS, SchedMeta, has_meta, meta_of
from .metacheck import every, unique
from .requests import as_key

# The fields by which a task asks for something that others may have.
_ASKING = BITS["exclusive"] | BITS["claims"] | BITS["uses"] | BITS["resources"]

# So many edges are kept for each task, on average, of those that are many for many.
_EDGES = 20


class Place(NamedTuple):
    """Where a task is in its source and among the others.

    `waits_for` are the numbers of tasks that it requires or is after. `asks_for` has what it needs
    for itself or shares with some, each as a field of metadata and the `repr` of the parts of a
    key: `("claims", ["'disk'", "1"])` is of the key `("disk", 1)`. Of `exclusive` it has no parts.
    """

    file: str | None = None
    line: int | None = None
    waits_for: Sequence[int] = ()
    asks_for: Sequence[tuple[str, Sequence[str]]] = ()


def place_of(
    task: Any,
    waits_for: Sequence[int] = (),
    asks_for: Sequence[tuple[str, Sequence[str]]] = (),
) -> Place:
    """Where the task is defined, as far as that can be told: code, or the file that it runs."""
    code = getattr(task, "__code__", None)
    if code is None:
        function = getattr(task, "func", None) or getattr(task, "__wrapped__", None)
        code = getattr(function, "__code__", None)
    if code is not None:
        return Place(code.co_filename, code.co_firstlineno, waits_for, asks_for)
    path = getattr(task, "path", None)
    return Place(path if isinstance(path, str) else None, None, waits_for, asks_for)


def places_of(tasks: Sequence[Task]) -> list[Place]:
    """The place of each, with what it waits for and asks for as its metadata says.

    Where many wait for many, not all are told.
    """
    none = SchedMeta()
    metas = [meta_of(task) if has_meta(task) else none for task in tasks]
    return [
        place_of(task, waits, _asks_for(meta) if meta is not none else ())
        for task, meta, waits in zip(tasks, metas, _waits_for(metas), strict=True)
    ]


def callpath_of(task: Task) -> list[str]:
    """The task's callpath, empty if no factory gave it one."""
    try:
        return list(map(str, getattr(task, CALLPATH_ATTR_NAME)))
    except AttributeError:
        return []


def _asks_for(meta: SchedMeta) -> Sequence[tuple[str, Sequence[str]]]:
    if not meta.stored_bits & _ASKING:  # as most often
        return ()
    found: list[tuple[str, Sequence[str]]] = [("exclusive", list[str]())] if meta.exclusive else []
    for mode in ("claims", "uses"):
        keys = [list(map(repr, as_key(key))) for key in getattr(meta, mode)]
        found += [(mode, key) for key in sorted(keys)]
    return found + [("resources", [repr(name)]) for name in meta.resources]


def _waits_for(metas: Sequence[SchedMeta]) -> list[list[int]]:
    """For each the numbers of those that provide what it requires or is after."""
    providers: dict[Any, list[int]] = {}
    for number, meta in enumerate(metas):
        for tag in meta.provides if meta.stored_bits & BITS["provides"] else ():
            providers.setdefault(tag.tag if isinstance(tag, unique) else tag, []).append(number)
    if not providers:
        return [[] for _ in metas]
    left = _EDGES * len(metas)
    found = []
    for meta in metas:
        edges: dict[int, None] = {}
        for need in (*meta.requires, *meta.after):
            each = providers.get(need.tag if isinstance(need, every) else need, ())
            if len(each) <= max(left, 1):
                edges.update(dict.fromkeys(each))
                left -= len(each)
        found.append(sorted(edges))
    return found
