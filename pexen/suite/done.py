"""Tasks that ended in an earlier part of a run, when the run goes on."""

from __future__ import annotations

import math
import pickle
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..sched.common import Shared, Task, TaskFailError, task_name
from ..sched.meta import SchedMeta, assign_meta
from ..util import PexenWarning
from .again import run_again
from .case import name_as
from .selection import Selected, meta_with, needs_of, selected, tag_of


class End(NamedTuple):
    """How a task ended: whether what it provides counts as provided, and its dict, pickled.

    None is an empty dict; `b""`, or any other bytes that can't be loaded, one that is lost.
    """

    deps_ok: bool
    shared: bytes | None = None


class Done:
    """Stands for a task that ended earlier: provides what that did, with the same shared dict.

    It requires nothing, as that was there when the task ran, and takes no locks. It comes before all
    else: when the run is stopped, teardown may require what it provides.
    """

    def __init__(self, task: Task, provides: set[Any], end: End) -> None:
        self.task = task
        self._end = end
        name_as(self, task)
        assign_meta(self, SchedMeta(provides=provides, priority=-math.inf))

    def __call__(self, shared: Shared) -> None:
        if self._end.shared is not None:
            shared.update(pickle.loads(self._end.shared))
        if not self._end.deps_ok:
            raise TaskFailError("it ended so before the run went on", deps_ok=False)


def going_on(
    tasks: Iterable[Task | Selected], end_of: Callable[[Task], End | None]
) -> list[Task | Selected | Done]:
    """The tasks of a run that goes on, for a `Suite`: those that `end_of` knows aren't run again.

    But where teardown has run, it has taken away what it is after. What of that is still needed is
    made again, and then torn down again; and so is what can't be handed on, as its dict is lost,
    which is warned of. The others that ended provide what is still needed.
    """
    chosen = [selected(each) for each in tasks]
    ends = [end_of(task) for task, _ in chosen]
    metas = [meta for _, meta in chosen]
    for number in run_again(metas, [end is not None for end in ends]):
        ends[number] = None
    needed = _needed(chosen, ends)
    pairs = list(zip(chosen, ends, strict=True))
    over = {tag for (_, meta), end in pairs if end is not None for tag in needs_of(meta)} - needed
    found: list[Task | Selected | Done] = []
    for (task, meta), end in pairs:
        provides = {tag for tag in meta.provides if tag_of(tag) in needed}
        if end is not None:
            found.append(Done(task, provides, end))
        elif any(tag_of(tag) in over for tag in meta.provides):
            # Who needed it has ended, so nobody is to be warned that nobody does.
            found.append(Selected(task, meta_with(meta, provides=provides)))
        else:
            found.append(Selected(task, meta))
    return found


def _needed(chosen: Sequence[Selected], ends: list[End | None]) -> set[Any]:
    """The tags that tasks need which are run; those that had to hand one on and can't are, too."""
    while True:
        pairs = list(zip(chosen, ends, strict=True))
        needed = {tag for (_, meta), end in pairs if end is None for tag in needs_of(meta)}
        lost = []
        for number, ((task, meta), end) in enumerate(pairs):
            if end is not None and any(tag_of(tag) in needed for tag in meta.provides):
                why = _why_lost(end)
                if why:
                    lost.append(number)
                    name = task_name(task)
                    warnings.warn(
                        f"task {name!r} is run again, as what it handed on {why}",
                        PexenWarning,
                        stacklevel=3,
                    )
        if not lost:
            return needed
        for number in lost:
            ends[number] = None


def _why_lost(end: End) -> str:
    """Why what a task handed on can't be had; empty if it can."""
    if end.shared is None:
        return ""
    if not end.shared:
        return "couldn't be pickled"
    try:
        pickle.loads(end.shared)
    except Exception as exc:
        return f"can't be loaded: {type(exc).__name__}: {exc}"
    return ""
