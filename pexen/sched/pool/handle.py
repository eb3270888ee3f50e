"""One worker process, as the parent sees it: its channels, what it was handed, its end.

Channels: `outbox` writes submissions, `inbox` reads results, and of the tickets the parent
has both ends: it writes one for each submission, and reads those it wants back. All
of the parent's ends are non-blocking. The worker's side of this is in `worker`.

Invariants:

H1  `queue` has, in order, the items whose results haven't been read; for each, a
    submission was put into the outbox after those before it.
H2  Tickets in the pipe are of items in the queue, in the queue's order, and are its tail.
"""

from __future__ import annotations

import contextlib
import os
import signal
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any

from ..common import Outcome, Shared, Task, TaskLostError, TaskRes, TaskTimeoutError
from .channel import Inbox, Outbox
from .travel import STOP, Registry, encode_submission, stop_message
from .worker import TICKET, worker_main


# Seconds between SIGTERM and SIGKILL: long enough to remove a temporary file, short
# enough for somebody who waits at a terminal.
KILL_GRACE = 1.0


@dataclass(slots=True, eq=False)
class Item:
    """A submitted task. `since` is when it began, as far as the parent can tell."""

    seq: int
    index: int
    task: Task
    shared: Shared
    timeout: float | None
    since: float | None = None


class WorkerProcess:
    """A worker process; made by the pool, and only used with the pool's lock held."""

    def __init__(self, number: int, context: BaseContext) -> None:
        self.number = number
        self.name = f"process-{number}"
        self.queue: deque[Item] = deque()
        self.ready = False  # it has said that it is initialised
        self.retiring = False  # it gets nothing more, and ends when its queue is empty
        self.handed = 0  # items ever handed to it
        self.inherited = 0  # it knows the tasks with an index below this
        self._defined: set[int] = set()  # and these
        # Why the parent is ending it, and when to stop being gentle about it.
        self.doom: tuple[int, Outcome, str] | None = None  # with the number of the item
        self.kill_at: float | None = None
        tasks_r, self.tasks_fd = os.pipe()
        self._tickets_r, self._tickets_w = os.pipe()
        self.results_fd, results_w = os.pipe()
        for fd in (self.tasks_fd, self._tickets_r, self._tickets_w, self.results_fd):
            os.set_blocking(fd, False)
        self._context = context
        self._outbox = Outbox(self.tasks_fd)
        self.inbox = Inbox(self.results_fd)
        self._process: Any = None
        self.pid = 0
        self.pidfd = -1  # readable when the process has ended
        self._childs = (
            Connection(tasks_r, writable=False),
            Connection(os.dup(self._tickets_r), writable=False),
            Connection(results_w, readable=False),
        )

    # -- life ---------------------------------------------------------------------------

    def start(
        self, registry: Registry, initializer: Callable[[], object] | None, others: list[int]
    ) -> None:
        """Start the process. `others`: descriptors of the parent that it is to close."""
        inherited = self.parent_fds() + others if self._forks else []
        args = (*self._childs, registry, initializer, inherited)
        target: Callable[..., None] = worker_main
        process = self._context.Process(  # type: ignore[attr-defined]  # made per context
            target=target, args=args, name=f"pexen-{self.name}"
        )
        try:
            with _quiet_fork():
                process.start()
            self._process, self.pid = process, process.pid
            self.pidfd = _end_of(process)
        except BaseException:
            if process.pid is not None:
                process.kill()
                process.join()
            self.close()
            raise
        self._close_childs()

    @property
    def _forks(self) -> bool:
        return self._context.get_start_method() == "fork"

    def parent_fds(self) -> list[int]:
        """The descriptors that belong to the parent."""
        fds = [self.tasks_fd, self._tickets_r, self._tickets_w, self.results_fd]
        return [fd for fd in (*fds, self.pidfd) if fd >= 0]

    def stop(self) -> None:
        """Tell it to end when its queue is empty."""
        if not self.retiring:
            self.retiring = True
            self._outbox.put(stop_message())
            self.flush()
            self._write_ticket(STOP)

    def signal_group(self, number: int) -> None:
        """Send a signal to the process and all that it started and that stayed in its group."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            # It may not lead a group yet.
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def reap(self) -> str:
        """After its end: end what it left behind, and say how it ended."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)  # before the pid is free for others
        self._process.join()
        code = self._process.exitcode
        with contextlib.suppress(ValueError):  # it thinks that the process runs, see below
            self._process.close()
        self.close()
        if code is None:
            return "ended, and how was told to somebody else (SIGCHLD is ignored, maybe)"
        if code >= 0:
            return f"exited with code {code}"
        try:
            return f"was ended by signal {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"

    def join(self, seconds: float) -> bool:
        """Wait for its end; returns whether it has come."""
        self._process.join(seconds)
        return self._process.exitcode is not None

    def close(self) -> None:
        """Close all descriptors."""
        for fd in self.parent_fds():
            os.close(fd)
        self.tasks_fd = self._tickets_r = self._tickets_w = self.results_fd = self.pidfd = -1
        self._close_childs()

    def _close_childs(self) -> None:
        for connection in self._childs:
            if not connection.closed:
                connection.close()

    # -- time and doom --------------------------------------------------------------------

    def next_moment(self) -> float | None:
        """When `judge` has something to do, None for never."""
        if self.kill_at is not None or self.doom is not None:
            return self.kill_at
        first = self.queue[0] if self.queue else None
        if first is None or first.timeout is None or first.since is None:
            return None
        return first.since + first.timeout

    def is_due(self, now: float) -> bool:
        """Whether it is time to `judge`."""
        moment = self.next_moment()
        return moment is not None and now >= moment

    def judge(self, now: float) -> None:
        """End a task that is out of time, or the process that ignored its end."""
        if self.kill_at is not None:
            self.kill_at = None
            self.signal_group(signal.SIGKILL)
        elif self.queue:
            item = self.queue[0]
            elapsed = now - (item.since or now)
            why = f"timed out after {elapsed:.3g} s (limit {item.timeout} s)"
            self.condemn(item, Outcome.TIMEOUT, why, now)

    def condemn(self, item: Item, outcome: Outcome, why: str, now: float) -> None:
        """End the process and all that it started, for the item's sake, and its `outcome`."""
        self.doom = (item.seq, outcome, why)
        self.kill_at = now + KILL_GRACE
        self.signal_group(signal.SIGTERM)
        self.signal_group(signal.SIGCONT)  # a stopped process gets no other signal

    def loss_of(self, item: Item, how: str, now: float) -> TaskRes:
        """The result of an item that had begun when the process ended, as `how` says."""
        seq, outcome, why = self.doom or (0, Outcome.LOST, how)
        if seq != item.seq:
            outcome, why = Outcome.LOST, how
        kind = TaskTimeoutError if outcome is Outcome.TIMEOUT else TaskLostError
        res = TaskRes.unfinished(item.task, item.shared, outcome, kind(why), self.name)
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
                data = os.read(self._tickets_r, TICKET.size)
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
            os.write(self._tickets_w, TICKET.pack(seq))


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
