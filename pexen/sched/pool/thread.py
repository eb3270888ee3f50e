"""A pool of threads.

Actors and channels:

- the using thread puts items into `_tasks` and reads `_done`;
- each worker thread takes an item from `_tasks`, notes in `_at_work` what it is at, runs it,
  and puts the result into `_done`.

Both channels are lines (`line`). All workers share `_tasks`, so what is handed ahead goes
to whoever is free first, and is taken back by taking it out of the line.

Invariant: an item that is out is in `_tasks`, or in `_at_work`, or with a worker that is about
to note it there. Taking it out of either is one step that no other thread can be in the midst
of. Who takes it out of the line runs it or takes it back; who takes it out of `_at_work` settles
it: a worker with its result, the using thread when it abandons the worker.

What was handed in as a row is an item each from when a worker takes it out of the row's `rest`. The
row itself is in `_tasks` while none of its tasks runs, and in `_rows` as long as there is a rest.

Most items are nothing but what was submitted. Those with a timeout, and all when somebody is told
of beginnings, are `Tracked`, and are put into `_done` themselves, with their result.

Nothing can end a thread. One whose task is past its timeout, or killed, is abandoned:
its task gets a result from the using thread, and the worker is replaced. It ends by itself
when its task does; what it says then is not heard, as its work is gone from `_at_work`. Workers
are daemons, so they don't hold up the interpreter's exit.

Why this file is large: timeouts, killing, telling of beginnings and taking back all look at the
same few collections of what is out, and change them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import Any, cast

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
from .base import (
    ABORTED,
    LONGEST_SECONDS,
    RUNNING,
    Running,
    WorkerPool,
    out_of_time,
)
from .line import Line
from .row import SAID_IN, Row, Submission, submission_alone, tasks_of
from .spare import MANY
from .spinning import Spin, let_interpreter_go
from .stacks import add_stacks, of_thread
from .threadworker import (
    Handed,
    Item,
    Message,
    Tracked,
    Work,
    WorkerThread,
    submission_of,
    task_of,
)
from .wakeup import Wakeup

_log = logging.getLogger("pexen")

_JOIN_SECONDS = 5.0  # to wait for a worker that was idle to end; it takes microseconds
_MANY_SECONDS = 0.001  # that results of short tasks may wait for more of them

# How soon to look again for a task with a timeout, or to be killed, that no worker has
# taken up yet: between taking an item and noting it a worker may be off the processor.
_LOOK_AGAIN_SECONDS = 0.05


class ThreadWorkerPool(WorkerPool):
    """A pool of `workers` threads, with up to `spare` tasks handed in ahead.

    Any callable can be submitted at any time. A task's `timeout` ends it with outcome
    `timeout`, but its thread goes on until the task ends by itself.
    """

    def __init__(self, workers: int = 1, spare: int | None = None) -> None:
        super().__init__(workers, spare)
        self._tasks: Line[Handed | None] = Line()
        self._done: Line[Message | None] = Line()
        self._spin = Spin(pause=let_interpreter_go)
        self._threads: list[WorkerThread] = []
        self._started = 0  # workers started so far, for their names
        self._refused = False  # the system did not give as many threads as wanted
        self._at_work: dict[int, Work] = {}  # what each worker is at, by its id
        self._rows: list[Row] = []  # those that had a rest when one was last submitted
        self._timed: set[Tracked] = set()  # those out that have a timeout
        self._doomed: dict[int, Item] = {}  # those to be killed, by id
        self._sought: set[Any] = set()  # identities of tasks to be killed, as soon as they are seen
        # Only if on_begin is set:
        self._begun: set[Tracked] = set()  # those that began, as far as it was told
        self._queue: dict[Tracked, None] = {}  # the others, in the order of submission

    def _start(self) -> None:
        self._tasks, self._done = Line(Wakeup()), Line(Wakeup())
        self._at_work = {}  # workers that were abandoned have the old one
        for known in (self._timed, self._doomed, self._sought, self._begun, self._queue):
            known.clear()
        self._rows.clear()
        self._refused = False
        self._reinforce()

    def _reinforce(self) -> None:
        """Have a worker for each item that is out, as far as there may be, and one at least.

        No more than that: where one task follows the other, the second of two workers
        would take its turn with the first, which makes each hop dearer by a half.
        """
        wanted = max(1, min(self.workers, self.due))
        while len(self._threads) < wanted:
            name = f"thread-{self._started + 1}"
            worker = WorkerThread(name, self._tasks, self._done, self._at_work)
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
        self._put_all([submission_alone(task, shared)])

    def longest_row(self) -> int:
        tracks = self.timeout is not None or self.on_begin is not None
        return 1 if tracks or not self._spare.adapts else max(1, self._spare.depth // self.workers)

    def _behind(self) -> int:
        return sum([len(row.rest) for row in self._rows])

    def submit_all(self, batch: Sequence[Submission]) -> None:
        if self._state != RUNNING:
            return super().submit_all(batch)
        self.due += len(batch)
        self._put_all(batch)

    def submit_rows(self, batch: Sequence[Submission | Row]) -> None:
        self._expect_running()
        rows = [handed for handed in batch if isinstance(handed, Row)]
        tasks = [task for handed in batch for task in tasks_of(handed)]
        self._rows = [row for row in self._rows if row.rest] + rows
        self.due += len(tasks)
        self._sought.difference_update(map(identity, tasks))
        self._put([h if isinstance(h, Row) else self._tracked(h) for h in batch])

    def _put_all(self, batch: Sequence[Submission]) -> None:
        if self._sought:  # in an earlier submission
            self._sought.difference_update(identity(task) for task, *_ in batch)
        tracks = self.timeout is not None or self.on_begin is not None
        if tracks or any(map(SAID_IN, batch)):
            self._put([self._tracked(submission) for submission in batch])
        else:
            self._put(batch)

    def _put(self, items: Sequence[Handed]) -> None:
        self._tasks.put_all(items)
        if len(self._threads) < self.workers and len(self._threads) < self.due:
            self._reinforce()
        self._begin()

    def _tracked(self, submission: Submission) -> Item:
        """The item for a submission: tracked if it has to be."""
        limit, said = self.timeout, submission[2]
        if said is not None and said[1] is not None:
            limit = said[1]
        if limit is None and self.on_begin is None:
            return submission
        item = Tracked(submission, limit)
        if limit is not None:
            self._timed.add(item)
        if self.on_begin is not None:
            self._queue[item] = None
        return item

    def _begin(self) -> None:
        """Workers take from one queue in order, so the oldest of those out have begun."""
        while self._queue and len(self._begun) < self.workers:
            self._note_begin(next(iter(self._queue)), None)

    def _note_begin(self, item: Tracked, since: float | None) -> None:
        del self._queue[item]
        self._begun.add(item)
        if self.on_begin is not None:
            self.on_begin(item.submission[0], self.clock() if since is None else since)

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        end = None if timeout is None else self.clock() + timeout
        done = self._done
        while True:
            if (self._doomed or self._sought) and (ended := self._judge()):
                return ended
            timed = end is not None or self._timed or self._doomed or self._sought
            alone = self.due == 1
            if not timed and not alone and self._spare.in_bulk and len(done.items) < MANY:
                done.wait_for_many(_MANY_SECONDS, self._has_more)
            if not done.items:
                spin = self._spin if alone else None
                done.wait(self._patience(end) if timed else LONGEST_SECONDS, spin)
            messages = done.take_all()
            only_results = {*map(type, messages)} <= {TaskRes}
            got = cast(list[TaskRes], messages) if only_results else self._untracked(messages)
            if self._timed or self._doomed or self._sought:
                got.extend(self._judge())
            if got or None in messages or end is not None and self.clock() >= end:
                return got

    def _has_more(self) -> bool:
        """Whether there is something that no worker has begun."""
        return bool(self._tasks.items) or any([row.rest and not row.over for row in self._rows])

    def _untracked(self, messages: Iterable[Message | None]) -> list[TaskRes]:
        """The results among messages. Tells that what has ended has begun."""
        results = []
        for message in messages:
            if isinstance(message, Tracked):
                res = message.res
                assert res is not None
                if message in self._queue:  # it began, and ended, since we last looked
                    self._note_begin(message, res.started)
                self._forget(message)
                results.append(res)
            elif message is not None:
                results.append(message)
        self._begin()
        return results

    def _forget(self, item: Item) -> None:
        """The item is settled, or was taken back."""
        self._doomed.pop(id(item), None)
        if isinstance(item, Tracked):
            self._timed.discard(item)
            self._begun.discard(item)
            self._queue.pop(item, None)

    def _patience(self, end: float | None) -> float:
        """Seconds until the caller's or a task's time is up, or it is time to look again."""
        moments = [] if end is None else [end]
        if self._timed or self._doomed or self._sought:
            unseen = len(self._timed) + len(self._doomed) + len(self._sought)
            for _, item, since in list(self._at_work.values()):
                if isinstance(item, Tracked) and item.limit is not None:
                    moments.append(since + item.limit)
                    unseen -= 1
            if unseen > 0:
                moments.append(self.clock() + _LOOK_AGAIN_SECONDS)
        return self._until(moments)

    def _judge(self) -> list[TaskRes]:
        """Abandon the tasks at work that are out of time, or to be killed."""
        if self._doomed or self._sought:
            self._seek()
        now = self.clock()
        ended = []
        for work in list(self._at_work.values()):
            worker, item, since = work
            limit = item.limit if isinstance(item, Tracked) else None
            outcome = Outcome.LOST
            error: Exception | None = None
            if id(item) in self._doomed:
                error = TaskLostError(f"{ABORTED}; its thread goes on until it returns")
            elif limit is not None and now >= since + limit:
                outcome = Outcome.TIMEOUT
                error = TaskTimeoutError(out_of_time(now - since, limit))
            if error is None:
                continue
            stack = of_thread(worker.ident)
            if not self._settle(work):
                continue  # it has just ended
            add_stacks(error, stack)
            task, shared, *_ = submission_of(item)
            worker.abandon(task)
            self._threads.remove(worker)
            self._forget(item)
            self._reinforce()
            res = TaskRes.unfinished(task, shared, outcome, error, worker.label)
            res.started, res.duration, res.abandoned = since, self.clock() - since, True
            ended.append(res)
        self._begin()
        return ended

    def _settle(self, work: Work) -> bool:
        """Take out what a worker is at; returns whether it hasn't, so that it is ours to settle."""
        return self._at_work.pop(id(work), None) is not None

    def wake(self) -> None:
        self._done.put(None)

    def running(self) -> list[Running]:
        at_work = list(self._at_work.values())
        return [Running(task_of(item), worker.label, since) for worker, item, since in at_work]

    def ahead(self) -> list[Task]:
        items = [task_of(item) for item in self._items()]
        return [*items, *(task for row in self._rows for task in row.tasks())]

    def _items(self) -> list[Item]:
        """What is in the line to the workers, but for rows."""
        found = self._tasks.items.copy()
        return [item for item in found if item is not None and type(item) is not Row]

    def _withdraw(self) -> list[Task]:
        taken = self._tasks.take_all()
        self._tasks.put_all([None] * taken.count(None))  # of workers that are to end
        back = [item for item in taken if item is not None and type(item) is not Row]
        for item in back:
            self._forget(item)
        rest = [task for row in self._rows for task in row.take_rest()]
        self._rows.clear()
        return [*map(task_of, back), *rest]

    def kill(self, tasks: Iterable[Task]) -> None:
        self._sought.update(identity(task) for task in tasks)
        self._seek()

    def _seek(self) -> None:
        """Doom those out that are to be killed, and forget of both what isn't out any more.

        What hasn't begun of a row isn't doomed before it is at work.
        """
        # In this order, as items go the other way: none is counted twice.
        done = sum(message is not None for message in self._done.items.copy())
        at_work = [item for _, item, _ in list(self._at_work.values())]
        out = {id(item): item for item in (*at_work, *self._items())}
        found = {key: item for key, item in out.items() if identity(task_of(item)) in self._sought}
        self._doomed.update(found)
        if self.due <= len(self._ready) + done + len(out):  # no worker has taken one unnoted
            self._sought.clear()
            self._doomed = {key: item for key, item in self._doomed.items() if key in out}

    def _close(self) -> None:
        self._tasks.put_all([None] * len(self._threads))

    def _join(self) -> None:
        for worker in self._threads:
            worker.join(_JOIN_SECONDS)
        self._threads = []
        self._tasks, self._done = Line(), Line()  # without descriptors

    def _terminate(self) -> None:
        self.withdraw()
        for work in list(self._at_work.values()):
            if self._settle(work):
                work[0].abandon(task_of(work[1]))
        self._tasks.put_all([None] * len(self._threads))
        self._threads = []
        self._tasks, self._done = Line(), Line()  # without descriptors
