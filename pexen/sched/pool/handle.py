"""One worker process, as the parent sees it: its pipes, what it was handed, its end.

`outbox` writes submissions, `inbox` reads results, and of the tickets the parent has both
ends: it writes one for each submission, and reads those it wants back. The worker's side of
this is in `worker`, the pipes are in `pipes`.

Invariants:

H1  `queue` has, in order, the items whose results haven't been read; for each, a
    submission was put into the outbox after those before it.
H2  Tickets in the pipe are of items in the queue, in the queue's order, and are its tail.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.context import BaseContext
from typing import Any

from ..common import Outcome, Shared, Task, TaskLostError, TaskRes, add_stacks
from . import descriptors
from .channel import Inbox, Outbox
from .ending import Ending, signal_group
from .pipes import ParentEnds, WorkerEnds, close_ends, open_pipes
from .stacks import without_callers
from .travel import STOP, Registry, encode_submission, stop_message
from .worker import EXIT_PIPES_GONE, TICKET, worker_main

# How much of what faulthandler wrote is kept, in bytes.
_MAX_STACKS = 1 << 18


@dataclass(slots=True, eq=False)
class Item:
    """A submitted task. `handed` is when a worker got it, `since` when it began."""

    seq: int
    index: int
    task: Task
    shared: Shared
    timeout: float | None
    handed: float = 0.0
    since: float | None = None


class WorkerProcess:
    """A worker process; made by the pool, and only used with the pool's lock held."""

    def __init__(self, number: int, context: BaseContext) -> None:
        self.number = number
        self.name = f"process-{number}"
        self.queue: deque[Item] = deque()
        self.ready = False  # it has said that it is initialised
        self.retiring = False  # it gets nothing more, and ends when its queue is empty
        self.dead = False  # it has ended, and others of its group have time to end
        self.handed = 0  # items ever handed to it
        self.begun = 0  # of those, how many have begun
        self.inherited = 0  # it knows the tasks with an index below this
        self._defined: set[int] = set()  # and these
        self.ending: Ending | None = None  # why and how the parent is ending it
        self._context = context
        self._process: Any = None
        self.pid = 0
        self.pidfd = -1  # readable when the process has ended
        self._stacks = bytearray()

    # -- life ---------------------------------------------------------------------------

    def start(self, registry: Registry, initializer: Callable[[], object] | None) -> None:
        """Start the process; OSError if the system refuses."""
        with descriptors.no_fork():
            self.ends, theirs = open_pipes()
            self._outbox = Outbox(self.ends.tasks)
            self.inbox = Inbox(self.ends.results)
            try:
                self._start_process(theirs, registry, initializer)
            except BaseException:
                self._close()  # which also ends a process that we don't know of
                raise
            finally:
                close_ends(theirs)

    def _start_process(
        self, ends: WorkerEnds, registry: Registry, initializer: Callable[[], object] | None
    ) -> None:
        args = (ends, registry, initializer)
        target: Callable[..., None] = worker_main
        process = self._context.Process(  # type: ignore[attr-defined]  # made per context
            target=target, args=args, name=f"pexen-{self.name}"
        )
        try:
            with _quiet_fork():
                process.start()
            self._process, self.pid = process, process.pid
            self.pidfd = _end_of(process)
            descriptors.keep([self.pidfd])
        except BaseException:
            if process.pid is not None:
                process.kill()
                process.join()
            raise

    def stop(self) -> None:
        """Tell it to end when its queue is empty."""
        if not self.retiring:
            self.retiring = True
            self._outbox.put(stop_message())
            self.flush()
            self._write_ticket(STOP)

    def kill(self) -> None:
        """End it and its group at once."""
        if not self.dead:
            signal_group(self.pid, signal.SIGKILL)

    def join(self, seconds: float) -> bool:
        """Wait for its end; returns whether it has come. Its pid stays its own until `reap`."""
        poll = select.poll()
        poll.register(self.pidfd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def lingers(self, now: float) -> bool:
        """Whether others of its group still have time to end, now that it has."""
        if self.ending is None:
            return False
        if not self.dead:
            self.dead = True
            self._process.join()
        return self.ending.lingers(now)

    def reap(self) -> str:
        """After its end: end what it left behind, and say how it ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Before the pid is free for others; a group that lingered has it as well.
            os.killpg(self.pid, signal.SIGKILL)
        self._process.join()
        code = self._process.exitcode
        with contextlib.suppress(ValueError):  # it thinks that the process runs, see below
            self._process.close()
        self._close()
        if code is None:
            return "ended, and how was told to somebody else (SIGCHLD is ignored, maybe)"
        if code == EXIT_PIPES_GONE:
            return "ended, as a task closed or replaced its pipes"
        if code >= 0:
            return f"exited with code {code}"
        try:
            return f"was ended by signal {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"

    def _close(self) -> None:
        ends: list[int] = [*self.ends] + ([self.pidfd] if self.pidfd >= 0 else [])
        self.ends, self.pidfd = ParentEnds(*[-1] * len(self.ends)), -1
        descriptors.close(ends)

    def descriptors(self) -> list[int]:
        """The parent's descriptors for it."""
        return [*self.ends, self.pidfd]

    # -- time ---------------------------------------------------------------------------

    def next_moment(self) -> float | None:
        """When `judge` has something to do, None for never."""
        if self.ending is not None:
            return self.ending.next_moment
        first = self.queue[0] if self.queue else None
        if first is None or first.timeout is None or first.since is None:
            return None
        return first.since + first.timeout

    def is_due(self, now: float) -> bool:
        """Whether it is time to `judge`."""
        moment = self.next_moment()
        return moment is not None and now >= moment

    def judge(self, now: float, grace: float) -> None:
        """End a task that is out of time, or go on with that."""
        if self.ending is not None:
            self.ending.go_on(now)
        elif self.queue:
            item = self.queue[0]
            elapsed = now - (item.since or now)
            why = f"timed out after {elapsed:.3g} s (limit {item.timeout} s)"
            self.condemn(item, Outcome.TIMEOUT, why, now, grace)

    def condemn(self, item: Item, outcome: Outcome, why: str, now: float, grace: float) -> None:
        """End the process and all that it started, for the item's sake, and its `outcome`."""
        self.ending = Ending(self.pid, item.seq, outcome, why, grace)
        self.ending.begin(now)

    def read_stacks(self, now: float) -> bool:
        """Read what faulthandler wrote; returns whether more may come."""
        while True:
            try:
                data = os.read(self.ends.stacks, 1 << 16)
            except BlockingIOError:
                return True
            if not data:
                return False
            self._stacks += data[: max(0, _MAX_STACKS - len(self._stacks))]
            if self.ending is not None:
                self.ending.saw_stacks(now)

    def loss_of(self, item: Item, how: str, now: float) -> TaskRes:
        """The result of an item that had begun when the process ended, as `how` says."""
        stacks = without_callers(self._stacks.decode(errors="replace"))
        outcome = Outcome.LOST
        error: Exception = TaskLostError(how)
        if self.ending is not None and self.ending.seq == item.seq:
            outcome, error = self.ending.outcome, self.ending.error(stacks)
        else:
            add_stacks(error, stacks)
        res = TaskRes.unfinished(item.task, item.shared, outcome, error, self.name)
        res.started = item.since
        res.duration = None if item.since is None else now - item.since
        return res

    # -- work -----------------------------------------------------------------------------

    def knows(self, index: int) -> bool:
        """Whether the task needn't be sent along."""
        return index < self.inherited or index in self._defined

    def hand(self, item: Item, definition: bytes | None) -> None:
        """Put an item at the end of the queue; AttributeError if it can't be pickled."""
        message = encode_submission(item.seq, item.index, definition, item.shared)
        if definition is not None:
            self._defined.add(item.index)
        self._outbox.put(message)
        self.queue.append(item)
        self.handed += 1
        self.flush()
        self._write_ticket(item.seq)

    def flush(self) -> bool:
        """Write what fits; returns whether all is written."""
        try:
            return self._outbox.flush()
        except BrokenPipeError:
            return True  # its end will be noticed

    def take_back(self) -> list[Item]:
        """Remove and return the items whose tickets are still there: they have not begun."""
        seqs = set()
        while True:
            try:
                data = os.read(self.ends.tickets_r, TICKET.size)
            except BlockingIOError:
                break
            if not data:
                break
            seqs.add(TICKET.unpack(data)[0])
        if STOP in seqs:
            self._write_ticket(STOP)
        back = [item for item in self.queue if item.seq in seqs]
        for item in back:
            self.queue.remove(item)
            self._defined.discard(item.index)  # it drops the message, and what is in it
            item.since = None
        self.handed -= len(back)
        return back

    def give_again(self, item: Item) -> None:
        """Undo taking back the oldest of what was taken back; it still has the submission."""
        self.queue.append(item)
        self.handed += 1
        self._write_ticket(item.seq)

    def _write_ticket(self, seq: int) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self.ends.tickets_w, TICKET.pack(seq))


def _end_of(process: Any) -> int:
    """A descriptor that is readable when the process has ended."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # an old kernel
            return os.pidfd_open(process.pid)
    # A pipe, which a process forked by a task holds open as well: here the end is only
    # noticed when that one ends.
    return os.dup(process.sentinel)


@contextlib.contextmanager
def _quiet_fork() -> Iterator[None]:
    """Keep SIGINT from a child that has not settled in yet, and a warning from the user.

    Python 3.12 warns when a process with threads forks. A worker forked here runs
    nothing of the parent's but tasks, and those who use locks of other threads are told
    to use another start method.
    """
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
            yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
