"""A pool in which time is a number: for tests of what runs when, without waiting."""

from __future__ import annotations

from ..sched.call import run_task
from ..sched.common import Outcome, Shared, Task, TaskRes, TaskTimeoutError
from ..sched.meta import kwargs_of
from ..sched.order import Durations, known_duration
from ..sched.pool.base import out_of_time
from ..sched.pool.simulated import SimulatedPool


class VirtualPool(SimulatedPool):
    """Runs each task in the caller's thread, and ends them in the order of their durations.

    `durations` is a mapping or callable from task to virtual seconds; a task it doesn't
    know takes 1. A task's body runs when a worker takes it up; its result comes when its
    duration has passed. `now` is the virtual time in seconds, which only passes while
    results are waited for. Nothing is handed in ahead, and the same tasks give the same
    schedule every time. `log` has what happened, as (now, 'start' or 'end', task).
    """

    def __init__(self, workers: int = 1, durations: Durations | None = None) -> None:
        super().__init__(workers, self._known_seconds)
        self.durations = durations

    def _known_seconds(self, task: Task) -> float:
        seconds = known_duration(self.durations, task)
        return 1.0 if seconds is None else seconds

    def _attempt(self, task: Task, shared: Shared, worker: str) -> tuple[TaskRes, float]:
        res = run_task(task, shared, kwargs_of(task), self.clock)
        seconds = self._known_seconds(task)
        limit = self._timeout_of(task)
        if limit is not None and seconds > limit:
            error = TaskTimeoutError(out_of_time(limit, limit))
            return TaskRes.unfinished(task, shared, Outcome.TIMEOUT, error, worker), limit
        return res, seconds
