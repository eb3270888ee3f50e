"""Memory that a worker process shares with its parent, for rows of very short tasks.

Through pipes a task costs its worker three calls of the system: one for its ticket, one for its
result, and one to see that the pipe for results is still its own. In a row only the last is needed,
as whose a task is, and whether its result is there, is counted by semaphores.

A row is a submission with a ticket, as any other. Once its ticket is gone, each of its tasks is
taken by itself: by the worker, which begins with the first, or by the parent, which takes back from
the end. The kernel isn't asked for that, and yet each task is taken by only one of them, whatever
the other does or wherever it is killed. And what was written before a semaphore is released is
there for who acquires it (POSIX, memory synchronization), so that a result is whole where it is
counted.
"""

from __future__ import annotations

import array
import contextlib
import mmap
import os
import struct
from multiprocessing.context import BaseContext

with contextlib.suppress(ImportError):  # not every system has semaphores
    # The first semaphore would import it, while somebody waits for the pool to start.
    import multiprocessing.synchronize

# How many tasks a row may have; more than are ever with a worker.
LONGEST = 512

# How many rows may be with a worker: the one that it is at, and the next.
HALVES = 2

# Of a task that is ok and left nothing: when it started, and for how long it ran.
_SLOT = struct.Struct("=dd")
_pack = _SLOT.pack_into

# In place of how long, for a task of which more is to be said: a message does, which comes after.
APART = -1.0


class Page:
    """The memory, in halves of a row each, and what is counted in each half.

    `rests`
        the tasks of the row that nobody has taken. The parent releases as many as the row has,
        before it hands it in, and acquires what it takes back; the worker acquires each before it
        runs it.
    `done`
        the results that the worker has noted and the parent hasn't read. Of each half apart, as
        a row that was handed in may not be run, and the next one is.
    """

    def __init__(self, context: BaseContext) -> None:
        self.rests = [context.Semaphore(0) for _ in range(HALVES)]
        self.done = [context.Semaphore(0) for _ in range(HALVES)]
        self._owner = os.getpid()
        self._memory = mmap.mmap(-1, HALVES * LONGEST * _SLOT.size)

    def is_ours(self) -> bool:
        """Whether this process made the page, and isn't one that was forked from it."""
        return self._owner == os.getpid()

    def note(self, half: int, place: int, started: float, duration: float) -> None:
        """Note the result of a task of a row."""
        _pack(self._memory, (half * LONGEST + place) * _SLOT.size, started, duration)
        self.done[half].release()

    def note_apart(self, half: int, place: int) -> None:
        """Note that the result of a task of a row is in a message, which is still to be written."""
        self.note(half, place, 0.0, APART)

    def is_apart(self, half: int, place: int) -> bool:
        """Whether the result that is noted in this place is in a message."""
        duration: float = _SLOT.unpack_from(self._memory, (half * LONGEST + place) * _SLOT.size)[1]
        return duration == APART

    def read(self, half: int, begin: int, end: int) -> tuple[list[float], list[float]]:
        """What was noted of a row, in these places: when each started, and for how long it ran."""
        start, size = half * LONGEST, _SLOT.size
        noted = array.array("d", self._memory[(start + begin) * size : (start + end) * size])
        return noted[::2].tolist(), noted[1::2].tolist()


def make_page(context: BaseContext) -> Page | None:
    """A page, or None where the system has no semaphores, or none left."""
    try:
        return Page(context)
    except (OSError, ImportError):
        return None
