"""A pool in which time is a number and no task is run: it only takes as long as it would."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

from ..common import InternalError, Outcome, Shared, Task, TaskLostError, TaskRes, identity
from .base import ABORTED, Running, WorkerPool


class SimulatedPool(WorkerPool):
    """Ends tasks in the order of their durations, each as `ok`, without calling them.

    `seconds` gives the virtual seconds that a task takes. `now` is the virtual time in
    seconds, which only passes while results are waited for. Nothing is handed in ahead,
    results come one at a time, and the same tasks give the same schedule every time.
    `log` has what happened, as (now, 'start' or 'end', task).
    """

    def __init__(self, workers: int, seconds: Callable[[Task], float]) -> None:
        super().__init__(workers, spare=0)
        self._seconds = seconds
        self.now = 0.0
        self.log: list[tuple[float, str, Task]] = []
        self._names: list[str] = []  # workers that are free
        self._waiting: list[tuple[Task, Shared]] = []  # more than there are workers
        self._count = 0
        # Heap of (end, number, since, result); the result is there from the start.
        self._at_work: list[tuple[float, int, float, TaskRes]] = []

    def clock(self) -> float:
        return self.now

    def _start(self) -> None:
        self._names = [f"virtual-{n}" for n in range(self.workers, 0, -1)]
        self._waiting.clear()
        self._at_work.clear()

    def _submit(self, task: Task, shared: Shared) -> None:
        self._waiting.append((task, shared))
        self._take_up()

    def _take_up(self) -> None:
        while self._waiting and self._names:
            task, shared = self._waiting.pop(0)
            name = self._names.pop()
            if self.on_begin is not None:
                self.on_begin(task, self.now)
            self.log.append((self.now, "start", task))
            res, seconds = self._attempt(task, shared, name)
            res.worker = name
            res.started, res.duration = self.now, seconds
            self._count += 1
            heapq.heappush(self._at_work, (self.now + seconds, self._count, self.now, res))

    def _attempt(self, task: Task, shared: Shared, worker: str) -> tuple[TaskRes, float]:
        """The result of an attempt that begins now, and the seconds after which it comes."""
        return TaskRes(task, shared), self._seconds(task)

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        if not self._at_work and timeout is None:
            raise InternalError("results are waited for, but nothing runs and no time was given")
        if timeout is not None and (
            not self._at_work or self._at_work[0][0] > self.now + timeout
        ):
            self.now += timeout
            return []
        end, _, _, res = heapq.heappop(self._at_work)
        self.now = end
        self._ended(res)
        return [res]

    def _ended(self, res: TaskRes) -> None:
        self.log.append((self.now, "end", res.task))
        self._names.append(res.worker)
        self._take_up()

    def wake(self) -> None:
        """Nothing to do: it never waits."""

    def running(self) -> list[Running]:
        return [Running(res.task, res.worker, since) for _, _, since, res in list(self._at_work)]

    def ahead(self) -> list[Task]:
        return [task for task, _ in self._waiting]

    def _withdraw(self) -> list[Task]:
        back = [task for task, _ in self._waiting]
        self._waiting.clear()
        return back

    def kill(self, tasks: Iterable[Task]) -> None:
        wanted = {identity(task) for task in tasks}
        killed = [item for item in self._at_work if identity(item[3].task) in wanted]
        numbers = {item[1] for item in killed}
        self._at_work = [item for item in self._at_work if item[1] not in numbers]
        heapq.heapify(self._at_work)
        for _, _, since, res in killed:
            error = TaskLostError(ABORTED)
            lost = TaskRes.unfinished(res.task, res.shared, Outcome.LOST, error, res.worker)
            lost.started, lost.duration = since, self.now - since
            self._ready.append(lost)
            self._ended(lost)

    def _close(self) -> None:
        pass

    def _join(self) -> None:
        pass

    def _terminate(self) -> None:
        self._at_work.clear()
        self._waiting.clear()
