"""The tasks that a process pool knows, by index, and how each reaches a worker.

A worker is born knowing those registered before it was started. One that came about later
(`admit`) travels pickled with its first submission; one that can't be pickled is only
known to workers forked since, so older ones are `stale`.

Who registers tasks and submits them with their places, as a scheduler does, has them found by
these. Whether one is right is seen without looking at the task, which may be one of very many
that the processor has long forgotten. Only for others, an index by identity is made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import is_, itemgetter
from typing import Any

from ..common import PoolError, Task, identities, identity
from .row import SUBMITTED_TASK, Submission
from .travel import Registry, pickled_task


_place_of: Callable[[Submission], int] = itemgetter(4)


class Roster:
    """Tasks by index."""

    def __init__(self, forks: bool) -> None:
        self._forks = forks
        self._tasks: list[Task] = []
        self._index: dict[Any, int] | None = None  # by identity, once it is needed
        self._first_late = 0  # tasks from here on came about while the pool ran
        self._definitions: dict[int, bytes] = {}  # of late tasks, pickled
        self._mark = 0  # workers born knowing fewer tasks are stale

    def __len__(self) -> int:
        return len(self._tasks)

    def register(self, tasks: Iterable[Task]) -> None:
        """Add tasks while no worker runs."""
        if not self._tasks:
            self._tasks = list(tasks)  # where one is there twice, it may be found at either place
            return
        for task in tasks:
            self._append(task)

    def _by_identity(self) -> dict[Any, int]:
        if self._index is None:
            self._index = dict(zip(identities(self._tasks), range(len(self._tasks))))
        return self._index

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

    def index(self, submission: Submission) -> int:
        """The index of the task that is submitted; PoolError if it isn't known."""
        return self.indexes([submission])[0]

    def knows_all(self, submissions: Sequence[Submission]) -> bool:
        """Whether all the tasks that are submitted are known."""
        if self._are_right([*map(_place_of, submissions)], submissions):
            return True
        found = map(self._by_identity().get, identities([*map(SUBMITTED_TASK, submissions)]))
        return None not in found

    def indexes(self, submissions: Sequence[Submission]) -> list[int]:
        """The indexes of the tasks that are submitted; PoolError for one that isn't known."""
        places = [*map(_place_of, submissions)]
        if self._are_right(places, submissions):
            return places
        return [*map(self._find, map(SUBMITTED_TASK, submissions))]

    def _are_right(self, places: Sequence[int], submissions: Sequence[Submission]) -> bool:
        """Whether the tasks are in these places."""
        if not submissions or min(places) < 0 or max(places) >= len(self._tasks):
            return False
        registered = map(self._tasks.__getitem__, places)
        return all(map(is_, registered, map(SUBMITTED_TASK, submissions)))

    def _find(self, task: Task) -> int:
        index = self._by_identity().get(identity(task))
        if index is None:
            raise PoolError(f"Cannot submit unregistered task {task!r}")
        return index

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
