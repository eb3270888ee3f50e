"""The worker processes of a pool, and the selector that watches them.

For each worker the selector watches the results, the stacks, the end of the process and,
while something is still to be written, the submissions; besides, a pipe by which any
thread or signal handler can wake the one that waits.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import time
from collections.abc import Callable
from multiprocessing.context import BaseContext

from . import descriptors
from .handle import STOP_GRACE, WorkerProcess
from .spinning import Spin, usable_processors
from .travel import Registry

_log = logging.getLogger("pexen")

RESULTS, STACKS, WRITABLE, END = "results", "stacks", "writable", "end"


class Crew:
    """Worker processes by number."""

    def __init__(self, context: BaseContext, initializer: Callable[[], object] | None) -> None:
        self._context = context
        self._initializer = initializer
        self._count = 0  # workers ever started, for their names
        self.workers: dict[int, WorkerProcess] = {}
        self._selector: selectors.BaseSelector | None = None
        self._wake_fds: tuple[int, int] | None = None
        self._spin = Spin()
        self._processors = usable_processors()
        self._pid = 0  # of the process they belong to

    def open(self) -> None:
        """Get ready for workers."""
        self._pid = os.getpid()
        with descriptors.no_fork():
            self._selector = selectors.DefaultSelector()
            try:
                self._wake_fds = os.pipe()
            except OSError:
                self._close()
                raise
            descriptors.keep(self._wake_fds)
        for fd in self._wake_fds:
            os.set_blocking(fd, False)
        self._selector.register(self._wake_fds[0], selectors.EVENT_READ, None)

    def add(self, registry: Registry, known: int, has_page: bool) -> None:
        """Start a worker that knows the first `known` tasks, with a page for rows or none.

        OSError if the system refuses.
        """
        self._count += 1
        worker = WorkerProcess(self._count, self._context)
        worker.queue.inherited = known
        try:
            worker.start(registry, self._initializer, has_page)
            self._watch(worker)
            self.workers[worker.number] = worker
        except BaseException:  # whatever it is, nobody but us knows of the worker yet
            self._unwatch_all(worker)
            worker.discard()
            raise

    def _watch(self, worker: WorkerProcess) -> None:
        assert self._selector is not None
        self._selector.register(worker.ends.results, selectors.EVENT_READ, (worker, RESULTS))
        self._selector.register(worker.ends.stacks, selectors.EVENT_READ, (worker, STACKS))
        self._selector.register(worker.end_fd, selectors.EVENT_READ, (worker, END))

    def _unwatch_all(self, worker: WorkerProcess) -> None:
        for fd in (*worker.ends, worker.end_fd):
            self.unwatch(fd)

    def wait(self, timeout: float | None, tasks: int) -> list[tuple[WorkerProcess, str] | None]:
        """What has happened, ends last; None stands for a wake-up. So many tasks are out."""
        selector = self._selector
        if selector is None:
            return []
        if tasks < self._processors:  # one is left over
            events = self._spin.wait(selector.select, timeout)
        else:
            events = selector.select(timeout)
        happened = [key.data for key, _ in events]
        if len(happened) == 1 and happened[0] is not None:
            return happened
        if None in happened and self._wake_fds is not None:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._wake_fds[0], 4096):
                    pass
        return sorted(happened, key=lambda data: data is not None and data[1] == END)

    def wake(self) -> None:
        """Let `wait` return; safe everywhere."""
        fds = self._wake_fds
        if fds is not None and self._pid == os.getpid():
            with contextlib.suppress(OSError):  # full: awake already; closed: over
                os.write(fds[1], b"w")

    def write(self, worker: WorkerProcess) -> None:
        """Write to a worker what fits, and have the selector say when more does."""
        assert self._selector is not None
        done = worker.queue.flush()
        if done is not worker.stuffed:
            return  # the selector does as it should
        worker.stuffed = not worker.stuffed
        if worker.stuffed:
            watched = (worker, WRITABLE)
            self._selector.register(worker.ends.tasks, selectors.EVENT_WRITE, watched)
        else:
            self._selector.unregister(worker.ends.tasks)

    def unwatch(self, fd: int) -> None:
        """Watch a descriptor no more."""
        assert self._selector is not None
        if fd >= 0 and fd in self._selector.get_map():
            self._selector.unregister(fd)

    def remove(self, worker: WorkerProcess) -> str:
        """Reap a worker that has ended; returns who it was and how it did."""
        self._unwatch_all(worker)
        del self.workers[worker.number]
        return worker.bury()

    def stop(self) -> None:
        """Let all workers end, which have nothing left to do, and wait for that."""
        try:
            for worker in self.workers.values():
                worker.stop()
            end = time.monotonic() + STOP_GRACE
            for worker in self.workers.values():
                if not worker.join(max(0.0, end - time.monotonic())):
                    worker.kill()
        except BaseException:  # an interrupt
            self.kill()
            raise
        self._close()

    def kill(self) -> None:
        """End all workers now."""
        for worker in self.workers.values():
            worker.kill()
        self._close()

    def _close(self) -> None:
        """Give everything back; may be called again, if it was interrupted."""
        if self._selector is not None:
            self._selector.close()
            self._selector = None
        end = time.monotonic() + STOP_GRACE
        while self.workers:
            number, worker = next(iter(self.workers.items()))
            if worker.join(max(0.0, end - time.monotonic())):
                worker.bury()
            else:  # it is in the kernel, which doesn't let it go
                _log.warning("%s doesn't end, although it was killed", worker.name)
                worker.forsake()
            del self.workers[number]
        wake_fds, self._wake_fds = self._wake_fds, None
        descriptors.close(wake_fds or ())
