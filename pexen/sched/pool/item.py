"""A submitted task of a process pool, before its result is read.

It stays what was submitted while nothing is to be noted of it: in the backlog, and in a row. Where
it is handed to a worker by itself, it becomes an item.
"""

from __future__ import annotations

from typing import final

from ..common import Shared, Task
from .row import Submission


@final
class Item:
    """A task that is, or was, handed to a worker by itself."""

    __slots__ = ("deaths", "handed", "index", "seq", "shared", "since", "task", "timeout", "told")

    def __init__(
        self, seq: int, index: int, task: Task, shared: Shared, timeout: float | None
    ) -> None:
        self.seq = seq  # numbered anew each time that it is handed to a worker
        self.index = index  # of the task, in the roster
        self.task = task
        self.shared = shared
        self.timeout = timeout
        self.handed = 0.0  # when a worker got it
        self.since: float | None = None  # when it began
        self.told = False  # that it began was told
        self.deaths = 0  # workers that have died who were about to take it up


Submitted = Submission | Item


def task_of(submitted: Submitted) -> Task:
    """The task that was submitted."""
    return submitted.task if isinstance(submitted, Item) else submitted[0]
