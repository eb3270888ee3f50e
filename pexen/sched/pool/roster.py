"""The tasks that a process pool knows, by index, and how each reaches a worker.

A worker is born knowing those registered before it was started. One that came about later
(`admit`) travels pickled with its first submission; one that can't be pickled is only
known to workers forked since, so older ones are `stale`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ..common import PoolError, Task, identities, identity
from .travel import Registry, pickled_task


class Roster:
    """Tasks by index."""

    def __init__(self, forks: bool) -> None:
        self._forks = forks
        self._tasks: list[Task] = []
        self._index: dict[Any, int] = {}
        self._first_late = 0  # tasks from here on came about while the pool ran
        self._definitions: dict[int, bytes] = {}  # of late tasks, pickled
        self._mark = 0  # workers born knowing fewer tasks are stale

    def __len__(self) -> int:
        return len(self._tasks)

    def register(self, tasks: Iterable[Task]) -> None:
        """Add tasks while no worker runs."""
        new = list(tasks)
        if not self._tasks:  # as in most runs, and then all at once is quicker by half
            index = dict(zip(identities(new), range(len(new))))
            if len(index) == len(new):
                self._tasks, self._index = new, index
                return
        for task in new:
            self._append(task)

    def _append(self, task: Task) -> int:
        index = self._index.setdefault(identity(task), len(self._tasks))
        if index == len(self._tasks):
            self._tasks.append(task)
        return index

    def start(self) -> None:
        """Workers are about to be started."""
        self._first_late = self._mark = len(self._tasks)
        self._definitions.clear()

    def admit(self, tasks: Iterable[Task]) -> None:
        """Add tasks while workers run, all or none.

        PoolError for one that can't be pickled, where workers aren't forked.
        """
        pickled: list[tuple[Task, bytes]] = []
        for task in tasks:
            if identity(task) in self._index:
                continue
            try:
                pickled.append((task, pickled_task(task)))
            except PoolError:
                if not self._forks:
                    raise
                pickled.append((task, b""))
        for task, definition in pickled:
            index = self._append(task)
            if definition:
                self._definitions[index] = definition
            else:
                self._mark = len(self._tasks)

    def index(self, task: Task) -> int:
        """The task's index; PoolError if it isn't known."""
        try:
            return self._index[id(task)]
        except KeyError:  # of a bound method, maybe
            index = self._index.get(identity(task))
        if index is None:
            raise PoolError(f"Cannot submit unregistered task {task!r}")
        return index

    def knows_all(self, tasks: Iterable[Task]) -> bool:
        """Whether all are known, as can be told at once; not of bound methods."""
        return None not in map(self._index.get, map(id, tasks))

    def indexes(self, tasks: Sequence[Task]) -> list[int]:
        """The indexes of tasks that are known."""
        try:
            return [*map(self._index.__getitem__, map(id, tasks))]
        except KeyError:  # of a bound method
            return [*map(self.index, tasks)]

    def definition(self, index: int) -> bytes:
        """A late task, pickled, for a worker that was not born knowing it."""
        return self._definitions[index]

    def registry(self) -> Registry:
        """The tasks, for a worker to be born with."""
        return Registry(self._tasks)

    def is_stale(self, known: int) -> bool:
        """Whether a worker born knowing that many tasks lacks some for good."""
        return known < self._mark

    def refuse_travel(self, index: int) -> bool:
        """A worker could not load the task: whether a worker forked now could.

        So it is for a function that was defined in the main module after the fork.
        """
        if not self._forks or index < self._first_late:
            return False
        self._mark = len(self._tasks)
        return True
