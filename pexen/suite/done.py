"""Tasks that ended in an earlier part of a run, when the run goes on."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable
from typing import NamedTuple

from ..sched.common import Shared, Task, TaskFailError
from ..sched.meta import SchedMeta, assign_meta, has_meta, meta_of
from .selection import Selected


class End(NamedTuple):
    """How a task ended: whether what it provides counts as provided, and its dict, pickled."""

    deps_ok: bool
    shared: bytes | None = None


class Done:
    """Stands for a task that ended earlier: provides what that did, with the same shared dict.

    It requires nothing, as that was there when the task ran, and takes no locks.
    """

    def __init__(self, task: Task, meta: SchedMeta, end: End) -> None:
        self.task = task
        self._end = end
        assign_meta(self, SchedMeta(provides=meta.provides))

    def __call__(self, shared: Shared) -> None:
        if self._end.shared is not None:
            shared.update(pickle.loads(self._end.shared))
        if not self._end.deps_ok:
            raise TaskFailError("it ended so before the run went on", deps_ok=False)


def going_on(
    tasks: Iterable[Task | Selected], end_of: Callable[[Task], End | None]
) -> list[Task | Selected | Done]:
    """The tasks of a run that goes on, for a `Suite`: those that `end_of` knows aren't run again."""
    found: list[Task | Selected | Done] = []
    for each in tasks:
        task, meta = each if isinstance(each, Selected) else (each, None)
        end = end_of(task)
        if end is None:
            found.append(each)
            continue
        if meta is None:
            meta = meta_of(task) if has_meta(task) else SchedMeta()
        found.append(Done(task, meta, end))
    return found
