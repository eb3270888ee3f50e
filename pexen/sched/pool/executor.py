"""A pool on a foreign executor, of the kind that `concurrent.futures` describes.

Actors and channels:

- the using thread hands parcels to the executor, and reads `_mail`;
- the executor's threads, whichever they are, put (number, time) into `_mail` when a future
  is done. They do nothing else, as some of them hold locks of the executor meanwhile. The
  mail is a SimpleQueue, which is safe in signal handlers.

What is submitted waits in `_backlog` until there is a place for it, and is out from then
until its outcome. The executor is nowhere trusted: whatever it raises or returns is the loss
of one task. What it forgets, only a timeout ends.

Nothing can end a task in an executor. One past its timeout, or killed, is abandoned: it has
its outcome, and keeps its place until its future is done, as its worker is busy until then.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import Any

from ..common import (
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
from .base import ABORTED, Running, WorkerPool, out_of_time
from .exceptions import describe
from .parcel import WORKER, Parcel, run_parcel
from .places import Places, places_of
from .stacks import add_stacks, of_thread
from .submission import Item, lost, result_of, unfinished

# How long to wait for an abandoned task to end, when all places are held by such.
HELD_SECONDS = 30.0

# How soon to look again whether a task has begun, which no future says by itself.
_LOOK_AGAIN_SECONDS = 0.05

_Mail = queue.SimpleQueue[tuple[int, float] | None]


class ExecutorPool(WorkerPool):
    """A pool on an executor of the caller's, with up to `spare` tasks handed in ahead.

    `workers` is how many tasks the executor is given to run at a time; by default as many
    as it has workers, if it says so. The executor stays the caller's: it is not shut
    down here.
    """

    def __init__(self, executor: Any, workers: int | None = None, spare: int = 1) -> None:
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor is {executor!r}; give one as of concurrent.futures")
        known = places_of(executor) if workers is None else workers
        if known is None:
            kind = type(executor).__name__
            raise ValueError(f"a {kind} doesn't say how many workers it has; give workers=")
        super().__init__(known, spare)
        # Configuration.
        self._executor = executor
        # State.
        self._lock = threading.RLock()  # guards it; not held while others are called or waited for
        self._mail: _Mail = queue.SimpleQueue()
        self._places = Places(executor, known, spare)
        self._numbers = 0
        self._backlog: deque[Item] = deque()
        self._stuck: float | None = None  # since when all places are held, and tasks wait

    def _start(self) -> None:
        self._drain()
        self._stuck = None

    def _drain(self) -> list[tuple[int, float] | None]:
        return [self._mail.get() for _ in range(self._mail.qsize())]

    # -- handing in -----------------------------------------------------------------------------

    def _submit(self, task: Task, shared: Shared) -> None:
        with self._lock:
            self._numbers += 1
            item = Item(self._numbers, Parcel(task, shared), self._timeout_of(task))
            self._backlog.append(item)
        try:
            self._serve()
        except BaseException:
            self.due += 1  # it counts as submitted even so, and will have its outcome
            raise

    def _serve(self) -> None:
        """Hand in what there is a place for."""
        while True:
            with self._lock:
                if not self._backlog or not self._places.have_room():
                    self._look()
                    break
                item = self._backlog.popleft()
                self._places.out[item.number] = item
            self._hand(item)
        self._tell_beginnings()

    def _hand(self, item: Item) -> None:
        """Give an item to the executor, which may have run it when this returns."""
        item.handed = self.clock()
        try:
            item.future = self._executor.submit(run_parcel, item.parcel)
            item.future.add_done_callback(functools.partial(_post, self._mail, item.number))
        except BaseException as exc:
            item.refusal = exc if isinstance(exc, Exception) else RuntimeError(describe(exc))
            _post(self._mail, item.number)
            if not isinstance(exc, Exception):
                raise

    def _look(self) -> None:
        self._places.look(self._note_begin, self.clock())

    def _note_begin(self, item: Item, since: float) -> None:
        item.since = since
        self._beginnings.append((item.parcel.task, since))

    # -- results --------------------------------------------------------------------------------

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        end = None if timeout is None else self.clock() + timeout
        while True:
            try:
                mail = [self._mail.get(timeout=self._patience(end))]
            except queue.Empty:
                mail = []
            mail += self._drain()
            got: list[TaskRes] = []
            try:
                with self._lock:
                    for letter in mail:
                        if letter is not None:
                            self._settle(*letter, got)
                    self._judge(got)
                self._serve()
                self._check_stuck()
            except BaseException:
                self._ready.extend(got)
                raise
            over = end is not None and self.clock() >= end
            if got or self._ready or over or None in mail:
                return got

    def _patience(self, end: float | None) -> float:
        """Seconds until the caller's or a task's time is up, or it is time to look again."""
        with self._lock:
            moments = [end]
            for item in self._places.oldest():
                if item.since is None:
                    if item.timeout is not None or self.on_begin is not None:
                        moments.append(self.clock() + _LOOK_AGAIN_SECONDS)
                elif item.timeout is not None:
                    moments.append(item.since + item.timeout)
            if self._stuck is not None:
                moments.append(self._stuck + HELD_SECONDS)
            return self._until(moments)

    def _settle(self, number: int, arrival: float, got: list[TaskRes]) -> None:
        """Take in that a future is done."""
        item = self._places.out.get(number)
        if item is None or item.is_done() is False:
            return  # abandoned, or taken back; or somebody lies
        del self._places.out[number]
        res = result_of(item, arrival)
        if item.since is None and res.started is not None:
            self._note_begin(item, res.started)
        got.append(res)

    # -- abandoning -----------------------------------------------------------------------------

    def _judge(self, got: list[TaskRes]) -> None:
        """Abandon the tasks that are out of time."""
        self._look()
        now = self.clock()
        for item in list(self._places.out.values()):
            if item.since is None or item.timeout is None or item.is_done():
                continue
            if now >= item.since + item.timeout:
                error = TaskTimeoutError(out_of_time(now - item.since, item.timeout))
                got.append(self._abandon(item, Outcome.TIMEOUT, error))

    def _abandon(self, item: Item, outcome: Outcome, error: Exception) -> TaskRes:
        """The result of a task that isn't waited for any longer."""
        del self._places.out[item.number]
        gone = self._places.retract(item)
        add_stacks(error, of_thread(item.parcel.thread))
        res = unfinished(item, outcome, error)
        if not gone:
            res.abandoned = True
            self._places.hold(item)
        return res

    def _check_stuck(self) -> None:
        """Give up, rather than wait for ever for places that abandoned tasks hold."""
        with self._lock:
            if not (self._backlog or self._places.out) or self._places.free():
                self._stuck = None
                return
            now = self.clock()
            if self._stuck is None:
                self._stuck = now
            if now - self._stuck < HELD_SECONDS:
                return
            names = ", ".join(repr(task_name(item.parcel.task)) for item in self._places.held)
            raise PoolError(f"abandoned tasks hold all {self._places.total} places: {names}")

    # -- the seam -------------------------------------------------------------------------------

    def wake(self) -> None:
        self._mail.put(None)

    def running(self) -> list[Running]:
        with self._lock:
            self._look()
            items = list(self._places.out.values())
        at = [(item.parcel, item.since) for item in items]
        return [Running(p.task, p.worker or WORKER, since) for p, since in at if since is not None]

    def ahead(self) -> list[Task]:
        with self._lock:
            self._look()
            waiting = [item for item in self._places.out.values() if item.since is None]
            return [item.parcel.task for item in (*waiting, *self._backlog)]

    def _withdraw(self) -> list[Task]:
        with self._lock:
            back = []
            # From the end, so that none begins because one before it was taken back.
            for item in reversed(list(self._places.out.values())):
                if item.since is None and self._places.retract(item):
                    del self._places.out[item.number]
                    back.append(item)
            back.reverse()
            back.extend(self._backlog)
            self._backlog.clear()
            return [item.parcel.task for item in back]

    def kill(self, tasks: Iterable[Task]) -> None:
        wanted = {identity(task) for task in tasks}
        with self._lock:
            self._look()
            for item in [i for i in self._backlog if identity(i.parcel.task) in wanted]:
                self._backlog.remove(item)
                self._ready.append(lost(item, ABORTED))
            for item in list(self._places.out.values()):
                if identity(item.parcel.task) in wanted and not item.is_done():
                    error = TaskLostError(f"{ABORTED}; what has begun goes on in the executor")
                    self._ready.append(self._abandon(item, Outcome.LOST, error))

    def _close(self) -> None:
        pass  # the executor isn't ours

    def _join(self) -> None:
        pass

    def _terminate(self) -> None:
        with self._lock:
            self._backlog.clear()
            for item in reversed(list(self._places.out.values())):
                if not item.is_done() and not self._places.retract(item):
                    self._places.hold(item)
            self._places.out.clear()


def _post(mail: _Mail, number: int, _future: object = None) -> None:
    """Tell that a future is done; called in any thread, at any time."""
    mail.put((number, time.monotonic()))
