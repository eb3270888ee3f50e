"""What a worker thread does: take an item, run it, put its result, again."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, cast, final

from ..call import run_task
from ..common import Task, TaskRes, task_name
from .line import Line
from .row import Row, Submission
from .spinning import Spin, let_interpreter_go

_log = logging.getLogger("pexen")

_NO_KWARGS: dict[str, Any] = {}  # only to be read


@final
class Tracked:
    """A submission of which the pool has to know by itself, and not only by its result.

    So it is if it has a timeout, or if somebody is told when it begins.
    """

    __slots__ = ("limit", "res", "submission")

    def __init__(self, submission: Submission, limit: float | None) -> None:
        self.submission = submission
        self.limit = limit  # seconds that it may run
        self.res: TaskRes | None = None  # set by the worker, which then puts this in its place


# What a worker is at: as it came, which costs nothing, or tracked. What is in the line to the
# workers, and what comes back.
Item = Submission | Tracked
Handed = Item | Row
Message = TaskRes | Tracked


def submission_of(item: Item) -> Submission:
    """What was submitted."""
    return item.submission if isinstance(item, Tracked) else item


def task_of(item: Item) -> Task:
    """The task of an item."""
    return submission_of(item)[0]


# What a worker is at: the worker, the item, and since when.
Work = tuple["WorkerThread", Item, float]


class WorkerThread(threading.Thread):
    """One worker. `at_work` is the pool's: what each worker is at, by its `id`.

    Whoever takes its work out of there settles the item: the worker does when the task has
    ended, the pool when it abandons the task. A worker that comes too late puts no result and
    ends, as it has been replaced.
    """

    def __init__(
        self,
        name: str,
        tasks: Line[Handed | None],
        done: Line[Message | None],
        at_work: dict[int, Work],
    ) -> None:
        super().__init__(name=f"pexen-{name}", daemon=True)
        self.label = name
        self._tasks = tasks
        self._done = done
        self._at_work = at_work

    def forsake(self) -> None:
        """Let go of the channels, and so of their descriptors: it was abandoned, or has ended.

        The traceback of a task that failed, which its result has, keeps the frame of `run`.
        """
        self._tasks, self._done = Line(), Line()

    def abandon(self, task: Task) -> None:
        """Leave the worker to a task that can't be ended."""
        self.forsake()
        _log.warning("task %r still runs, in abandoned %s", task_name(task), self.name)

    def run(self) -> None:
        try:
            self._work()
        finally:
            self.forsake()

    def _work(self) -> None:
        """Work until told to end, or abandoned.

        Why this is long: each task goes through this loop.
        """
        at_work, clock, label = self._at_work, time.monotonic, self.label
        settle = at_work.pop
        items = self._tasks.items  # not the line, for the sake of forsake()
        take = items.popleft
        put, waiting = self._done.items.append, self._done.waiting
        spin = Spin(pause=let_interpreter_go)
        taken = 0
        around: Tracked | Row | None
        while True:
            if not items:
                self._done.no_more()
                # Where others are at work, looking would take the interpreter from them.
                self._tasks.wait(None, spin if taken == 1 and not at_work else None)
                taken = 0
            try:
                item = take()
            except IndexError:  # another worker has taken it
                continue
            taken += 1
            around = None
            if type(item) is tuple:
                submission = item
            elif item is None:
                return
            elif type(item) is Tracked:
                around, submission = item, item.submission
            else:
                around = cast(Row, item)
                try:
                    item = submission = around.rest.pop()
                except IndexError:  # they were taken back
                    continue
            task, shared, said, takes, _ = submission
            started = clock()
            now = self, item, started
            key = id(now)
            at_work[key] = now
            res = run_task(
                task, shared, _NO_KWARGS if said is None else said[0], clock, started, takes
            )
            res.worker = label
            if settle(key, None) is None:
                return
            if around is None:
                put(res)
            elif type(around) is Tracked:
                around.res = res
                put(around)
            else:
                goes_on = around.note(res, started, clock())
                put(res)
                if goes_on:
                    items.appendleft(around)  # to be taken up again, by whoever is first
            if waiting:
                self._done.wake_one()
            # Not to be kept alive while idle.
            del item, around, submission, task, shared, said, now, res
