"""A pool in virtual time that takes rows of tasks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from pexen.sched.common import Task, TaskRes, identity
from pexen.sched.pool.row import Row, Submission
from pexen.testing import VirtualPool


class InRows(VirtualPool):
    """Takes rows of up to `longest` tasks, of which one in `hasty` ends early, as if it took long.

    Which one is drawn by `rng`. A task of a row is taken up when the one before it ends, which is
    told when the result of that has been seen. `taken` are the rows, each a list of its tasks.
    """

    def __init__(self, workers: int, durations: Any, longest: int, rng: random.Random) -> None:
        super().__init__(workers, durations)
        self.longest = longest
        self.hasty: int | None = 10
        self.taken: list[list[Task]] = []
        self._rng = rng
        self._rows: list[Row] = []
        self._row_of: dict[int, Row] = {}  # by the identity of the task that is next, or at work
        self._next_ones: list[Submission] = []  # taken up by a worker, which isn't told of yet

    def longest_row(self) -> int:
        return self.longest

    def submit_rows(self, batch: Sequence[Submission | Row]) -> None:
        for handed in batch:
            if isinstance(handed, Row):
                self.taken.append(handed.tasks())
                self._rows.append(handed)
                self.due += len(handed.rest)
                self._take_next(handed)
                self._submit_next()
            else:
                self.submit(handed[0], handed[1])

    def _take_next(self, row: Row) -> None:
        submission = row.rest.pop()
        self._row_of[identity(submission[0])] = row
        self._next_ones.append(submission)

    def _submit_next(self) -> None:
        for task, shared, *_ in self._next_ones:
            self._submit(task, shared)
        self._next_ones.clear()

    def _behind(self) -> int:
        return sum(len(row.rest) for row in self._rows)

    def _ended(self, res: TaskRes) -> None:
        row = self._row_of.pop(identity(res.task), None)
        if row is not None and row.note(res, 0.0, self._late()):
            self._take_next(row)
        super()._ended(res)

    def _late(self) -> float:
        hasty = self.hasty is not None and self._rng.randrange(self.hasty) == 0
        return 1.0 if hasty else 0.0

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        self._submit_next()
        return super()._collect(timeout)

    def ahead(self) -> list[Task]:
        next_ones = [submission[0] for submission in self._next_ones]
        return [*super().ahead(), *next_ones, *(t for row in self._rows for t in row.tasks())]

    def _withdraw(self) -> list[Task]:
        back = [*super()._withdraw(), *(submission[0] for submission in self._next_ones)]
        self._next_ones.clear()
        return [*back, *(task for row in self._rows for task in row.take_rest())]
