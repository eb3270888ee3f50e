"""A pool of threads.

Actors and channels:

- the using thread puts items into `_tasks` and reads `_done`;
- each worker thread takes an item from `_tasks`, runs it, and puts (ticket, result)
  into `_done`; what it is at stands in its `current`.

Both channels are lines (`line`). All workers share `_tasks`, so what is handed ahead goes
to whoever is free first, and is taken back by taking it out of the line.

Invariant: the items whose tickets are in `_live` are those in `_tasks` and those that a worker
is at. Taking a ticket out is one step that no other thread can be in the midst of, and whoever
does it settles the item: a worker with its result, the using thread when it abandons the worker
or takes the item back.

Nothing can end a thread. One whose task is past its timeout, or killed, is abandoned:
its task gets a result from the using thread, and the worker is replaced. It ends by itself
when its task does; what it says then is not heard, as its ticket is gone. Workers are
daemons, so they don't hold up the interpreter's exit.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
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
)
from ..meta import BITS, DEFAULTS, SCHED_ATTR_NAME, SchedMeta, is_meta
from .base import ABORTED, LONGEST_SECONDS, RUNNING, Running, WorkerPool, out_of_time
from .line import Line
from .spare import MANY
from .spinning import Spin, let_interpreter_go
from .stacks import add_stacks, of_thread
from .threadworker import SHARED, TASK, TICKET, TIMEOUT, Item, WorkerThread
from .wakeup import Wakeup

_log = logging.getLogger("pexen")

_JOIN_SECONDS = 5.0  # to wait for a worker that was idle to end; it takes microseconds
_MANY_SECONDS = 0.001  # that results of short tasks may wait for more of them

# How soon to look again for a task with a timeout, or to be killed, that no worker has
# taken up yet: between taking an item and noting it a worker may be off the processor.
_LOOK_AGAIN_SECONDS = 0.05

_TIMEOUT, _KWARGS = BITS["timeout"], BITS["kwargs"]
_NO_KWARGS: dict[str, Any] = {}  # only to be read


class ThreadWorkerPool(WorkerPool):
    """A pool of `workers` threads, with up to `spare` tasks handed in ahead.

    Any callable can be submitted at any time. A task's `timeout` ends it with outcome
    `timeout`, but its thread goes on until the task ends by itself.
    """

    def __init__(self, workers: int = 1, spare: int | None = None) -> None:
        super().__init__(workers, spare)
        self._tasks: Line[Item | None] = Line()
        self._done: Line[tuple[int, TaskRes] | None] = Line()
        self._spin = Spin(pause=let_interpreter_go)
        self._threads: list[WorkerThread] = []
        self._started = 0  # workers started so far, for their names
        self._refused = False  # the system did not give as many threads as wanted
        self._tickets = 0  # tickets given so far
        self._live: dict[int, Item] = {}  # out, by ticket, in the order of submission
        self._timed: set[int] = set()  # tickets with a timeout; some may be settled
        self._doomed: set[int] = set()  # tickets of tasks to be killed
        # Only if on_begin is set:
        self._begun: set[int] = set()  # tickets that began, as far as it was told
        self._queue: dict[int, Task] = {}  # the others, in the order of submission

    def _start(self) -> None:
        self._tasks, self._done = Line(Wakeup()), Line(Wakeup())
        self._live = {}  # workers that were abandoned have the old one
        for known in (self._timed, self._doomed, self._begun):
            known.clear()
        self._queue.clear()
        self._threads = []
        self._refused = False
        self._reinforce()

    def _reinforce(self) -> None:
        """Have a worker for each item that is out, as far as there may be, and one at least.

        No more than that: where one task follows the other, the second of two workers
        would take its turn with the first, which makes each hop dearer by a half.
        """
        wanted = max(1, min(self.workers, len(self._live)))
        while len(self._threads) < wanted:
            name = f"thread-{self._started + 1}"
            worker = WorkerThread(name, self._tasks, self._done, self._live)
            try:
                worker.start()
            except RuntimeError as exc:  # the system has no more threads
                if not self._threads:
                    raise PoolError(f"the pool's threads can't be started: {exc}") from exc
                if not self._refused:
                    _log.warning("a thread could not be started, going on with fewer: %s", exc)
                self._refused = True
                return
            self._started += 1
            self._threads.append(worker)

    def _submit(self, task: Task, shared: Shared) -> None:
        self._put_all([(task, shared)])

    def submit_all(self, batch: Sequence[tuple[Task, Shared]]) -> None:
        if self._state != RUNNING:
            return super().submit_all(batch)
        self.due += len(batch)
        self._put_all(batch)

    def _put_all(self, batch: Sequence[tuple[Task, Shared]]) -> None:
        live, usual, tells = self._live, self.timeout, self.on_begin
        items = []
        ticket = self._tickets
        for task, shared in batch:
            ticket += 1
            limit, kwargs = usual, _NO_KWARGS
            meta = getattr(task, SCHED_ATTR_NAME, DEFAULTS)
            if type(meta) is SchedMeta or is_meta(meta):
                bits = meta.stored_bits
                if bits & _TIMEOUT:
                    limit = meta.timeout or usual
                if bits & _KWARGS:
                    kwargs = meta.kwargs
            live[ticket] = item = ticket, task, shared, limit, kwargs
            if limit is not None:
                self._timed.add(ticket)
            if tells:
                self._queue[ticket] = task
            items.append(item)
        self._tickets = ticket
        self._tasks.put_all(items)
        if len(self._threads) < self.workers:
            self._reinforce()
        if self._queue:
            self._begin()

    def _begin(self) -> None:
        """Workers take from one queue in order, so the oldest of those out have begun."""
        while self._queue and len(self._begun) < self.workers:
            self._note_begin(next(iter(self._queue)), None)

    def _note_begin(self, ticket: int, since: float | None) -> None:
        task = self._queue.pop(ticket)
        self._begun.add(ticket)
        if self.on_begin is not None:
            self.on_begin(task, self.clock() if since is None else since)

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        end = None if timeout is None else self.clock() + timeout
        done = self._done
        while True:
            if self._doomed and (ended := self._judge()):
                return ended
            timed = end is not None or self._timed or self._doomed
            alone = self.due == 1
            if not timed and not alone and self._spare.in_bulk and len(done.items) < MANY:
                done.wait_for_many(_MANY_SECONDS, self._tasks)
            if not done.items:
                spin = self._spin if alone else None
                done.wait(self._patience(end) if timed else LONGEST_SECONDS, spin)
            messages = done.take_all()
            got = [message[1] for message in messages if message is not None]
            if self._queue or self._begun:
                self._tell_ends(messages)
            if self._timed or self._doomed:
                got.extend(self._judge())
            if got or None in messages or end is not None and self.clock() >= end:
                return got

    def _tell_ends(self, messages: list[tuple[int, TaskRes] | None]) -> None:
        for message in messages:
            if message is not None:
                ticket, res = message
                if ticket in self._queue:  # it began, and ended, since we last looked
                    self._note_begin(ticket, res.started)
                self._begun.discard(ticket)
        self._begin()

    def _patience(self, end: float | None) -> float:
        """Seconds until the caller's or a task's time is up, or it is time to look again."""
        moments = [] if end is None else [end]
        if self._timed or self._doomed:
            self._timed &= self._live.keys()
            self._doomed &= self._live.keys()
            unseen = len(self._timed) + len(self._doomed)
            for _, item, since in self._at_work():
                limit = item[TIMEOUT]
                if limit is not None:
                    moments.append(since + limit)
                    unseen -= 1
            if unseen > 0:
                moments.append(self.clock() + _LOOK_AGAIN_SECONDS)
        return self._until(moments)

    def _at_work(self) -> list[tuple[WorkerThread, Item, float]]:
        at = [(w, w.current) for w in self._threads]
        return [(w, *now) for w, now in at if now is not None and now[0][TICKET] in self._live]

    def _judge(self) -> list[TaskRes]:
        """Abandon the tasks at work that are out of time, or to be killed."""
        now = self.clock()
        ended = []
        for worker, item, since in self._at_work():
            limit = item[TIMEOUT]
            outcome = Outcome.LOST
            error: Exception | None = None
            if item[TICKET] in self._doomed:
                error = TaskLostError(f"{ABORTED}; its thread goes on until it returns")
            elif limit is not None and now >= since + limit:
                outcome = Outcome.TIMEOUT
                error = TaskTimeoutError(out_of_time(now - since, limit))
            if error is None:
                continue
            stack = of_thread(worker.ident)
            if not self._forget(item[TICKET]):
                continue  # it has just ended
            add_stacks(error, stack)
            worker.abandon(item[TASK])
            self._threads.remove(worker)
            self._reinforce()
            ended.append(self._unfinished(worker, item, since, outcome, error))
        self._begin()
        return ended

    def _unfinished(
        self, worker: WorkerThread, item: Item, since: float, outcome: Outcome, error: Exception
    ) -> TaskRes:
        """The result of a task whose worker was abandoned in it."""
        res = TaskRes.unfinished(item[TASK], item[SHARED], outcome, error, worker.label)
        res.started, res.duration, res.abandoned = since, self.clock() - since, True
        return res

    def _forget(self, ticket: int) -> bool:
        """Take a ticket out; returns whether nobody else has, so that the item is ours to settle."""
        if self._live.pop(ticket, None) is None:
            return False
        self._begun.discard(ticket)
        self._queue.pop(ticket, None)
        return True

    def wake(self) -> None:
        self._done.put(None)

    def running(self) -> list[Running]:
        return [Running(i[TASK], worker.label, since) for worker, i, since in self._at_work()]

    def ahead(self) -> list[Task]:
        return [item[TASK] for item in self._tasks.items.copy() if item is not None]

    def _withdraw(self) -> list[Task]:
        taken = self._tasks.take_all()
        back = [item for item in taken if item is not None and self._forget(item[TICKET])]
        self._tasks.put_all([None] * taken.count(None))  # of workers that are to end
        return [item[TASK] for item in back]

    def kill(self, tasks: Iterable[Task]) -> None:
        wanted = {identity(task) for task in tasks}
        out = list(self._live.items())
        self._doomed.update(ticket for ticket, item in out if identity(item[TASK]) in wanted)

    def _close(self) -> None:
        for _ in self._threads:
            self._tasks.put(None)

    def _join(self) -> None:
        for worker in self._threads:
            worker.join(_JOIN_SECONDS)
        self._threads = []
        self._tasks, self._done = Line(), Line()  # without descriptors

    def _terminate(self) -> None:
        self.withdraw()
        for worker, item, _ in self._at_work():
            if self._forget(item[TICKET]):
                worker.abandon(item[TASK])
        self._live.clear()  # from here on no result is heard
        self._tasks.put_all([None] * len(self._threads))
        self._threads = []
        self._tasks, self._done = Line(), Line()  # without descriptors
