"""Tasks that ended in an earlier part of a run, when the run goes on."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ..sched.common import Shared, Task, TaskFailError
from ..sched.meta import SchedMeta, assign_meta
from .case import name_as
from .selection import Selected, needs_of, selected, tag_of


class End(NamedTuple):
    """How a task ended: whether what it provides counts as provided, and its dict, pickled."""

    deps_ok: bool
    shared: bytes | None = None


class Done:
    """Stands for a task that ended earlier: provides what that did, with the same shared dict.

    It requires nothing, as that was there when the task ran, and takes no locks.
    """

    def __init__(self, task: Task, provides: set[Any], end: End) -> None:
        self.task = task
        self._end = end
        name_as(self, task)
        assign_meta(self, SchedMeta(provides=provides))

    def __call__(self, shared: Shared) -> None:
        if self._end.shared is not None:
            shared.update(pickle.loads(self._end.shared))
        if not self._end.deps_ok:
            raise TaskFailError("it ended so before the run went on", deps_ok=False)


def going_on(
    tasks: Iterable[Task | Selected], end_of: Callable[[Task], End | None]
) -> list[Task | Selected | Done]:
    """The tasks of a run that goes on, for a `Suite`: those that `end_of` knows aren't run again.

    They provide what others still need.
    """
    pairs = [(each, selected(each)) for each in tasks]
    ends = [end_of(task) for _, (task, _) in pairs]
    needed = {
        tag
        for (_, (_, meta)), end in zip(pairs, ends, strict=True)
        if end is None
        for tag in needs_of(meta)
    }
    return [
        each if end is None else Done(task, {p for p in meta.provides if tag_of(p) in needed}, end)
        for (each, (task, meta)), end in zip(pairs, ends, strict=True)
    ]
