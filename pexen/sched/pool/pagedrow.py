"""The rows that a worker process was handed, as the parent sees them.

A row takes one half of the worker's page from being handed in until the worker has left it, as
it says, or is sure to drop it, as its ticket was taken back. Meanwhile nothing else may use that
half: the worker may still be about to take a task of it.

A process that is forked from the parent, and goes on with its pool, takes nothing: the counts are
still the parent's.
"""

from __future__ import annotations

from collections.abc import Set
from typing import final

from .page import APART, HALVES, LONGEST, End, Page


@final
class PagedRow:
    """A row of items. `first` is the number of its first one; those that follow are numbered on.

    `size` is how many there are but for those that were taken back.
    """

    __slots__ = ("_ends", "_page", "_read", "_taken", "first", "half", "size")

    def __init__(self, page: Page, half: int, first: int, size: int) -> None:
        self._page = page
        self.half = half
        self.first = first
        self.size = size
        self._read = 0  # how many results were read from the page
        self._ends: list[End] = []  # of those, the ones that aren't taken
        self._taken = 0  # how many ends were taken
        release = page.rests[half].release
        for _ in range(size):
            release()

    def take_back(self) -> range:
        """Take back what hasn't begun; the numbers of these items, the last ones of the row."""
        acquire = self._page.rests[self.half].acquire
        end = self.first + self.size
        if self._page.is_ours():
            while acquire(False):
                self.size -= 1
        return range(self.first + self.size, end)

    @property
    def goes_on(self) -> bool:
        """Whether there are others after the next one whose end is to be taken."""
        return self._taken + 1 < self.size

    def take_ends(self) -> list[End]:
        """The ends that have been noted, up to one that is in a message."""
        acquire, begin = self._page.done[self.half].acquire, self._read
        if not self._page.is_ours():
            return []
        while self._read < self.size and acquire(False):
            self._read += 1
        if self._read > begin:
            self._ends += self._page.read(self.half, begin, self._read)
        ends = self._ends
        if APART in ends:
            count = ends.index(APART)
            ends, self._ends = ends[:count], ends[count:]
        else:
            self._ends = []
        self._taken += len(ends)
        return ends

    def take_apart(self) -> bool:
        """Take the end that is in a message; returns whether it is the next one."""
        if not self._ends or self._ends.pop(0) != APART:
            return False
        self._taken += 1
        return True


class PagedRows:
    """Those that are with a worker; without a page there are none."""

    def __init__(self, page: Page | None) -> None:
        self._page = page
        self._free = [*range(HALVES)] if page else []
        self._rows: dict[int, PagedRow] = {}  # by their first numbers, in the order of handing in

    @property
    def are_there(self) -> bool:
        """Whether there are any."""
        return bool(self._rows)

    def has(self, first: int) -> bool:
        """Whether the row with this first number is one of them."""
        return first in self._rows

    def open(self, first: int, size: int) -> PagedRow | None:
        """A row that is about to be handed in; None if there is no room for it."""
        if self._page is None or not self._free or size > LONGEST or not self._page.is_ours():
            return None
        row = self._rows[first] = PagedRow(self._page, self._free.pop(), first, size)
        return row

    def close(self, first: int) -> PagedRow | None:
        """The worker is through with that row, and takes nothing more of it."""
        row = self._rows.pop(first, None)
        if row is not None:
            self._free.append(row.half)
        return row

    def take_back(self, tickets: Set[int]) -> set[int]:
        """Take back what hasn't begun, when these tickets were; the numbers of these items."""
        back: set[int] = set()
        for row in list(self._rows.values()):
            back.update(row.take_back())
            if row.first in tickets:
                self.close(row.first)
        return back
