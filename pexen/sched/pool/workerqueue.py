"""What one worker process was handed, in the parent's books and on its way through the pipes.

`put` and its like write a submission, `send_tickets` lets the worker take up what was put. Of the
tickets the parent has both ends: it reads those that it wants back. The worker's side of this is
in `worker`.

Invariants:

Q1  In the queue are, in order, the items whose results haven't been read, and the rows that have
    such; for each, a submission was put into the outbox after those before it. `out` is how many
    tasks these are. A row there has some left.
Q2  Tickets in the pipe are of items and rows in the queue, in the queue's order, and are its tail,
    but for STOP, which comes after all. Only those of what was `put` and not yet sent are missing.
    Once the ticket of a row is gone, the row's own count says which of its tasks have begun.
"""

from __future__ import annotations

import contextlib
import os
import struct
from collections import deque
from collections.abc import Iterator, Sequence, Set
from itertools import islice

from ..common import Task
from .channel import Outbox
from .item import Item, Submitted
from .page import Page
from .pagedrow import Ends, PagedRow, PagedRows
from .pipes import NO_ENDS, ParentEnds
from .row import INDEX_IN, Submission
from .travel import STOP, encode_numbers, encode_row, encode_submission, stop_message
from .worker import TICKET

# Bytes; as many tickets as there may be. Both readers read whole tickets, of eight bytes.
_ALL_TICKETS = 4096

# What may be in a worker's queue. `seq`, `task`, `since`, `timeout` and, when the worker got it,
# `handed` are of the next task of it whose end is to come.
Queued = Item | PagedRow


class WorkerQueue:
    """The queue of a worker; before it is opened, and once it is closed, it has no pipes."""

    def __init__(self) -> None:
        self._queued: deque[Queued] = deque()
        self.out = 0  # tasks in the queue
        self.handed = 0  # tasks ever handed to the worker
        self.inherited = 0  # it knows the tasks with an index below this
        self._defined: set[int] = set()  # and these
        self._rows = PagedRows(None)  # those that are with it
        self._unsent: list[int] = []  # the numbers of what was put whose tickets aren't written
        self._ends = NO_ENDS
        self._outbox = Outbox(NO_ENDS.tasks)

    def open(self, ends: ParentEnds, page: Page | None) -> None:
        """From now on it has these pipes, and a page for rows or none."""
        self._ends = ends
        self._outbox = Outbox(ends.tasks)
        self._rows = PagedRows(page)

    def close(self) -> None:
        """The pipes are about to be closed."""
        self._ends = NO_ENDS
        self._outbox = Outbox(NO_ENDS.tasks)

    # -- what is in it --------------------------------------------------------------------

    def __bool__(self) -> bool:
        return bool(self._queued)

    def __iter__(self) -> Iterator[Queued]:
        return iter(self._queued)

    @property
    def first(self) -> Queued | None:
        """What the worker is at, or about to begin; None if the queue is empty."""
        return self._queued[0] if self._queued else None

    @property
    def row(self) -> PagedRow | None:
        """The same if it is a row, else None."""
        first = self.first
        return first if isinstance(first, PagedRow) else None

    @property
    def has_rows(self) -> bool:
        """Whether the worker may be at a row, or may still have to drop one."""
        return self._rows.are_there

    def tasks(self) -> list[Task]:
        """All that are in the queue, those in rows by themselves."""
        return [t for q in self for t in (q.tasks() if isinstance(q, PagedRow) else [q.task])]

    def items(self) -> list[Item]:
        """The same, as items."""
        return [i for q in self for i in (q.items() if isinstance(q, PagedRow) else [q])]

    # -- handing in -----------------------------------------------------------------------

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
        self._queued.append(item)
        self._unsent.append(item.seq)
        self._note_put(1)

    def put_plain(self, items: Sequence[Item], first: int) -> None:
        """The same for several, numbered from the first on, of which only numbers are sent."""
        seqs = range(first, first + len(items))
        self._outbox.put_alike(encode_numbers(seqs, [item.index for item in items]))
        self._queued.extend(items)
        self._unsent += seqs
        self._note_put(len(items))

    def put_row(self, first: int, submissions: list[Submission], bare: bool, now: float) -> bool:
        """The same for a row, of tasks that are `bare` or not (`encode_row`).

        Returns whether there is room for it: the worker has a page, and half of it is free.
        """
        row = self._rows.open(first, submissions)
        if row is None:
            return False
        row.handed = now
        indexes = [*map(INDEX_IN, submissions)]
        self._outbox.put(encode_row(first, row.half, bare, indexes))
        self._queued.append(row)
        self._unsent.append(first)
        self._note_put(row.left)
        return True

    def _note_put(self, count: int) -> None:
        self.out += count
        self.handed += count

    def send_tickets(self) -> None:
        """Let the worker take up what was put.

        The submissions are written after it: as a worker waits for these, it wakes up but once.
        """
        seqs, self._unsent = self._unsent, []
        self._write_tickets(seqs)

    def flush(self) -> bool:
        """Write what fits, and ring; returns whether all is written, else it is to be called again.
        """
        try:
            return self._outbox.flush()
        except BrokenPipeError:
            return True  # the worker's end will be noticed
        finally:
            if self._ends.bell >= 0:
                with contextlib.suppress(BlockingIOError):  # rung very often, and not heard yet
                    os.eventfd_write(self._ends.bell, 1)

    def put_stop(self) -> None:
        """Let the worker end when it is through with what is in the queue."""
        self._outbox.put(stop_message())
        self.flush()
        self._write_tickets([STOP])

    def _write_tickets(self, seqs: list[int]) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._ends.tickets_w, struct.pack(f"<{len(seqs)}Q", *seqs))

    # -- taking what has ended ------------------------------------------------------------

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
        first = self.first
        if first is None or first.seq != seq:
            return None
        if isinstance(first, Item):
            item: Item | None = first
            self._queued.popleft()
        elif (item := first.take_apart()) is not None:
            first.since = None
            self._drop_ended(first)
        self.out -= item is not None
        return item

    def take_items(self, seqs: list[int]) -> list[Task] | None:
        """The same for several that are in no row; None if these aren't the numbers of the next."""
        if seqs != [q.seq for q in islice(self._queued, len(seqs)) if isinstance(q, Item)]:
            return None
        take = self._queued.popleft
        self.out -= len(seqs)
        return [take().task for _ in seqs]

    def _drop_ended(self, row: PagedRow) -> None:
        """It may be that nothing is left of the row, which is the first."""
        if not row.left:
            self._queued.popleft()

    # -- taking back ----------------------------------------------------------------------

    def take_back(self) -> list[Submitted]:
        """Remove and return, in order, what the worker hasn't begun.

        That is what has its ticket still there, or wasn't taken out of its row.
        """
        tickets: set[int] = set()
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._ends.tickets_r, _ALL_TICKETS):
                tickets.update(ticket for (ticket,) in TICKET.iter_unpack(data))
        if STOP in tickets:
            self._write_tickets([STOP])
        back = self._remove(tickets, [q for q in self if isinstance(q, PagedRow)])
        for ticket in tickets:
            self._rows.close(ticket)
        return back

    def take_left(self, seq: int) -> bool:
        """The worker is through with the row of that ticket; returns whether there is such a row."""
        return self._rows.close(seq) is not None

    def has_ticket(self, seq: int) -> bool:
        """Whether the worker may have the ticket of that number, of the next item or of a row."""
        first = self.first
        return self._rows.has(seq) or first is not None and first.seq == seq

    def take_returned(self, seq: int) -> list[Submitted]:
        """Remove and return what is of a ticket that the worker has returned: it drops that."""
        row = self._rows.close(seq)
        return self._remove({seq}, [] if row is None else [row])

    def _remove(self, tickets: Set[int], rows: Sequence[PagedRow]) -> list[Submitted]:
        """Remove and return the items with these tickets, and what hasn't begun of these rows."""
        back: list[Submitted] = []
        kept: list[Queued] = []
        for queued in self:
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
            self._queued.clear()
            self._queued.extend(kept)
        self.out -= len(back)
        self.handed -= len(back)
        return back

    def give_again(self, items: Sequence[Item]) -> None:
        """Undo taking back items, in their order, before others are put; it has the submissions."""
        self._queued.extend(items)
        self._note_put(len(items))
        self._write_tickets([item.seq for item in items])
