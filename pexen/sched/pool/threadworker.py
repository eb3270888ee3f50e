"""What a worker thread does: take an item, run it, put its result, again."""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from ..call import run_task
from ..common import Shared, Task, TaskRes, task_name
from .line import Line
from .spinning import Spin, let_interpreter_go

_log = logging.getLogger("pexen")

# A task that was handed in: (ticket, task, shared dict, timeout, kwargs). A plain tuple, as one is
# made for each task and that is the cheapest.
Item = tuple[int, Task, Shared, float | None, dict[str, Any]]
TICKET: Final = 0
TASK: Final = 1
SHARED: Final = 2
TIMEOUT: Final = 3


class WorkerThread(threading.Thread):
    """One worker. `current` is (item, since) of what it has taken up last, or None.

    Whoever takes an item's ticket out of `live` settles the item: the worker does when the
    task has ended, the pool when it abandons the task. A worker that comes too late
    puts no result and ends, as it has been replaced.
    """

    def __init__(
        self,
        name: str,
        tasks: Line[Item | None],
        done: Line[tuple[int, TaskRes] | None],
        live: dict[int, Item],
    ) -> None:
        super().__init__(name=f"pexen-{name}", daemon=True)
        self.label = name
        self.current: tuple[Item, float] | None = None
        self._tasks = tasks
        self._done = done
        self._live = live

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
        live, settle, clock, label = self._live, self._live.pop, time.monotonic, self.label
        items = self._tasks.items  # not the line, for the sake of forsake()
        take = items.popleft
        put, waiting = self._done.items.append, self._done.waiting
        spin = Spin(pause=let_interpreter_go)
        taken = 0
        while True:
            if not items:
                self._done.no_more()
                # Where others are out as well, looking would take the interpreter from them.
                self._tasks.wait(None, spin if taken == 1 and not live else None)
                taken = 0
            try:
                item = take()
            except IndexError:  # another worker has taken it
                continue
            taken += 1
            if item is None:
                return
            ticket, task, shared, _, kwargs = item
            started = clock()
            self.current = item, started
            res = run_task(task, shared, kwargs, clock, started)
            res.worker = label
            if settle(ticket, None) is None:
                return
            self.current = None
            put((ticket, res))
            if waiting:
                self._done.wake_one()
            del item, task, shared, kwargs, res  # not to be kept alive while idle
