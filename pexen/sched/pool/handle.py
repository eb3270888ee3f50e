"""One worker process, as the parent sees it: its start, what it tells, its time and its end.

What it was handed is in its queue (`workerqueue`), and `inbox` reads its results. Its own side of
this is in `worker`, the pipes are in `pipes`.

Invariants:

H1  `retiring`: it was told to end, with nothing in the queue, or nothing that isn't settled.
H2  `dead` is only so while `ending` sees to others of the group.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from multiprocessing.context import BaseContext

from ..common import Outcome, TaskLostError, TaskRes
from . import descriptors
from .base import out_of_time
from .channel import Inbox
from .child import Child
from .ending import Ending
from .item import Item
from .leftovers import leftovers
from .page import make_page
from .pipes import NO_ENDS, close_ends, open_pipes
from .stacks import add_stacks, last_crash, without_callers
from .travel import Registry
from .worker import worker_main
from .workerqueue import WorkerQueue

# Seconds after which workers told to end are killed: they may wait for what a task has left.
STOP_GRACE = 5.0

# Seconds after which a worker is taken to be stuck that has got a task, and doesn't take it up.
_STUCK_SECONDS = 5.0

# Shorter timeouts count as so many seconds, as one has to be able to begin in the time.
_LEAST_SECONDS = 0.001

# How much of what faulthandler wrote is kept, in bytes.
_MAX_STACKS = 1 << 18


class WorkerProcess:
    """A worker process; made by the pool, and only used with the pool's lock held."""

    def __init__(self, number: int, context: BaseContext) -> None:
        self.number = number
        self.name = f"process-{number}"
        self.queue = WorkerQueue()  # what it was handed
        self.ready = False  # it has said that it is initialised
        self.retiring = False  # it gets nothing more, and ends when its queue is empty
        self.dead = False  # it has ended, and others of its group have time to end
        self.has_begun = False  # it has taken up a task, ever
        self.served: float | None = None  # when its last task ended, as it reported that
        self.stuffed = False  # its pipe takes no more for now, and the selector watches for that
        self.stuck = False  # it was seen not to get on, and nothing has come from it since
        self.ending: Ending | None = None  # why and how the parent is ending it
        self.ends = NO_ENDS
        self._context = context
        self._child = Child(context, f"pexen-{self.name}")
        self._stacks = bytearray()
        self._stop_by: float | None = None  # when one that is retiring should have ended

    # -- life ---------------------------------------------------------------------------

    def start(
        self, registry: Registry, initializer: Callable[[], object] | None, has_page: bool
    ) -> None:
        """Start the process, which inherits a page for rows or has none.

        OSError if the system refuses.
        """
        page = make_page(self._context) if has_page else None
        self.ends, theirs = open_pipes()
        self.queue.open(self.ends, page)
        self.inbox = Inbox(self.ends.results)
        try:
            with descriptors.handed_over(end.fileno() for end in theirs if end is not None):
                self._child.start(worker_main, (theirs, registry, initializer, page))
        finally:
            close_ends(theirs)

    def discard(self) -> None:
        """Undo a start that failed, however far it got."""
        self._child.discard()
        self._close()  # which also ends a process that nobody knows of

    def stop(self) -> None:
        """Tell it to end when its queue is empty."""
        if not self.retiring:
            self.retiring = True
            self._stop_by = time.monotonic() + STOP_GRACE
            self.queue.put_stop()

    def kill(self) -> None:
        """End it and its group at once."""
        self._child.kill()

    def join(self, seconds: float) -> bool:
        """Wait for its end; returns whether it has come."""
        return self._child.wait(seconds)

    def lingers(self, now: float) -> bool:
        """Whether others of its group still have time to end, now that it has."""
        if self.ending is None:
            return False
        if not self.dead:
            self.dead = True
            self._child.reap()
        return self.ending.lingers(now)

    def bury(self) -> str:
        """After its end: end what it left behind, and say who it was and how it ended."""
        how = f"{self.name} (pid {self._child.pid}) {self._child.bury()}"
        self._close()
        return how

    def forsake(self) -> None:
        """Leave it to its own; it ends when the kernel lets it."""
        self._child.close()
        self._close()

    def _close(self) -> None:
        self.queue.close()
        ends, self.ends = self.ends, NO_ENDS
        descriptors.close(fd for fd in ends if fd >= 0)

    @property
    def end_fd(self) -> int:
        """Readable when the process has ended."""
        return self._child.end_fd

    @property
    def in_row(self) -> bool:
        """Whether nobody will say that what it is at has ended, as more of a row comes after it."""
        return self.ready and (row := self.queue.row) is not None and row.left > 1

    # -- time ---------------------------------------------------------------------------

    def next_moment(self) -> float | None:
        """When a task is out of time, or the next step of an end is due; None for never."""
        if self.ending is not None:
            return self.ending.next_moment
        if self.retiring:
            return self._stop_by
        first = self.queue.first
        if first is None or first.timeout is None or first.since is None:
            return None
        if self.inbox.partial:
            return None  # its task has ended, and the result is on its way
        return first.since + max(first.timeout, _LEAST_SECONDS)

    def is_due(self, now: float) -> bool:
        """Whether that moment has come."""
        return (moment := self.next_moment()) is not None and now >= moment

    def time_out(self, now: float, grace: float) -> None:
        """End the process, as the time of its first item is up."""
        item = self.queue.first
        assert isinstance(item, Item), "no task of a row has a timeout"
        why = out_of_time(now - (item.since or now), item.timeout)
        self.condemn(item, Outcome.TIMEOUT, why + self.left_running(), now, grace)

    def left_running(self) -> str:
        """What is to be said of those that earlier tasks left in its group, and end with it."""
        return leftovers(self._child.pid, self.served) if self.queue else ""

    def go_on(self, now: float) -> None:
        """The next step of an end, its own or one that is made."""
        if self.ending is not None:
            self.ending.go_on(now)
        else:
            self._stop_by = None
            self.kill()

    def is_stuck(self, item: Item, now: float) -> bool:
        """Whether it should have taken the item up long ago, which is the first one."""
        return self.queue.flush() and now - item.handed > _STUCK_SECONDS

    def condemn(self, item: Item, outcome: Outcome, why: str, now: float, grace: float) -> None:
        """End the process and all that it started, for the item's sake, and its `outcome`."""
        self.read_stacks(now)
        self._stacks.clear()  # of earlier tasks' children, maybe
        self.ending = Ending(self._child.pid, item.seq, outcome, why, grace)
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
        stacks = self._stacks.decode(errors="replace")
        outcome = Outcome.LOST
        error: Exception = TaskLostError(how)
        if self.ending is not None and self.ending.seq == item.seq:
            outcome, error = self.ending.outcome, self.ending.error(without_callers(stacks))
        elif self._child.crashed:
            add_stacks(error, without_callers(last_crash(stacks)))
        res = TaskRes.unfinished(item.task, item.shared, outcome, error, self.name)
        res.started = item.since
        res.duration = None if item.since is None else now - item.since
        return res
