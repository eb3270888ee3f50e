"""Every kind of pool, and the means to see what a run leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import select
import warnings
from collections.abc import Iterable
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import process_tree

from pexen.sched.call import function_takes_shared
from pexen.sched.common import Shared, Task
from pexen.sched.meta import for_pool, meta_of
from pexen.sched.pool import ExecutorPool, ProcessWorkerPool, ThreadWorkerPool, WorkerPool
from pexen.sched.pool.base import Submission
from pexen.sched.pool.handle import WorkerProcess

START_METHODS = os.environ.get("PEXEN_START_METHODS", "fork forkserver spawn").split()
KINDS = ["threads", *START_METHODS]
ROWS = "fork-rows"
PROCESSES = [*START_METHODS, ROWS]
EXECUTOR_KINDS = ["executor-threads", "executor-fork", "executor-spawn"]


def make(kind: str, workers: Any = 1, spare: Any = 1, **kwargs: Any) -> WorkerPool:
    """A pool. One on an executor has a place more than workers, for when a task is abandoned."""
    if kind == "threads":
        return ThreadWorkerPool(workers, spare, **kwargs)
    if kind in EXECUTOR_KINDS:
        places = workers + 1 if isinstance(workers, int) else 1
        return ExecutorPool(executor(kind, places), workers, spare, **kwargs)
    if kind == ROWS:
        return InPagedRows(workers, spare, **kwargs)
    return ProcessWorkerPool(workers, spare, start_method=kind, **kwargs)


class InPagedRows(ProcessWorkerPool):
    """Forked workers that are handed all that may be in a row in one, however few and long."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, start_method="fork", **kwargs)
        self._staff._have_pages = True
        self.rows = 0  # how many there were

    def _is_worth_a_row(self, worker: WorkerProcess, count: int) -> bool:
        return True

    def _hand_row(self, *args: Any) -> bool:
        made = super()._hand_row(*args)
        self.rows += made
        return made


_executors: list[Executor] = []


def submissions(pairs: Iterable[tuple[Task, Shared]]) -> list[Submission]:
    """Tasks with their shared dicts, as a scheduler submits them that has registered just these."""
    return [
        (task, shared, for_pool(meta_of(task)), function_takes_shared(task), place)
        for place, (task, shared) in enumerate(pairs)
    ]


def executor(kind: str, places: int) -> Executor:
    """An executor, which is shut down at the end of the test."""
    made: Executor
    if kind == "executor-threads":
        made = ThreadPoolExecutor(places)
    else:
        context = multiprocessing.get_context(kind.removeprefix("executor-"))
        made = ProcessPoolExecutor(places, context)
        with warnings.catch_warnings():
            # Threads that earlier tests abandoned may be there, and have no locks of ours.
            warnings.filterwarnings("ignore", "This process .* is multi-threaded")
            made.submit(int).result()  # forks now
    _executors.append(made)
    return made


def close_executors(wait: bool) -> None:
    """Shut down what `executor` made. Only threads at work are waited for, if told so."""
    while _executors:
        made = _executors.pop()
        if isinstance(made, ProcessPoolExecutor):
            for process in list((made._processes or {}).values()):
                process.kill()
            wait = True
        made.shutdown(wait=wait, cancel_futures=True)


def children() -> set[int]:
    """Processes whose parent we are, but for the helpers that multiprocessing keeps."""
    kept = set()
    for name in ("forkserver", "resource_tracker"):
        module = getattr(multiprocessing, name, None)
        if module is not None:
            inner = getattr(module, f"_{name}")
            kept.add(getattr(inner, "_forkserver_pid", None) or getattr(inner, "_pid", None))
    below = process_tree.descendants(os.getpid())
    return {process.pid for process in below if process.parent == os.getpid()} - kept


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Gate:
    """An event that survives the death of who waits for it, in whatever worker."""

    def __init__(self) -> None:
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)
        self._began_reader, self._began_writer = multiprocessing.Pipe(duplex=False)

    def wait(self, seconds: float) -> bool:
        self._began_writer.send(None)
        return self._reader.poll(seconds)

    def began(self, seconds: float = 30) -> bool:
        """Whether somebody has come to wait."""
        return self._began_reader.poll(seconds)

    def set(self) -> None:
        self._writer.send(None)

    def close(self) -> None:
        for end in (self._reader, self._writer, self._began_reader, self._began_writer):
            end.close()


class NamedGate:
    """The same for workers that were there before it, and so can't inherit it."""

    def __init__(self, folder: pathlib.Path) -> None:
        self._folder = folder
        self._fds = []
        for name in ("began", "set"):
            path = folder / name
            if not path.exists():
                os.mkfifo(path)
            self._fds.append(os.open(path, os.O_RDWR | os.O_NONBLOCK))

    def __reduce__(self) -> Any:
        return NamedGate, (self._folder,)

    def wait(self, seconds: float) -> bool:
        os.write(self._fds[0], b"x")
        return bool(select.select([self._fds[1]], [], [], seconds)[0])

    def began(self, seconds: float = 30) -> bool:
        """Whether somebody has come to wait."""
        came = bool(select.select([self._fds[0]], [], [], seconds)[0])
        return came and bool(os.read(self._fds[0], 1))

    def set(self) -> None:
        os.write(self._fds[1], b"x")

    def close(self) -> None:
        for fd in self._fds:
            os.close(fd)
