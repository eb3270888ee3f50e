"""One worker process, as the parent sees it: its pipes, what it was handed, its end.

`outbox` writes submissions, `inbox` reads results, and of the tickets the parent has both
ends: it writes one for each submission, and reads those it wants back. The worker's side of
this is in `worker`, the pipes are in `pipes`.

Why this file is large: what was handed to a worker, its pipes and its end change together.

Invariants:

H1  `queue` has, in order, the items whose results haven't been read, and the rows that have such;
    for each, a submission was put into the outbox after those before it. `out` is how many tasks
    these are. A row there has some left.
H2  Tickets in the pipe are of items and rows in the queue, in the queue's order, and are its tail.
    Only those of what was `put` and not yet sent are missing. Once the ticket of a row is gone, the
    row's own count says which of its tasks have begun.
H3  `retiring`: it was told to end, with nothing in the queue, or nothing that isn't settled.
H4  `dead` is only so while `ending` sees to others of the group.
"""

from __future__ import annotations

import contextlib
import os
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence, Set
from itertools import islice
from multiprocessing.context import BaseContext

from ..common import Outcome, Shared, Task, TaskLostError, TaskRes
from . import descriptors
from .base import out_of_time
from .channel import Inbox, Outbox
from .child import Child
from .ending import Ending
from .item import Item, Submitted
from .leftovers import leftovers
from .page import make_page
from .pagedrow import Ends, PagedRow, PagedRows
from .pipes import NO_ENDS, close_ends, open_pipes
from .stacks import add_stacks, last_crash, without_callers
from .travel import (
    STOP,
    Registry,
    encode_numbers,
    encode_row,
    encode_submission,
    stop_message,
)
from .worker import TICKET, worker_main

# Seconds after which workers told to end are killed: they may wait for what a task has left.
STOP_GRACE = 5.0

# Seconds after which a worker is taken to be stuck that has got a task, and doesn't take it up.
_STUCK_SECONDS = 5.0

# Shorter timeouts count as so many seconds, as one has to be able to begin in the time.
_LEAST_SECONDS = 0.001

# Bytes; as many tickets as there may be. Both readers read whole tickets, of eight bytes.
_ALL_TICKETS = 4096

# How much of what faulthandler wrote is kept, in bytes.
_MAX_STACKS = 1 << 18


# What may be in a worker's queue. `seq`, `task`, `since`, `timeout` and, when the worker got it,
# `handed` are of the next task of it whose end is to come.
Queued = Item | PagedRow


class WorkerProcess:
    """A worker process; made by the pool, and only used with the pool's lock held."""

    def __init__(self, number: int, context: BaseContext) -> None:
        self.number = number
        self.name = f"process-{number}"
        self.queue: deque[Queued] = deque()
        self.out = 0  # tasks in the queue
        self.ready = False  # it has said that it is initialised
        self.retiring = False  # it gets nothing more, and ends when its queue is empty
        self.dead = False  # it has ended, and others of its group have time to end
        self.handed = 0  # tasks ever handed to it
        self.has_begun = False  # one of them
        self.served: float | None = None  # when its last task ended, as it reported that
        self.inherited = 0  # it knows the tasks with an index below this
        self._defined: set[int] = set()  # and these
        self.stuffed = False  # its pipe takes no more for now, and the selector watches for that
        self._unsent: list[int] = []  # the numbers of what was put whose tickets aren't written
        self.rows = PagedRows(None)  # those that are with it
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
        self.rows = PagedRows(page)
        self.ends, theirs = open_pipes()
        self._outbox = Outbox(self.ends.tasks)
        self.inbox = Inbox(self.ends.results)
        try:
            with descriptors.handed_over(end.fileno() for end in theirs if end is not None):
                beside_threads = len(sys._current_frames()) > 1
                args = theirs, registry, initializer, page, beside_threads
                self._child.start(worker_main, args)
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
            self._outbox.put(stop_message())
            self.flush()
            self._write_tickets([STOP])

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
        ends, self.ends = self.ends, NO_ENDS
        descriptors.close(fd for fd in ends if fd >= 0)

    @property
    def end_fd(self) -> int:
        """Readable when the process has ended."""
        return self._child.end_fd

    # -- time ---------------------------------------------------------------------------

    def next_moment(self) -> float | None:
        """When a task is out of time, or the next step of an end is due; None for never."""
        if self.ending is not None:
            return self.ending.next_moment
        if self.retiring:
            return self._stop_by
        first = self.queue[0] if self.queue else None
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
        item = self.queue[0]
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
        return self.flush() and now - item.handed > _STUCK_SECONDS

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

    # -- work -----------------------------------------------------------------------------

    def knows(self, index: int) -> bool:
        """Whether the task needn't be sent along."""
        return index < self.inherited or index in self._defined

    def put(self, item: Item, definition: bytes | None) -> None:
        """Put an item at the end of the queue; AttributeError if it can't be pickled.

        `send_tickets` and `Crew.write` have to follow, for any number of items.
        """
        message, buffers = encode_submission(item.seq, item.index, definition, item.shared)
        if definition is not None:
            self._defined.add(item.index)
        self._outbox.put(message, buffers)
        self.queue.append(item)
        self._unsent.append(item.seq)
        self._note_put(1)

    def put_plain(self, items: Sequence[Item], first: int) -> None:
        """The same for several, numbered from the first on, of which only numbers are sent."""
        seqs = range(first, first + len(items))
        self._outbox.put_alike(encode_numbers(seqs, [item.index for item in items]))
        self.queue.extend(items)
        self._unsent += seqs
        self._note_put(len(items))

    def put_row(self, row: PagedRow, bare: bool) -> None:
        """The same for a row, of tasks that are `bare` or not (`encode_row`)."""
        self._outbox.put(encode_row(row.first, row.half, bare, row.indexes))
        self.queue.append(row)
        self._unsent.append(row.first)
        self._note_put(row.left)

    def _note_put(self, count: int) -> None:
        self.out += count
        self.handed += count

    @property
    def row(self) -> PagedRow | None:
        """The row that it is at, or about to begin; None if that is an item."""
        first = self.queue[0] if self.queue else None
        return first if isinstance(first, PagedRow) else None

    @property
    def in_row(self) -> bool:
        """Whether nobody will say that what it is at has ended, as more of a row comes after it."""
        return self.ready and (row := self.row) is not None and row.left > 1

    def tasks(self) -> list[Task]:
        """All that are in the queue, those in rows by themselves."""
        queue = self.queue
        return [t for q in queue for t in (q.tasks() if isinstance(q, PagedRow) else [q.task])]

    def items(self) -> list[Item]:
        """The same, as items."""
        queue = self.queue
        return [i for q in queue for i in (q.items() if isinstance(q, PagedRow) else [q])]

    def take_ends(self, row: PagedRow) -> Ends:
        """Remove from the row, which is the first, the tasks that ended, and return their ends."""
        ends = row.take_ends()
        if ends[0]:
            self.out -= len(ends[0])
            row.since = None  # the next one begins
        self._drop_ended(row)
        return ends

    def take_ended(self, seq: int) -> Item | None:
        """Remove and return the next one, whose end is in a message; None if that isn't its number.
        """
        if not self.queue or self.queue[0].seq != seq:
            return None
        first = self.queue[0]
        if isinstance(first, Item):
            item: Item | None = first
            self.queue.popleft()
        elif (item := first.take_apart()) is not None:
            first.since = None
            self._drop_ended(first)
        self.out -= item is not None
        return item

    def take_items(self, seqs: list[int]) -> list[Task] | None:
        """The same for several that are in no row; None if these aren't the numbers of the next."""
        if seqs != [q.seq for q in islice(self.queue, len(seqs)) if isinstance(q, Item)]:
            return None
        take = self.queue.popleft
        self.out -= len(seqs)
        return [take().task for _ in seqs]

    def _drop_ended(self, row: PagedRow) -> None:
        """It may be that nothing is left of the row, which is the first."""
        if not row.left:
            self.queue.popleft()

    def send_tickets(self) -> None:
        """Let the worker take up what was put.

        The submissions are written after it: as a worker waits for these, it wakes up but once.
        """
        seqs, self._unsent = self._unsent, []
        self._write_tickets(seqs)

    def flush(self) -> bool:
        """Write what fits, and ring; returns whether all is written."""
        try:
            return self._outbox.flush()
        except BrokenPipeError:
            return True  # its end will be noticed
        finally:
            if self.ends.bell >= 0:
                with contextlib.suppress(BlockingIOError):  # rung very often, and not heard yet
                    os.eventfd_write(self.ends.bell, 1)

    def take_back(self) -> list[Submitted]:
        """Remove and return, in order, what it hasn't begun.

        That is what has its ticket still there, or wasn't taken out of its row.
        """
        tickets: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.ends.tickets_r, _ALL_TICKETS):
                tickets.update(ticket for (ticket,) in TICKET.iter_unpack(data))
        if STOP in tickets:
            self._write_tickets([STOP])
        back = self._remove(tickets, [q for q in self.queue if isinstance(q, PagedRow)])
        for ticket in tickets:
            self.rows.close(ticket)
        return back

    def has_ticket(self, seq: int) -> bool:
        """Whether it may have the ticket of that number, of the next item or of a row."""
        return self.rows.has(seq) or bool(self.queue) and self.queue[0].seq == seq

    def take_returned(self, seq: int) -> list[Submitted]:
        """Remove and return what is of a ticket that the worker has returned: it drops that."""
        row = self.rows.close(seq)
        return self._remove({seq}, [] if row is None else [row])

    def _remove(self, tickets: Set[int], rows: Sequence[PagedRow]) -> list[Submitted]:
        """Remove and return the items with these tickets, and what hasn't begun of these rows."""
        back: list[Submitted] = []
        kept: list[Queued] = []
        for queued in self.queue:
            if isinstance(queued, PagedRow):
                if queued in rows:
                    back += queued.take_back()
                if queued.left:
                    kept.append(queued)
            elif queued.seq in tickets:
                back.append(queued)
                self._defined.discard(queued.index)  # it drops the message, and what is in it
            else:
                kept.append(queued)
        if back:
            self.queue.clear()
            self.queue.extend(kept)
        self.out -= len(back)
        self.handed -= len(back)
        return back

    def give_again(self, items: Sequence[Item]) -> None:
        """Undo taking back items, in their order, before others are put; it has the submissions."""
        self.queue.extend(items)
        self._note_put(len(items))
        self._write_tickets([item.seq for item in items])

    def _write_tickets(self, seqs: list[int]) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self.ends.tickets_w, struct.pack(f"<{len(seqs)}Q", *seqs))
