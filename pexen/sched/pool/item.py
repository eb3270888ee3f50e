"""A submitted task of a process pool, until its result is read.

While nothing has to be noted of it, it stays as it was submitted: in the backlog, and in a row. An
item is made of it when something has: it is handed to a worker by itself, or its worker has died.
"""

from __future__ import annotations

from typing import final

from ..common import Task
from .row import Submission


@final
class Item:
    """A task of which something is noted."""

    __slots__ = (
        "deaths", "handed", "index", "seq", "shared", "since", "submission", "task", "timeout",
        "told",
    )  # fmt: skip

    def __init__(self, seq: int, submission: Submission, timeout: float | None) -> None:
        self.seq = seq  # its number with the worker; another one each time that it is handed in
        self.submission = submission
        self.task, self.shared, _, _, self.index = submission
        self.timeout = timeout
        self.handed = 0.0  # when a worker got it
        self.since: float | None = None  # when it began
        self.told = False  # that it began was told
        self.deaths = 0  # workers that have died who were about to take it up

    @property
    def is_plain(self) -> bool:
        """Whether what was submitted says as much, where nobody is told of beginnings."""
        return self.timeout is None and not self.deaths


Submitted = Submission | Item


def submission_of(submitted: Submitted) -> Submission:
    """It as it was submitted."""
    return submitted.submission if isinstance(submitted, Item) else submitted


def task_of(submitted: Submitted) -> Task:
    """The task that was submitted."""
    return submission_of(submitted)[0]
