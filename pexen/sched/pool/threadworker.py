"""What a worker thread does: take an item, run it, put its result, again."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import NamedTuple

from ..call import run_task
from ..common import Shared, Task, TaskRes
from ..meta import kwargs_of


class Item(NamedTuple):
    ticket: int
    task: Task
    shared: Shared
    timeout: float | None


class WorkerThread(threading.Thread):
    """One worker. `current` is (item, since), or None while it has nothing to do."""

    def __init__(
        self,
        name: str,
        tasks: queue.SimpleQueue[Item | None],
        done: queue.SimpleQueue[tuple[int, TaskRes] | None],
        clock: Callable[[], float],
    ) -> None:
        super().__init__(name=f"pexen-{name}", daemon=True)
        self.label = name
        self.current: tuple[Item, float] | None = None
        self.abandoned = False
        self._guard = threading.Lock()  # of `current`, where it ends, and `abandoned`
        self._tasks = tasks
        self._done = done
        self._clock = clock

    def abandon(self, item: Item) -> bool:
        """Want this worker no more, if it is still at the item; returns whether it is.

        If it isn't, the item's result is there, or about to be.
        """
        with self._guard:
            self.abandoned = self.current is not None and self.current[0] is item
            return self.abandoned

    def run(self) -> None:
        while True:
            item = self._tasks.get()
            if item is None:
                return
            self.current = item, self._clock()
            res = run_task(item.task, item.shared, kwargs_of(item.task), self._clock)
            res.worker = self.label
            with self._guard:
                self.current = None
            self._done.put((item.ticket, res))
            del item, res  # not to be kept alive while idle
            if self.abandoned:
                return
