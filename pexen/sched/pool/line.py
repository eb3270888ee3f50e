"""A line of items between threads: some put, others take, and who finds none waits.

A deque, and a Wakeup. Unlike a SimpleQueue it can be looked at, and many items can be put at once:
an item put so, and taken, costs 0.03 µs, in place of 0.05; put by itself, 0.08. Every step is one
that other threads and signal handlers can't be in the midst of.

Who is about to wait notes so in `waiting` first, and then looks again. Who puts does that
first, and then wakes as many as are noted. So nobody waits while something is there; at
worst somebody is woken for nothing.

Who waits for many notes so in `_relaxed` first, and then looks whether those who put have
something to do. Who has put, and finds nothing more to do, wakes who is noted there.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection
from itertools import repeat, starmap
from typing import Generic, TypeVar

from .spinning import Spin
from .wakeup import Wakeup

T = TypeVar("T")


class Line(Generic[T]):
    """First in, first out. `items` may be looked at, and taken from, by anyone.

    Who puts very often may do by himself what `put` does.

    `wakeup` is its own; without one, nobody may wait.
    """

    def __init__(self, wakeup: Wakeup | None = None) -> None:
        self.items: deque[T] = deque()
        self.waiting: list[None] = []  # one for each that is about to wait, or does
        self._relaxed: list[None] = []  # the same for who waits for many
        self._wakeup = wakeup

    def put(self, item: T) -> None:
        """Put an item at the end."""
        self.items.append(item)
        if self.waiting:
            self.wake_one()

    def put_all(self, items: Collection[T]) -> None:
        """Put several items at the end, in their order."""
        self.items.extend(items)
        for _ in range(min(len(items), len(self.waiting))):
            self.wake_one()

    def wait(self, seconds: float | None = None, spin: Spin | None = None) -> None:
        """Return when there may be an item, or after `seconds`.

        With a limit only one thread may wait. Who has a `spin` may not go to sleep for it.
        """
        if spin is None:
            self._sleep(seconds)
        else:
            spin.wait(self._look, seconds)

    def _look(self, seconds: float | None) -> bool:
        if seconds != 0:
            self._sleep(seconds)
        return bool(self.items)

    def _sleep(self, seconds: float | None) -> None:
        assert self._wakeup is not None
        self.waiting.append(None)
        if self.items or not self._wakeup.wait(seconds) or seconds is not None:
            _unnote(self.waiting)  # also one that is left, if an old ring has ended the wait

    def wait_for_many(self, seconds: float, has_more: Callable[[], bool]) -> None:
        """Return after `seconds`, or when there won't be more for now.

        That is when one of those who put here has nothing more to do, and says `no_more`;
        `has_more` says whether they have. Meanwhile who puts need wake nobody. Only one thread
        may wait.
        """
        assert self._wakeup is not None
        self._relaxed.append(None)
        if has_more():
            self._wakeup.wait(seconds)
        _unnote(self._relaxed)  # as in `wait`

    def no_more(self) -> None:
        """Say that there won't be more for now."""
        if self._relaxed and _unnote(self._relaxed) and self._wakeup is not None:
            self._wakeup.ring()

    def take_all(self) -> list[T]:
        """Take out what is there now; waits for nothing."""
        taken: list[T] = []
        items = self.items
        try:
            taken.extend(starmap(items.popleft, repeat((), len(items))))
        except IndexError:  # another has taken the last one; what came before it is in the list
            pass
        return taken

    def wake_one(self) -> None:
        """Wake one of those that wait, if any still does."""
        if _unnote(self.waiting) and self._wakeup is not None:
            self._wakeup.ring()


def _unnote(notes: list[None]) -> bool:
    try:
        notes.pop()
    except IndexError:  # another has been quicker
        return False
    return True
