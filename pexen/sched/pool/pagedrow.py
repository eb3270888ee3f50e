"""The rows that a worker process was handed, as the parent sees them.

A row takes one half of the worker's page from being handed in until the worker has left it, as
it says, or is sure to drop it, as its ticket was taken back. Meanwhile nothing else may use that
half: the worker may still be about to take a task of it.

A process that is forked from the parent, and goes on with its pool, takes nothing: the counts are
still the parent's.
"""

from __future__ import annotations

from collections import deque
from itertools import repeat, starmap, takewhile
from typing import final

from ..common import Task
from .item import Item
from .page import APART, HALVES, LONGEST, Page
from .row import TASK_IN, Submission

# Tasks that have ended, when each started, and for how long it ran.
Ends = tuple[list[Task], list[float], list[float]]


@final
class PagedRow:
    """Tasks that were handed in as a row, as they were submitted.

    `first` is the number of the first one, those that follow are numbered on.

    Of the next one whose end is to be taken, `seq` is the number and `since` when it began, as far
    as that was noted.
    """

    __slots__ = (
        "_noted", "_page", "_submissions", "_taken", "first", "half", "handed", "since",
    )  # fmt: skip

    timeout = None  # which no task in a row has

    def __init__(
        self, page: Page, half: int, first: int, submissions: list[Submission]
    ) -> None:
        self._page = page
        self.half = half
        self.first = first
        self._submissions = submissions
        self.handed = 0.0  # when the worker got it
        self.since: float | None = None
        self._noted: list[bool] = []  # one for each result that was seen in the page
        self._taken = 0  # of those, how many were taken: the first ones
        deque(starmap(page.rests[half].release, repeat((), len(submissions))), maxlen=0)

    @property
    def seq(self) -> int:
        return self.first + self._taken

    @property
    def task(self) -> Task:
        """The one that `seq` is of."""
        return self._submissions[self._taken][0]

    @property
    def left(self) -> int:
        """Of how many the ends are still to be taken."""
        return len(self._submissions) - self._taken

    def take_back(self) -> list[Submission]:
        """Take back what hasn't begun, the last ones of the row."""
        acquire, count = self._page.rests[self.half].acquire, 0
        if self._page.is_ours():
            while acquire(False):
                count += 1
        kept = len(self._submissions) - count
        back = self._submissions[kept:]
        del self._submissions[kept:]
        return back

    def take_ends(self) -> Ends:
        """The tasks whose ends have been noted, up to one that is in a message, and their times."""
        begin, end = self._taken, self._count()
        if begin == end or self._page.is_apart(self.half, begin):
            return [], [], []
        starts, durations = self._page.read(self.half, begin, end)
        if APART in durations:
            count = durations.index(APART)
            del starts[count:], durations[count:]
        self._taken = end = begin + len(durations)
        return [*map(TASK_IN, self._submissions[begin:end])], starts, durations

    def _count(self) -> int:
        """How many results are in the page by now."""
        if self._page.is_ours():
            tries = repeat(False, len(self._submissions) - len(self._noted))
            # Whoever interrupts comes before all of it or after it.
            self._noted.extend(takewhile(bool, map(self._page.done[self.half].acquire, tries)))
        return len(self._noted)

    def take_apart(self) -> Item | None:
        """Take the end that is in a message; returns whose it is, None if it isn't the next one."""
        place = self._taken
        if place == self._count() or not self._page.is_apart(self.half, place):
            return None
        self._taken += 1
        return self._item(place)

    def tasks(self) -> list[Task]:
        """Those whose ends are still to be taken."""
        return [submission[0] for submission in self._submissions[self._taken :]]

    def items(self) -> list[Item]:
        """The same, as items."""
        items = [*map(self._item, range(self._taken, len(self._submissions)))]
        for item in items[:1]:
            item.since = self.since
        return items

    def _item(self, place: int) -> Item:
        return Item(self.first + place, self._submissions[place], None)


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

    def open(self, first: int, submissions: list[Submission]) -> PagedRow | None:
        """A row that is about to be handed in; None if there is no room for it."""
        if self._page is None or not self._free or len(submissions) > LONGEST:
            return None
        if not self._page.is_ours():
            return None
        row = PagedRow(self._page, self._free.pop(), first, submissions)
        self._rows[first] = row
        return row

    def close(self, first: int) -> PagedRow | None:
        """The worker is through with that row, and takes nothing more of it."""
        row = self._rows.pop(first, None)
        if row is not None:
            self._free.append(row.half)
        return row
