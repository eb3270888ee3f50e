"""A pool of processes.

Actors and channels:

- the using thread is the only one in the parent: it hands out, reads results and
  notices deaths, and never blocks but in one selector (`crew`);
- each worker process (`worker`, seen from here: `handle`) has pipes of its own
  (`pipes`), so that what a dying worker does to its pipes concerns nobody else.

A task goes to an idle worker, else ahead into the shortest queue, else it waits in
the backlog. What is handed out at a time is written to each worker at once, in a row if it is very
short (`pagedrow`). What was handed ahead is taken back, through its ticket, when another worker has
nothing to do: half of it goes there. When a worker dies, its results are read first; then the task
that had begun is lost, those that had not are handed out again, unless reading one seems to be what
kills, and the worker is replaced.

Who works, and who has to be replaced, is in `staff`; who gets what, in `dealing`; what each has got
and not yet ended, in `workerqueue`.

Why this file is large: these rules all read and change the same few queues, and are
shorter side by side than any seam between them would be.
"""

from __future__ import annotations

import atexit
import multiprocessing
import multiprocessing.util  # its exit handler joins children: ours has to run before it
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from ..common import (
    ExceptionInfo,
    Outcome,
    PoolError,
    Shared,
    Task,
    TaskLostError,
    TaskRes,
    identity,
)
from .base import ABORTED, RUNNING, Running, WorkerPool
from .channel import PIPE_SIZE
from .checks import check_count, check_seconds
from .crew import RESULTS, STACKS, WRITABLE
from .dealing import Place, deal, divide, undeal
from .handle import WorkerProcess
from .item import Item, Submitted, submission_of, task_of
from .report import (
    READY,
    SPECIAL,
    PlainEnd,
    Report,
    decode_report,
    decode_result,
    plain_ends,
    reported_exception,
)
from .results import Arrivals, add_plain, results_of
from .row import Submission, submission_alone
from .staff import Staff

# How many tasks may be with one worker; their tickets have to fit into a pipe, which has
# only 4096 bytes where a user has very many.
MAX_DEPTH = 500

# How many tasks a row has at least: fewer are as quick by themselves.
_SHORTEST = 8

# How long to wait, in seconds, until looking at how the rows get on: nobody says so before their
# end.
_LOOK_SECONDS = 0.001

# How many workers may die while they read a submission, before its task is lost.
MAX_DEATHS = 3

# Seconds between SIGTERM and SIGKILL: long enough to remove a temporary file, short
# enough for somebody who waits at a terminal.
GRACE = 1.0

# How long to wait, at the exit of the interpreter, for a thread that uses a pool.
_EXIT_SECONDS = 1.0


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
    `grace`
        seconds that a task past its timeout has between SIGTERM and SIGKILL.

    A worker that dies, whatever of, loses the task that it ran (outcome `lost`) and is
    replaced. A task past its `timeout` is ended, with all processes of its group.
    """

    def __init__(
        self,
        workers: int = 1,
        spare: int | None = None,
        start_method: str | None = None,
        tasks_per_worker: int | None = None,
        initializer: Callable[[], object] | None = None,
        grace: float = GRACE,
    ) -> None:
        super().__init__(workers, spare)
        methods = multiprocessing.get_all_start_methods()
        if start_method is None:
            start_method = "fork" if "fork" in methods else methods[0]
        if start_method not in methods:
            raise ValueError(f"start_method is {start_method!r}; here are {', '.join(methods)}")
        if tasks_per_worker is not None:
            check_count("tasks_per_worker", tasks_per_worker, 1)
        if grace != 0:
            check_seconds("grace", grace)
        # Configuration.
        self._grace = grace
        # State.
        self._lock = threading.RLock()  # guards all of it, but isn't held while waiting
        self._pid = 0  # of the process that started the pool
        self._staff = Staff(start_method, initializer, tasks_per_worker, spare is None)
        self._crew = self._staff.crew
        self._backlog: deque[Submitted] = deque()  # what isn't with a worker
        self._seqs = 0
        self._kills = 0  # how often `kill` was called since the start
        self._have_rows = False  # whether any worker may be in a row

    # -- tasks and workers ----------------------------------------------------------------------

    def register(self, tasks: Iterable[Task]) -> None:
        """Announce the tasks that may be submitted; PoolError while the pool runs."""
        if self.alive():
            raise PoolError("Cannot register tasks while the pool is running")
        self._staff.roster.register(tasks)

    def admit(self, tasks: Iterable[Task]) -> None:
        """See the contract. Forked workers learn of what can't be pickled by a new fork."""
        with self._lock:
            self._staff.roster.admit(tasks)
            self._refresh()

    def _refresh(self) -> None:
        """Replace idle workers that can't be given anything more."""
        for worker in self._crew.workers.values():
            self._staff.release(worker)
        self._staff.fill(self._wanted)

    @property
    def _wanted(self) -> int:
        """For how many workers there may be work."""
        if self._state == RUNNING:
            return self.workers
        return min(self.workers, len(self._backlog))

    def _start(self) -> None:
        if multiprocessing.current_process().daemon:
            raise PoolError(
                "a daemonic process of multiprocessing can't have worker processes; "
                "make it with daemon=False, or use a ThreadWorkerPool"
            )
        self._pid = os.getpid()
        self._backlog.clear()
        self._kills = 0
        try:
            _pools.add(self)
            self._staff.start(self.workers)
        except BaseException:  # also an interrupt, or a task that can't be sent
            self._terminate()
            raise

    def _close(self) -> None:
        pass  # workers are told in _join, when nothing is left for them

    def _join(self) -> None:
        with self._lock:
            self._crew.stop()
            _pools.discard(self)

    def _terminate(self) -> None:
        with self._lock:
            self._backlog.clear()
            self._crew.kill()
            _pools.discard(self)

    def __del__(self) -> None:
        if getattr(self, "_crew", None) and self._crew.workers and self._pid == os.getpid():
            self._terminate()

    # -- handing out ------------------------------------------------------------------------------

    def _submit(self, task: Task, shared: Shared) -> None:
        with self._lock:
            self._note_submitted([submission_alone(task, shared)])
            self._serve()
        self._tell_beginnings()

    def submit_all(self, batch: Sequence[Submission]) -> None:
        """See the contract. Each worker gets its share at once."""
        if self._state != RUNNING:
            super().submit_all(batch)  # which says what is wrong
            return
        with self._lock:
            before = len(self._backlog)
            try:
                self._note_submitted(batch)
            finally:
                self.due += len(self._backlog) - before
                try:
                    self._serve()
                except BaseException:  # an interrupt
                    self.due -= 1  # the one whose dict was being pickled
                    raise
        self._tell_beginnings()

    def _note_submitted(self, batch: Sequence[Submission]) -> None:
        roster, backlog = self._staff.roster, self._backlog
        if self.timeout is None and roster.has_all(batch):
            backlog.extend(batch)
            return
        for submission in batch:
            submission = roster.indexed(submission)  # which says so if it isn't known
            if self.timeout is None:
                backlog.append(submission)
            else:  # it is that of the moment
                said = submission[2]
                timeout = self.timeout if said is None or said[1] is None else said[1]
                backlog.append(Item(0, submission, timeout))

    @property
    def _depth(self) -> int:
        """How many tasks a worker may have."""
        return min(1 - -self._spare.depth // self.workers, MAX_DEPTH)  # rounded up

    def _serve(self) -> None:
        """Hand the backlog out, as far as queues may grow."""
        if not self._backlog:
            return
        depth, room_of = self._depth, self._staff.room
        places = [
            Place(worker, room)
            for worker in self._crew.workers.values()
            if (room := room_of(worker, depth))
        ]
        deal(self._backlog, places)
        try:
            for place in places:
                if place.share:
                    self._hand(place.worker, place.share)
        except BaseException:  # an interrupt; what was dealt comes back nearly in its order
            self._backlog.extendleft(reversed(undeal([place.share for place in places])))
            raise

    def _hand(self, worker: WorkerProcess, share: list[Submitted]) -> None:
        """Let a worker have its share; what it was given is no more in there.

        After an interrupt, the rest of it is in the backlog.
        """
        now = self.clock()
        first = self._seqs + 1
        self._seqs += len(share)
        try:
            if not self._hand_row(worker, share, first, now):
                self._hand_items(worker, share, first, now)
        except BaseException:  # while a dict was pickled
            self._backlog.extendleft(reversed(share))
            share.clear()
            raise
        finally:
            worker.queue.send_tickets()
            self._crew.write(worker)
        self._note_begin(worker, now)

    def _hand_items(
        self, worker: WorkerProcess, share: list[Submitted], first: int, now: float
    ) -> None:
        """Let a worker have each by itself."""
        items = [*map(self._item, share)]
        # Numbered anew each time, as it may come back to a worker that had it before.
        for seq, item in enumerate(items, first):
            item.seq, item.since, item.handed = seq, None, now
        inherited = worker.queue.inherited
        if [True for item in items if item.shared or item.index >= inherited]:
            for item in items:
                del share[0]
                self._put(worker, item)
        else:
            worker.queue.put_plain(items, first)
            share.clear()

    def _item(self, submitted: Submitted) -> Item:
        if isinstance(submitted, Item):
            return submitted
        said = submitted[2]
        timeout = None if said is None else said[1]
        return Item(0, submitted, timeout)

    def _hand_row(
        self, worker: WorkerProcess, share: list[Submitted], first: int, now: float
    ) -> bool:
        """Let a worker have its share as a row; returns whether it can be one.

        It can't if somebody is told of beginnings; with a dict that isn't empty, a timeout, what
        the worker was not born knowing, or a task of which is noted that workers have died. And
        who doesn't get on gets none, as one would have to look at it again and again.
        """
        if self.on_begin is not None or worker.stuck:
            return False
        if not self._is_worth_a_row(worker, len(share)):
            return False
        if Item in {*map(type, share)}:
            share[:] = [s.submission if type(s) is Item and s.is_plain else s for s in share]
            if Item in {*map(type, share)}:
                return False
        submissions = cast(list[Submission], [*share])
        _, dicts, said, takes, indexes = zip(*submissions)
        if any(dicts) or any([limit is not None for _, limit in filter(None, said)]):
            return False
        if max(indexes) >= worker.queue.inherited:
            return False
        bare = not any(said) and {*takes} == {False}
        if not worker.queue.put_row(first, submissions, bare, now):
            return False
        share.clear()
        self._have_rows = True
        return True

    def _is_worth_a_row(self, worker: WorkerProcess, count: int) -> bool:
        """Whether so many tasks for a worker are enough, and as short as is to be expected."""
        return self._spare.in_bulk and count >= _SHORTEST and worker.ready

    def _put(self, worker: WorkerProcess, item: Item) -> None:
        known = worker.queue.knows(item.index)
        definition = None if known else self._staff.roster.definition(item.index)
        try:
            worker.queue.put(item, definition)
        except AttributeError as exc:
            info = ExceptionInfo.of(exc)
            self._ready.append(TaskRes.failed(item.task, item.shared, info, worker.name))
            self.wake()

    def _note_begin(self, worker: WorkerProcess, free: float) -> None:
        """The first in a ready worker's queue has begun, when the worker was `free` for it."""
        first = worker.queue.first
        if first is not None and worker.ready and first.since is None:
            worker.has_begun = True
            first.since = max(free, first.handed)
            if isinstance(first, Item) and not first.told:
                first.told = True
                self._beginnings.append((first.task, first.since))

    def _balance(self) -> None:
        """Give idle workers half of what was handed ahead to a busy one, and hasn't begun."""
        workers = self._crew.workers.values()
        lengths = [worker.queue.out for worker in workers]
        if 0 not in lengths or max(lengths) < 2:
            return
        for idle in workers:
            room = 0 if idle.queue else self._staff.room(idle, self._depth)
            if not room:
                continue
            for busy in sorted(workers, key=lambda worker: -worker.queue.out):
                back = busy.queue.take_back() if busy.queue.out > 1 else []
                if back:
                    # If it has begun none, the first is about to be, and stays.
                    kept, moved = divide(back, 0 if busy.queue else 1, room)
                    self._give_again(busy, kept)
                    if moved:
                        self._hand(idle, moved)
                    break

    # -- results and deaths -----------------------------------------------------------------------

    def _collect(self, timeout: float | None) -> Sequence[TaskRes]:
        end = None if timeout is None else self.clock() + timeout
        while True:
            with self._lock:
                if self._staff.broken is not None:
                    raise self._staff.broken
                self._balance()
                moment = self._next_moment()
            happened = self._crew.wait(self._until([end, moment]), self.due)
            with self._lock:
                got: Arrivals = []
                self._react(happened, got)
                is_time = moment is not None and self.clock() >= moment
                if self._have_rows:
                    self._look_at_rows(got, is_time and not happened)
                if is_time:
                    self._judge(got)
                self._staff.fill(self._wanted)
                self._serve()
                over = end is not None and self.clock() >= end
            self._tell_beginnings()
            if got or self._ready or over or None in happened:
                return results_of(got)

    def _judge(self, got: Arrivals) -> None:
        """See to the tasks, and the workers that are being ended, whose time is up."""
        now = self.clock()
        due = [worker for worker in self._crew.workers.values() if worker.is_due(now)]
        for worker in due:
            if worker.dead:
                self._bury(worker, got)
            elif worker.ending is not None or worker.retiring:
                worker.go_on(self.clock())
            else:
                self._judge_task(worker, got)

    def _judge_task(self, worker: WorkerProcess, got: Arrivals) -> None:
        """The time of a worker's first item is up, if it has begun and not ended."""
        first = worker.queue.first
        assert first is not None
        # In this order: what hasn't begun by now is not in the way of ending the worker, and
        # the result of what ended before that is there.
        untouched = worker.queue.take_back()
        self._read(worker, got)
        now = self.clock()
        if worker.queue and worker.is_due(now):
            self._backlog.extendleft(reversed(untouched))
            worker.time_out(now, self._grace)
        elif first in untouched and worker.is_stuck(first, now):
            self._backlog.extendleft(reversed(untouched))
            worker.kill()
        elif worker.retiring:  # told so as its queue was empty; it takes up nothing more
            self._backlog.extendleft(reversed(untouched))
        else:
            if first in untouched:
                first.since = None
            self._give_again(worker, untouched)
            self._note_begin(worker, now)

    def _give_again(self, worker: WorkerProcess, back: list[Submitted]) -> None:
        """Let a worker have again what was taken back from it."""
        items: list[Item] = []
        for submitted in back:
            if not isinstance(submitted, Item):
                break
            items.append(submitted)
        worker.queue.give_again(items)
        if len(items) < len(back):
            self._hand(worker, back[len(items) :])  # anew, as what was left of a row has no ticket

    def _take_back(self, worker: WorkerProcess) -> list[Submitted]:
        """What a worker hasn't begun. What is left has."""
        back = worker.queue.take_back()
        self._note_begin(worker, self.clock())
        return back

    def _next_moment(self) -> float | None:
        """When the time of a task is up, or of a worker that is being ended, or one may start."""
        moments = [worker.next_moment() for worker in self._crew.workers.values()]
        moments.append(self._staff.next_start(self._wanted))
        if self._have_rows and any([worker.in_row for worker in self._crew.workers.values()]):
            moments.append(self.clock() + _LOOK_SECONDS)
        return min([moment for moment in moments if moment is not None], default=None)

    def _react(self, happened: Iterable[tuple[WorkerProcess, str] | None], got: Arrivals) -> None:
        for event in happened:
            if event is None:
                continue
            worker, what = event
            if what == RESULTS:
                self._read(worker, got)
            elif what == STACKS:
                if not worker.read_stacks(self.clock()):
                    self._crew.unwatch(worker.ends.stacks)
            elif what == WRITABLE:
                self._crew.write(worker)
            else:
                self._bury(worker, got)

    def _read(self, worker: WorkerProcess, got: Arrivals) -> None:
        """Take in what has come from a worker."""
        # One by one where somebody is told of beginnings, or the worker is being ended.
        apart = self.on_begin is not None or worker.ending is not None
        together = not apart and worker.queue.row is None
        ends = worker.inbox.fetch_as(plain_ends) if together else []
        end = self._read_plain(worker, ends, got) if ends else self._read_messages(worker, got)
        self._note_end(worker, self._read_row(worker, got) or end)
        if worker.inbox.closed:
            self._crew.unwatch(worker.ends.results)
        self._staff.release(worker)

    def _note_end(self, worker: WorkerProcess, end: float | None) -> None:
        if end is not None:
            worker.stuck = False
            self._note_begin(worker, end)
            self._staff.note_worked()

    def _look_at_rows(self, got: Arrivals, in_vain: bool) -> None:
        """Take in what workers have noted of rows.

        If nothing came of a wait for that, what doesn't get on is a row no more: it waits for a
        long task, and others may have the rest.
        """
        shares: list[list[Submitted]] = []
        for worker in self._crew.workers.values():
            if worker.in_row:
                end = self._read_row(worker, got)
                self._note_end(worker, end)
                self._staff.release(worker)
                if end is None and in_vain:
                    worker.stuck = True
                    shares.append(self._take_back(worker))
        self._backlog.extendleft(reversed(undeal(shares)))
        self._have_rows = any([worker.queue.has_rows for worker in self._crew.workers.values()])

    def _read_row(self, worker: WorkerProcess, got: Arrivals) -> float | None:
        """Take in what a worker has noted of rows; returns when the last of these tasks ended."""
        end = None
        while (row := worker.queue.row) is not None:
            if worker.ending is not None and worker.ending.seq == row.seq:
                break  # too late: it is being ended
            tasks, starts, durations = worker.queue.take_ends(row)
            if not tasks:
                break
            add_plain(got, tasks, starts, durations, worker.name)
            end = worker.served = starts[-1] + durations[-1]
        return end

    def _read_plain(self, worker: WorkerProcess, ends: list[PlainEnd], got: Arrivals) -> float | None:
        """Take in results of which there is nothing to say; returns when the last one was sent."""
        tasks = worker.queue.take_items([seq for seq, *_ in ends])
        if tasks is None:
            worker.kill()  # as below
            return None
        _, starts, durations, _ = zip(*ends)
        add_plain(got, tasks, starts, durations, worker.name)
        worker.served = ends[-1][3]
        return worker.served

    def _read_messages(self, worker: WorkerProcess, got: Arrivals) -> float | None:
        """Take in anything else, in the same way.

        Why this is long: it is one case after the other of what a message may be.
        """
        end: float | None = None
        returned: list[Submitted] = []  # to be handed out anew
        unknown = False  # one of them could not be loaded
        for message, buffers in worker.inbox.fetch():
            report = decode_report(message)
            seq, sent = report.seq, report.sent
            if seq == READY:
                self._note_ready(worker, report, message)
                continue
            if worker.ending is not None and worker.ending.seq == seq:
                worker.stop()  # too late, it is being ended; it stays in the queue till then
                continue
            special = report.number >= SPECIAL
            if special and report.is_returned and worker.queue.has_ticket(seq):
                returned += worker.queue.take_returned(seq)
                continue
            end = self._read_row(worker, got) or end  # what it had noted before
            if special and report.is_left and worker.queue.take_left(seq):
                if worker.ending is not None:
                    worker.stop()  # as above
                continue
            if end is not None and self.on_begin is not None:
                self._note_begin(worker, end)  # only to tell it, as it has ended
            item = worker.queue.take_ended(seq)
            if item is None:
                worker.kill()  # Nothing of ours writes that; whoever does has the worker's pipes.
                break
            # A long message is only written to its end as it is read.
            end = self.clock() if buffers or len(message) >= PIPE_SIZE else sent
            if not special:
                worker.served = sent
                got.append(decode_result(report, message, item.task, worker.name, buffers))
            elif self._staff.roster.refuse_travel(item.index):
                returned.append(item)
                unknown = True
            else:
                info = reported_exception(report, message)
                got.append(TaskRes.failed(item.task, item.shared, info, worker.name))
        if unknown:  # a worker that is forked now may know them, and those behind them
            returned += worker.queue.take_back()
        self._backlog.extendleft(reversed(returned))
        return end

    def _note_ready(self, worker: WorkerProcess, report: Report, message: bytes) -> None:
        worker.ready = report.outcome is Outcome.OK
        if worker.ready:
            self._note_begin(worker, self.clock())
        else:
            info = reported_exception(report, message)
            text = info.text if info else ""
            self._staff.broken = PoolError(f"the initializer failed in {worker.name}:\n{text}")

    def _bury(self, worker: WorkerProcess, got: Arrivals) -> None:
        """A worker has ended: settle what it was handed, and replace it."""
        self._read(worker, got)
        worker.read_stacks(self.clock())
        if worker.lingers(self.clock()):
            self._crew.unwatch(worker.end_fd)
            return
        untouched = worker.queue.take_back()
        left = "" if worker.ending else worker.left_running()
        how = self._crew.remove(worker) + left
        got.extend(worker.loss_of(item, how, self.clock()) for item in worker.queue.items())
        if untouched and worker.ready and worker.ending is None and not worker.queue:
            # Reading it may be what kills, by its size, say. So it isn't tried without end.
            untouched[0] = item = self._item(untouched[0])
            item.deaths += 1
            if item.deaths >= MAX_DEATHS:
                why = f"{MAX_DEATHS} workers died before they could begin it; the last one, {how}"
                got.append(worker.loss_of(item, why, self.clock()))
                del untouched[0]
        self._backlog.extendleft(reversed(untouched))
        if not worker.retiring:
            self._staff.note_dead(worker, how)
        self._staff.fill(self._wanted)

    # -- the seam ------------------------------------------------------------------------------

    def wake(self) -> None:
        self._crew.wake()

    def running(self) -> list[Running]:
        with self._lock:
            firsts = [(w.queue.first, w.name) for w in self._crew.workers.values()]
            begun = [(q, q.since, name) for q, name in firsts if q is not None]
            return [Running(q.task, name, at) for q, at, name in begun if at is not None]

    def ahead(self) -> list[Task]:
        with self._lock:
            queued = [task for w in self._crew.workers.values() for task in w.queue.tasks()[1:]]
            return [*queued, *map(task_of, self._backlog)]

    def _withdraw(self) -> list[Task]:
        with self._lock:
            back = [s for w in self._crew.workers.values() for s in self._take_back(w)]
            back.extend(self._backlog)
            self._backlog.clear()
            self._refresh()
            return [*map(task_of, back)]

    def kill(self, tasks: Iterable[Task]) -> None:
        wanted = {identity(task) for task in tasks}
        with self._lock:
            self._kills += 1
            for worker in list(self._crew.workers.values()):
                results: Arrivals = []
                self._backlog.extendleft(reversed(self._take_back(worker)))
                self._read(worker, results)
                self._ready.extend(results_of(results))
                for item in worker.queue.items():  # the one that has begun, if any
                    if identity(item.task) in wanted:
                        self._end_task(worker, item)
            kept: deque[Submitted] = deque()
            lost: list[TaskRes] = []
            for submitted in self._backlog:
                if identity(task_of(submitted)) in wanted:
                    task, shared, *_ = submission_of(submitted)
                    error = TaskLostError(ABORTED)
                    lost.append(TaskRes.unfinished(task, shared, Outcome.LOST, error, ""))
                else:
                    kept.append(submitted)
            self._backlog = kept
            self._ready.extend(lost)
            self._serve()

    def _end_task(self, worker: WorkerProcess, item: Item) -> None:
        """End what a worker is at, as the run is aborted."""
        now = self.clock()
        if worker.ending is None:
            worker.condemn(item, Outcome.LOST, ABORTED, now, self._grace)
        if self._kills > 1 and worker.ending is not None:  # whoever asks again is in a hurry
            worker.ending.hurry(now)


_pools: weakref.WeakSet[ProcessWorkerPool] = weakref.WeakSet()


@atexit.register
def _end_all() -> None:
    """End the workers of pools that are in use when the interpreter exits.

    Only daemon threads can be using them by now. They wait for the lock until the end.
    """
    for pool in list(_pools):
        if pool._pid == os.getpid():
            pool._lock.acquire(timeout=_EXIT_SECONDS)
            for worker in pool._crew.workers.values():
                worker.kill()
