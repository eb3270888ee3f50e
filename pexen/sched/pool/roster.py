"""The tasks that a process pool knows, by index, and how each reaches a worker.

A worker is born knowing those registered before it was started. One that came about later
(`admit`) travels pickled with its first submission; one that can't be pickled is only
known to workers forked since, so older ones are `stale`.

Who registers tasks and submits them with their indexes, as a scheduler does, has them found by
these. Whether one is right is seen without looking at the task, which may be one of very many
that the processor has long forgotten. Only for others, the indexes are kept by identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import is_
from typing import Any

from ..common import PoolError, Task, identities, identity
from .row import INDEX_IN, TASK_IN, Submission
from .travel import Registry, pickled_task


class Roster:
    """Tasks by index."""

    def __init__(self, forks: bool) -> None:
        self._forks = forks
        self._tasks: list[Task] = []
        self._indexes: dict[Any, int] | None = None  # of all, by identity; None until needed
        self._first_late = 0  # tasks from here on came about while the pool ran
        self._definitions: dict[int, bytes] = {}  # of late tasks, pickled
        self._mark = 0  # workers born knowing fewer tasks are stale

    def __len__(self) -> int:
        return len(self._tasks)

    def register(self, tasks: Iterable[Task]) -> None:
        """Add tasks while no worker runs."""
        if not self._tasks:
            self._tasks = list(tasks)  # one that is there twice may be found with either index
            self._indexes = None
            return
        for task in tasks:
            self._append(task)

    def _by_identity(self) -> dict[Any, int]:
        if self._indexes is None:
            self._indexes = dict(zip(identities(self._tasks), range(len(self._tasks))))
        return self._indexes

    def _append(self, task: Task) -> int:
        index = self._by_identity().setdefault(identity(task), len(self._tasks))
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
            if identity(task) in self._by_identity():
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

    def has_all(self, submissions: Sequence[Submission]) -> bool:
        """Whether the tasks that are submitted are here with the indexes that they come with."""
        indexes = [*map(INDEX_IN, submissions)]
        if min(indexes, default=0) < 0 or max(indexes, default=-1) >= len(self._tasks):
            return False
        return all(map(is_, map(self._tasks.__getitem__, indexes), map(TASK_IN, submissions)))

    def indexed(self, submission: Submission) -> Submission:
        """The same with the index that its task has here; PoolError if it isn't known."""
        task, shared, said, takes, index = submission
        if 0 <= index < len(self._tasks) and self._tasks[index] is task:
            return submission
        found = self._by_identity().get(identity(task))
        if found is None:
            raise PoolError(f"Cannot submit unregistered task {task!r}")
        return task, shared, said, takes, found

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
