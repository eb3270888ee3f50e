"""A pool of processes.

Actors and channels:

- the using thread is the only one in the parent: it hands out, reads results and
  notices deaths, in one selector, and never blocks but in that selector;
- each worker process has three pipes of its own (see `worker`), so that what a dying
  worker does to its pipes concerns nobody else.

An item goes to an idle worker, else ahead into the shortest queue, else it waits in
the backlog. What was handed ahead is taken back, through its ticket, when another worker
has nothing to do. When a worker dies, its results are read first; then the item that
had begun is lost, those that had not are handed out again, and the worker is replaced.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import math
import multiprocessing
import multiprocessing.util  # its exit handler joins children: ours has to run before it
import os
import selectors
import signal
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from ..common import (
    ExceptionInfo,
    Outcome,
    PoolError,
    Shared,
    Task,
    TaskLostError,
    TaskRes,
    TaskTimeoutError,
    identity,
    task_name,
)
from ..meta import DEFAULTS, SCHED_ATTR_NAME
from .base import RUNNING, Running, WorkerPool, _check_count
from .handle import Item, WorkerProcess
from .travel import READY, Registry, decode_exception, decode_report, decode_result, pickled_task

_log = logging.getLogger("pexen")

# Seconds between SIGTERM and SIGKILL: long enough to remove a temporary file, short
# enough for somebody who waits at a terminal.
KILL_GRACE = 1.0

# Seconds that workers told to end may take, before they are killed: a task may have left
# a thread or a child process that the interpreter waits for.
STOP_GRACE = 5.0

# How many workers in a row may die before they are ready, before the pool gives up.
MAX_FAILED_STARTS = 3


class ProcessWorkerPool(WorkerPool):
    """A pool of `workers` processes, with up to `spare` tasks handed in ahead.

    `start_method`
        'fork', 'forkserver' or 'spawn'; None is fork where the platform has it, so
        that closures and lambdas can be tasks. With the others a task is pickled.
    `tasks_per_worker`
        how many tasks a worker runs before a fresh one replaces it; None: no limit.
    `initializer`
        called without arguments in each worker before its first task; if it raises, the
        pool can't be used and says so with PoolError.

    A worker that dies, whatever of, loses the task that it ran (outcome `lost`) and is
    replaced. A task past its `timeout` is ended, with all processes of its group.
    """

    def __init__(
        self,
        workers: int = 1,
        spare: int = 1,
        start_method: str | None = None,
        tasks_per_worker: int | None = None,
        initializer: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(workers, spare)
        methods = multiprocessing.get_all_start_methods()
        if start_method is None:
            start_method = "fork" if "fork" in methods else methods[0]
        if start_method not in methods:
            raise ValueError(f"start_method is {start_method!r}; here are {', '.join(methods)}")
        if tasks_per_worker is not None:
            _check_count("tasks_per_worker", tasks_per_worker, 1)
        # Configuration.
        self._context: Any = multiprocessing.get_context(start_method)
        self._forks = start_method == "fork"
        self._tasks_per_worker = tasks_per_worker
        self._initializer = initializer
        self._depth = 1 + math.ceil(spare / workers)  # how many items a worker may have
        # The tasks, by index. Those from `_first_late` on came about while it ran.
        self._tasks: list[Task] = []
        self._index: dict[Any, int] = {}
        self._first_late = 0
        self._definitions: dict[int, bytes] = {}  # of late tasks that can be pickled
        self._fork_mark = 0  # workers that inherited fewer tasks are replaced when idle
        # State.
        self._lock = threading.RLock()
        self._pid = 0
        self._workers: dict[int, WorkerProcess] = {}  # by number
        self._numbers = 0
        self._seqs = 0
        self._backlog: deque[Item] = deque()
        self._failed_starts = 0
        self._broken: PoolError | None = None
        self._selector: selectors.BaseSelector | None = None
        self._wake_fds: tuple[int, int] | None = None

    # -- tasks ------------------------------------------------------------------------------

    def register(self, tasks: Iterable[Task]) -> None:
        """Announce the tasks that may be submitted; PoolError while the pool runs."""
        if self.alive():
            raise PoolError("Cannot register tasks while the pool is running")
        self._append(tasks)

    def _append(self, tasks: Iterable[Task]) -> list[int]:
        new = []
        for task in tasks:
            key = identity(task)
            if key not in self._index:
                self._index[key] = len(self._tasks)
                new.append(len(self._tasks))
                self._tasks.append(task)
        return new

    def admit(self, tasks: Iterable[Task]) -> None:
        """See the contract. Forked workers learn of what can't be pickled by a new fork."""
        with self._lock:
            new = [task for task in tasks if identity(task) not in self._index]
            pickled = []
            for task in new:
                try:
                    pickled.append(pickled_task(task))
                except PoolError:
                    if not self._forks:
                        raise
                    pickled.append(b"")
            for index, definition in zip(self._append(new), pickled):
                if definition:
                    self._definitions[index] = definition
                else:
                    self._fork_mark = len(self._tasks)
            self._refresh()

    def _refresh(self) -> None:
        """Replace idle workers that lack tasks which only a fork can bring."""
        for worker in list(self._workers.values()):
            if worker.inherited < self._fork_mark and not worker.queue:
                worker.stop()
        self._fill()

    # -- life ---------------------------------------------------------------------------------

    def _start(self) -> None:
        self._pid = os.getpid()
        self._broken = None
        self._failed_starts = 0
        self._backlog.clear()
        self._first_late = self._fork_mark = len(self._tasks)
        self._definitions.clear()
        self._selector = selectors.DefaultSelector()
        self._wake_fds = os.pipe()
        for fd in self._wake_fds:
            os.set_blocking(fd, False)
        self._selector.register(self._wake_fds[0], selectors.EVENT_READ, None)
        _pools.add(self)
        try:
            for _ in range(self.workers):
                self._spawn()
        except OSError as exc:
            self._note_refused(exc)
            if self._broken is not None:
                self._terminate()
                raise self._broken from exc
        except BaseException:
            self._terminate()
            raise

    def _note_refused(self, exc: OSError) -> None:
        """The system refuses to start a worker: go on with those there are, if any."""
        if self._workers:
            _log.warning("a worker process could not be started, going on with fewer: %s", exc)
        else:
            self._broken = PoolError(f"no worker process can be started: {exc}")
            self._broken.__cause__ = exc

    def _spawn(self) -> None:
        """Start a worker; OSError if the system refuses."""
        assert self._selector is not None
        self._numbers += 1
        worker = WorkerProcess(self._numbers, self._context)
        others = [fd for w in self._workers.values() for fd in w.parent_fds()]
        others += [*(self._wake_fds or ()), self._selector_fd()]
        worker.inherited = len(self._tasks)
        registry = Registry(self._tasks)
        worker.start(registry, self._initializer, [fd for fd in others if fd >= 0])
        self._workers[self._numbers] = worker
        self._selector.register(worker.results_fd, selectors.EVENT_READ, (self._numbers, "results"))
        self._selector.register(worker.pidfd, selectors.EVENT_READ, (self._numbers, "end"))

    def _selector_fd(self) -> int:
        fileno = getattr(self._selector, "fileno", None)
        return -1 if fileno is None else int(fileno())

    def _fill(self) -> None:
        """Bring the number of workers up, as long as there may be work for them."""
        wanted = self.workers
        if self._state != RUNNING:
            wanted = min(wanted, len(self._backlog))
        while sum(not w.retiring for w in self._workers.values()) < wanted:
            try:
                self._spawn()
            except OSError as exc:
                self._note_refused(exc)
                return

    def _close(self) -> None:
        pass  # workers are told in _join, when nothing is left for them

    def _join(self) -> None:
        with self._lock:
            workers = list(self._workers.values())
            for worker in workers:
                worker.stop()
            end = self.clock() + STOP_GRACE
            for worker in workers:
                if not worker.join(max(0.0, end - self.clock())):
                    worker.signal_group(signal.SIGKILL)
            self._release()

    def _terminate(self) -> None:
        with self._lock:
            for worker in self._workers.values():
                worker.signal_group(signal.SIGKILL)
            self._backlog.clear()
            self._release()

    def _release(self) -> None:
        """Reap the workers, which have ended or been killed, and close everything."""
        if self._selector is not None:
            self._selector.close()
            self._selector = None
        for worker in self._workers.values():
            worker.reap()
        self._workers.clear()
        for fd in self._wake_fds or ():
            os.close(fd)
        self._wake_fds = None
        _pools.discard(self)

    def __del__(self) -> None:
        if getattr(self, "_workers", None) and self._pid == os.getpid():
            self._terminate()

    # -- handing out ------------------------------------------------------------------------------

    def _submit(self, task: Task, shared: Shared) -> None:
        with self._lock:
            index = self._index.get(identity(task))
            if index is None:
                raise PoolError(f"Cannot submit unregistered task {task!r}")
            self._seqs += 1
            meta = getattr(task, SCHED_ATTR_NAME, DEFAULTS)
            self._backlog.append(Item(self._seqs, index, task, shared, meta.timeout))
            self._serve()

    def _serve(self) -> None:
        """Hand the backlog out, as far as queues may grow."""
        while self._backlog:
            workers = [w for w in self._workers.values() if self._accepts(w)]
            if not workers:
                return
            worker = min(workers, key=lambda w: len(w.queue))
            self._hand(worker, self._backlog.popleft())

    def _accepts(self, worker: WorkerProcess) -> bool:
        limit = self._tasks_per_worker
        return (
            not worker.retiring
            and worker.doom is None
            and len(worker.queue) < self._depth
            and worker.inherited >= self._fork_mark
            and (limit is None or worker.handed < limit)
        )

    def _hand(self, worker: WorkerProcess, item: Item) -> None:
        definition = None if worker.knows(item.index) else self._definitions[item.index]
        try:
            worker.hand(item, definition)
        except AttributeError as exc:
            info = ExceptionInfo.of(exc)
            self._ready.append(TaskRes.failed(item.task, item.shared, info, worker.name))
            return
        self._watch_writing(worker)
        self._note_begin(worker)

    def _note_begin(self, worker: WorkerProcess) -> None:
        """The first in a ready worker's queue has begun."""
        if worker.queue and worker.ready and worker.queue[0].since is None:
            item = worker.queue[0]
            item.since = self.clock()
            if self.on_begin is not None:
                self.on_begin(item.task, item.since)

    def _watch_writing(self, worker: WorkerProcess) -> None:
        """Have the selector say when more can be written, if there is more."""
        assert self._selector is not None
        fd = worker.tasks_fd
        known = fd in self._selector.get_map()
        if worker.flush() and known:
            self._selector.unregister(fd)
        elif not worker.flush() and not known:
            self._selector.register(fd, selectors.EVENT_WRITE, (worker.number, "write"))

    def _balance(self) -> None:
        """Give an idle worker what was handed ahead to a busy one, which is not its fault."""
        for idle in self._workers.values():
            if idle.queue or not self._accepts(idle):
                continue
            for busy in self._workers.values():
                if len(busy.queue) < 2:
                    continue
                back = busy.take_back()
                for item in back[1:]:
                    busy.give_again(item)
                if back:
                    self._hand(idle, back[0])
                    break

    # -- results and deaths -----------------------------------------------------------------------

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        end = None if timeout is None else self.clock() + timeout
        while True:
            with self._lock:
                if self._broken is not None:
                    raise self._broken
                self._balance()
                wait = self._patience(end)
                selector = self._selector
            assert selector is not None
            events = selector.select(wait)
            with self._lock:
                got: list[TaskRes] = []
                woken = self._react(events, got)
                self._judge()
                if got or woken or self._ready or end is not None and self.clock() >= end:
                    return got

    def _patience(self, end: float | None) -> float | None:
        """Seconds until the caller's, a task's or a doomed worker's time is up, or None."""
        ends = [] if end is None else [end]
        for worker in self._workers.values():
            if worker.kill_at is not None:
                ends.append(worker.kill_at)
            elif worker.queue and worker.doom is None:
                first = worker.queue[0]
                if first.timeout is not None and first.since is not None:
                    ends.append(first.since + first.timeout)
        return max(0.0, min(ends) - self.clock()) if ends else None

    def _react(self, events: list[Any], got: list[TaskRes]) -> bool:
        """Act on what the selector saw; returns whether somebody called wake()."""
        woken = False
        ended = []
        for key, _ in events:
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    while os.read(key.fd, 4096):
                        woken = True
                continue
            number, what = key.data
            worker = self._workers[number]
            if what == "results":
                self._read(worker, got)
            elif what == "write":
                self._watch_writing(worker)
            else:
                ended.append(number)
        for number in ended:
            self._bury(number, got)
        self._serve()
        return woken

    def _read(self, worker: WorkerProcess, got: list[TaskRes]) -> None:
        for message in worker.inbox.fetch():
            report = decode_report(message)
            if report.seq == READY:
                self._note_ready(worker, report)
                continue
            item = worker.queue.popleft()
            assert item.seq == report.seq, (item.seq, report.seq)
            if report.outcome is None and self._forks and item.index >= self._first_late:
                # It was defined after the worker was forked, where only a fork can bring it.
                self._fork_mark = len(self._tasks)
                item.since = None
                self._backlog.appendleft(item)
                self._refresh()
            elif report.outcome is None:
                info = decode_exception(report.exception)
                got.append(TaskRes.failed(item.task, item.shared, info, worker.name))
            else:
                got.append(decode_result(report, item.task, worker.name))
            self._note_begin(worker)
        limit = self._tasks_per_worker
        worn = limit is not None and worker.handed >= limit
        if not worker.queue and (worn or worker.inherited < self._fork_mark):
            worker.stop()
            self._fill()
        if worker.inbox.closed:
            self._unwatch(worker.results_fd)

    def _note_ready(self, worker: WorkerProcess, report: Any) -> None:
        worker.ready = report.outcome is Outcome.OK
        if worker.ready:
            self._failed_starts = 0
            self._note_begin(worker)
        else:
            info = decode_exception(report.exception)
            text = info.text if info else ""
            self._broken = PoolError(f"the initializer failed in {worker.name}:\n{text}")

    def _bury(self, number: int, got: list[TaskRes]) -> None:
        """A worker has ended: settle what it was handed, and replace it."""
        worker = self._workers[number]
        self._read(worker, got)
        untouched = worker.take_back()
        for fd in worker.parent_fds():
            self._unwatch(fd)
        pid = worker.pid
        how = worker.reap()
        del self._workers[number]
        for item in worker.queue:
            got.append(self._lost(item, worker, f"{worker.name} (pid {pid}) {how}"))
        self._backlog.extendleft(reversed(untouched))
        if not worker.ready and worker.doom is None:
            self._failed_starts += 1
            if self._failed_starts >= MAX_FAILED_STARTS and self._broken is None:
                text = f"workers die before they are ready; the last one, {worker.name}, {how}"
                self._broken = PoolError(text)
        if self._broken is None:
            self._fill()

    def _unwatch(self, fd: int) -> None:
        assert self._selector is not None
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def _lost(self, item: Item, worker: WorkerProcess, how: str) -> TaskRes:
        outcome, why = worker.doom or (Outcome.LOST, how)
        kind = TaskTimeoutError if outcome is Outcome.TIMEOUT else TaskLostError
        res = TaskRes.unfinished(item.task, item.shared, outcome, kind(why), worker.name)
        res.started = item.since
        res.duration = None if item.since is None else self.clock() - item.since
        return res

    def _judge(self) -> None:
        """End workers whose task is out of time, and kill those that ignored it."""
        now = self.clock()
        for worker in self._workers.values():
            if worker.kill_at is not None and now >= worker.kill_at:
                worker.kill_at = None
                worker.signal_group(signal.SIGKILL)
            elif worker.queue and worker.doom is None:
                item = worker.queue[0]
                if item.timeout is None or item.since is None or now < item.since + item.timeout:
                    continue
                elapsed = f"timed out after {now - item.since:.3g} s (limit {item.timeout} s)"
                self._doom(worker, Outcome.TIMEOUT, elapsed)

    def _doom(self, worker: WorkerProcess, outcome: Outcome, why: str) -> None:
        worker.doom = (outcome, why)
        worker.kill_at = self.clock() + KILL_GRACE
        worker.signal_group(signal.SIGTERM)
        worker.signal_group(signal.SIGCONT)  # a stopped process gets no other signal

    # -- the seam ------------------------------------------------------------------------------------

    def wake(self) -> None:
        fds = self._wake_fds
        if fds is not None:
            with contextlib.suppress(OSError):  # full: awake already; closed: over
                os.write(fds[1], b"w")

    def running(self) -> list[Running]:
        with self._lock:
            workers = [w for w in self._workers.values() if w.queue]
            firsts = [(w.queue[0], w.name) for w in workers]
            return [Running(i.task, name, i.since) for i, name in firsts if i.since is not None]

    def ahead(self) -> list[Task]:
        with self._lock:
            queued = [i for w in self._workers.values() for i in list(w.queue)[1:]]
            return [item.task for item in (*queued, *self._backlog)]

    def withdraw(self) -> list[Task]:
        with self._lock:
            back = [item for w in self._workers.values() for item in w.take_back()]
            back.extend(self._backlog)
            self._backlog.clear()
            self._due -= len(back)
            return [item.task for item in back]

    def kill(self, tasks: Iterable[Task]) -> None:
        wanted = {identity(task) for task in tasks}
        with self._lock:
            for worker in self._workers.values():
                if worker.doom is None and any(identity(i.task) in wanted for i in worker.queue):
                    self._doom(worker, Outcome.LOST, "ended by abort()")


_pools: weakref.WeakSet[ProcessWorkerPool] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End the workers of pools that are in use when the interpreter exits."""
    for pool in list(_pools):
        if pool._pid == os.getpid():
            if pool._broken is None:
                names = [task_name(r.task) for r in pool.running()]
                _log.debug("exit with tasks running: %s", names)
            pool.terminate()
