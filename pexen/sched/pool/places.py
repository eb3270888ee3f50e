"""The places of a foreign executor, and what is known of the tasks in them.

Executors differ in what their futures tell. Those of the standard library turn to running
before a task begins, and can't be cancelled from then on; so one that could be cancelled
has not begun. Others, as Dask's, are pending until they are done, and can be cancelled while
the task runs, which goes on. Hence the futures of other executors only count as telling once
one of them was seen running. Until then a task is taken to begin when it is handed in, it can't
be taken back, and no more are handed in than can run.
"""

from __future__ import annotations

import concurrent.futures
import logging
from collections.abc import Callable
from typing import Any

from ..common import task_name
from .submission import Item

_log = logging.getLogger("pexen")


class Places:
    """What an executor was given and hasn't given back. Used with the pool's lock held."""

    def __init__(self, executor: Any, workers: int, spare: int) -> None:
        # Configuration.
        known = places_of(executor)
        self.total = workers if known is None else max(workers, known)
        self._workers = workers
        # An executor that has more places would run at once what is handed in ahead.
        self._spare = spare if known is not None and known <= workers else 0
        # State.
        self.out: dict[int, Item] = {}  # by number, in the order of handing in
        self.held: list[Item] = []  # abandoned; each keeps its place until it is done
        self._tells = _is_standard(executor)

    def free(self) -> int:
        """How many places no abandoned task holds."""
        self.held = [item for item in self.held if not item.is_done()]
        return max(0, self.total - len(self.held))

    def have_room(self) -> bool:
        """Whether another task can be handed in."""
        free = self.free()
        ahead = self._spare if free and self._tells else 0
        return len(self.out) < min(self._workers, free) + ahead

    def oldest(self) -> list[Item]:
        """Those that run, if the executor takes up what it gets in order."""
        return list(self.out.values())[: min(self._workers, self.free())]

    def look(self, note_begin: Callable[[Item, float], None], now: float) -> None:
        """Find out what has begun since the last time."""
        for item in self.oldest():
            if item.since is not None or item.future is None:
                continue
            if item.parcel.since is not None:
                note_begin(item, item.parcel.since)
            elif item.is_running():
                self._tells = True
                note_begin(item, now)
            elif not self._tells:
                note_begin(item, item.handed)

    def retract(self, item: Item) -> bool:
        """Keep a task from beginning; returns whether it certainly hasn't and won't."""
        # Somebody else's `cancel` may be one that ends what runs.
        cancel = getattr(type(item.future), "cancel", None)
        if not self._tells or cancel is not concurrent.futures.Future.cancel:
            return False
        try:
            return bool(item.future.cancel())
        except Exception:  # a future of whatever kind; then the task may begin
            return False

    def hold(self, item: Item) -> None:
        """Wait no longer for a task that may be running."""
        self.held.append(item)
        _log.warning("task %r may still run, in the executor", task_name(item.parcel.task))


def places_of(executor: Any) -> int | None:
    """How many tasks an executor runs at a time, None if it doesn't say."""
    said = getattr(executor, "_max_workers", None)
    known = isinstance(said, int) and not isinstance(said, bool) and said > 0
    return said if known else None


def _is_standard(executor: Any) -> bool:
    futures = concurrent.futures
    return isinstance(executor, (futures.ThreadPoolExecutor, futures.ProcessPoolExecutor))
