"""What a pool is handed: a task, or several in a row, for one worker.

Short tasks that can only run one at a time, as all claim the same, would cost a hop there and back
each. So several are handed in as one, which hold the claim together, and run one after the other.
Between two of them nobody is asked, so a row ends early in two cases, and what is left of it is
given back: where a result says that the locks aren't released, as what they guard may be damaged;
and where it has taken long, as others may wait for the locks, whatever was expected of the tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import final

from ..common import Shared, Task, TaskRes
from ..meta import Said, for_pool, meta_of
from .spare import AHEAD_SECONDS

# A task with its shared dict; what its metadata says that a pool has to know, None if it says
# nothing of that; whether it gets the dict, None if that is still to be found out; and its index
# among the tasks that were registered, as whoever submits it has it, -1 if unknown.
Submission = tuple[Task, Shared, Said | None, bool | None, int]

# What gets them out of one, for `map`.
TASK_IN: Callable[[Submission], Task] = itemgetter(0)
SAID_IN: Callable[[Submission], Said | None] = itemgetter(2)
INDEX_IN: Callable[[Submission], int] = itemgetter(4)

# A row that takes longer is given back: a few times what is handed ahead of a worker.
ROW_SECONDS = 4 * AHEAD_SECONDS


def submission_alone(task: Task, shared: Shared) -> Submission:
    """What somebody submits who knows no more of the task than it says itself."""
    return task, shared, for_pool(meta_of(task)), None, -1


@final
class Row:
    """Tasks that one worker runs one after the other.

    Invariant: each is taken out of `rest` by one step, by the worker that is to run it, or by the
    thread that uses the pool when it takes back what hasn't begun. No worker takes any once it
    is `over`.
    """

    __slots__ = ("over", "rest", "until")

    def __init__(self, submissions: Sequence[Submission]) -> None:
        self.rest = [*submissions]  # those that haven't begun, the next one last
        self.rest.reverse()
        self.until = math.inf  # by when it should have ended, on the pool's clock
        self.over = False  # set by the worker before it puts the result that ends the row

    def note(self, res: TaskRes, started: float, ended: float) -> bool:
        """Take in how one of its tasks ended; returns whether there is one that may follow."""
        if self.until is math.inf:
            self.until = started + ROW_SECONDS
        self.over = not res.locks_ok or ended > self.until
        return not self.over and bool(self.rest)

    def tasks(self) -> list[Task]:
        """Those that haven't begun, in order."""
        return [submission[0] for submission in reversed(self.rest.copy())]

    def take_rest(self) -> list[Task]:
        """Take out those that haven't begun."""
        taken = []
        try:
            while self.rest:
                taken.append(self.rest.pop()[0])
        except IndexError:  # the worker has taken the last one
            pass
        return taken


def tasks_of(handed: Submission | Row) -> list[Task]:
    """The tasks of what is handed in."""
    return handed.tasks() if isinstance(handed, Row) else [handed[0]]
