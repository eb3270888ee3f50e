"""The pools of tests/bench/faults.py, each used as its documentation says."""

from __future__ import annotations

import abc
import functools
import time
from collections.abc import Callable, Iterable
from concurrent.futures import CancelledError
from typing import Any

from fault_plan import LATE_WAIT, Job, Leaving, Note, Plan, Pool, leave_when_busy, wait_for_calm

WORKERS = 2


def square(number: int) -> int:
    """For a task that uses a pool itself."""
    return number * number


class Peer(Pool):
    """A pool to which tasks are submitted one by one."""

    @abc.abstractmethod
    def start(self, initializer: Callable[[], None] | None) -> None:
        """Make the pool."""

    @abc.abstractmethod
    def submit(self, job: Job) -> Any:
        """Submit a task; returns what stands for its result."""

    @abc.abstractmethod
    def close(self) -> None:
        """End the pool when all is done."""

    @abc.abstractmethod
    def leave(self) -> None:
        """End the pool at once, by the quickest documented means."""

    def again(self) -> None:
        """Get ready to submit more, after a fault."""

    def outcome(self, handle: Any, seconds: float) -> tuple[str, Any]:
        """Wait for an outcome: its kind, and the value or exception."""
        try:
            error = handle.exception(seconds)
        except TimeoutError:
            return "never", None
        except CancelledError as exc:
            error = exc
        return ("value", handle.result(0)) if error is None else ("error", error)

    def execute(self, plan: Plan, note: Note) -> None:
        try:
            self.start(plan.initializer)
            complete = self._all(plan.first, plan.wait, plan.leaves, note)
            if plan.late:
                note("late")
                if plan.calms:
                    wait_for_calm()
                self.again()
                complete = self._all(plan.late, LATE_WAIT, False, note) and complete
        except (KeyboardInterrupt, Leaving):
            note("leaving")
            complete = False
        if complete:
            self.close()
        else:
            self.leave()

    def _all(self, jobs: Iterable[Job], wait: float, leaves: bool, note: Note) -> bool:
        """Submit tasks and wait for their outcomes; returns whether all have come."""
        handles = []
        for job in jobs:
            try:
                handles.append((job, self.submit(job)))
            except Exception as exc:
                note("outcome", job=job, kind="error", value=exc)
        note("submitted")
        end = time.monotonic() + wait
        complete = True
        for job, handle in handles:
            kind, value = self.outcome(handle, max(0, end - time.monotonic()))
            note("outcome", job=job, kind=kind, value=value)
            complete = complete and kind != "never"
            if leaves:
                leave_when_busy(note)
        return complete

    def nested(self) -> int:
        self.start(None)
        handles = [self.submit(Job("nested", n, square, (n,))) for n in (1, 2)]
        total = 0
        for handle in handles:
            kind, value = self.outcome(handle, 5)
            if kind != "value":
                raise RuntimeError(f"nested: {kind} {value!r}")
            total += value
        self.close()
        return total


class ProcessPoolExecutor(Peer):
    def start(self, initializer: Callable[[], None] | None) -> None:
        from concurrent.futures import ProcessPoolExecutor

        self.pool = ProcessPoolExecutor(WORKERS, initializer=initializer)

    def submit(self, job: Job) -> Any:
        return self.pool.submit(job.function, *job.arguments)

    def close(self) -> None:
        self.pool.shutdown()

    def leave(self) -> None:
        kill = getattr(self.pool, "kill_workers", None)  # from Python 3.14 on
        if kill is not None:
            kill()
        else:
            self.pool.shutdown(cancel_futures=True)


class MultiprocessingPool(Peer):
    def start(self, initializer: Callable[[], None] | None) -> None:
        import multiprocessing

        self.pool = multiprocessing.Pool(WORKERS, initializer)

    def submit(self, job: Job) -> Any:
        return self.pool.apply_async(job.function, job.arguments)

    def outcome(self, handle: Any, seconds: float) -> tuple[str, Any]:
        handle.wait(seconds)
        if not handle.ready():
            return "never", None
        try:
            return "value", handle.get()
        except BaseException as exc:
            return "error", exc

    def close(self) -> None:
        self.pool.close()
        self.pool.join()

    def leave(self) -> None:
        self.pool.terminate()
        self.pool.join()


class Loky(Peer):
    package = "loky"

    def start(self, initializer: Callable[[], None] | None) -> None:
        from loky import get_reusable_executor

        self._get = functools.partial(get_reusable_executor, WORKERS, initializer=initializer)
        self.pool = self._get()

    def again(self) -> None:
        # It is what makes a new executor when the last one is broken.
        self.pool = self._get()

    def submit(self, job: Job) -> Any:
        return self.pool.submit(job.function, *job.arguments)

    def close(self) -> None:
        self.pool.shutdown()

    def leave(self) -> None:
        self.pool.shutdown(kill_workers=True)


class Pebble(Peer):
    package = "pebble"
    timeouts = True

    def start(self, initializer: Callable[[], None] | None) -> None:
        from pebble import ProcessPool

        self.pool = ProcessPool(WORKERS, initializer=initializer)

    def submit(self, job: Job) -> Any:
        return self.pool.schedule(job.function, args=job.arguments, timeout=job.timeout)

    def close(self) -> None:
        self.pool.close()
        self.pool.join()

    def leave(self) -> None:
        self.pool.stop()
        self.pool.join()


class Deadpool(Peer):
    package = "deadpool-executor"
    timeouts = True

    def start(self, initializer: Callable[[], None] | None) -> None:
        from deadpool import Deadpool

        self.pool = Deadpool(max_workers=WORKERS, initializer=initializer)

    def submit(self, job: Job) -> Any:
        return self.pool.submit(job.function, *job.arguments, deadpool_timeout=job.timeout)

    def close(self) -> None:
        self.pool.shutdown()

    def leave(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)


def _prepare(shared: dict[str, Any]) -> None:
    """Whose result is given the argument, which its dependent finds in its shared dict."""


def _with_argument(function: Callable[[Any], Any], shared: dict[str, Any]) -> Any:
    return function(shared.pop("argument"))


class Pexen(Pool):
    timeouts = True

    def execute(self, plan: Plan, note: Note) -> None:
        from pexen import Sched
        from pexen.sched.pool import ProcessWorkerPool

        self._jobs: dict[int, Job] = {}  # by the identity of their tasks
        self._arguments: dict[int, Any] = {}
        sched = Sched([task for job in plan.first for task in self._tasks(job)])
        late = [task for job in plan.late for task in self._tasks(job)]
        faults = [job for job in plan.first if job.label == "fault"]
        awaited = faults or list(plan.first)  # late tasks are added when these have ended
        note("submitted")
        try:
            for res in sched.run(ProcessWorkerPool(WORKERS, initializer=plan.initializer)):
                if id(res.task) in self._arguments:
                    res.shared["argument"] = self._arguments[id(res.task)]
                    continue
                job = self._jobs[id(res.task)]
                kind = "value" if res.outcome == "ok" else "error"
                value = res.ret if kind == "value" else res.excinfo and res.excinfo.text
                note("outcome", job=job, kind=kind, value=value)
                if plan.leaves:
                    leave_when_busy(note)
                if job in awaited:
                    awaited.remove(job)
                if late and not awaited:
                    note("late")
                    if plan.calms:
                        wait_for_calm()
                    sched.add_tasks(late)
                    late = []
        except (KeyboardInterrupt, Leaving):
            note("leaving")

    def _tasks(self, job: Job) -> list[Any]:
        """The task of a job, and before it one that brings its argument."""
        from pexen import task

        if job.label != "fault" or not job.arguments:
            function = functools.partial(job.function, *job.arguments)
            main = task(function, timeout=job.timeout)
            self._jobs[id(main)] = job
            return [main]
        tag = f"argument {job.number}"
        bring = task(functools.partial(_prepare), provides=[tag])
        function = functools.partial(_with_argument, job.function)
        main = task(function, requires=[tag], timeout=job.timeout)
        self._jobs[id(main)] = job
        self._arguments[id(bring)] = job.arguments[0]
        return [bring, main]

    def nested(self) -> int:
        from pexen import Sched
        from pexen.sched.pool import ProcessWorkerPool

        tasks = [functools.partial(square, n) for n in (1, 2)]
        return sum(res.ret for res in Sched(tasks).run(ProcessWorkerPool(WORKERS)))


POOLS: dict[str, type[Pool]] = {
    "ProcessPoolExecutor": ProcessPoolExecutor,
    "multiprocessing.Pool": MultiprocessingPool,
    "loky": Loky,
    "pebble": Pebble,
    "deadpool": Deadpool,
    "pexen": Pexen,
}
