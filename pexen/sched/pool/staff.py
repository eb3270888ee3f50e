"""Who works in a pool of processes: starting workers, replacing them, and giving that up.

Kept apart from what they work at, of which this knows only whether a worker's queue is empty.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Callable

from ..common import PoolError
from .crew import Crew
from .handle import WorkerProcess
from .restarts import Restarts
from .roster import Roster

_log = logging.getLogger("pexen")


class Staff:
    """The workers of a pool, and what each has to know. Used with the pool's lock held.

    `tasks_per_worker`: how many tasks a worker runs before a fresh one replaces it, None for no
    limit. `take_rows`: whether workers may be handed rows, if they can take any.
    """

    def __init__(
        self,
        start_method: str,
        initializer: Callable[[], object] | None,
        tasks_per_worker: int | None,
        take_rows: bool,
    ) -> None:
        # Configuration.
        self._have_pages = take_rows and start_method == "fork"  # which are inherited
        self._tasks_per_worker = tasks_per_worker
        # State.
        self.roster = Roster(forks=start_method == "fork")
        self.crew = Crew(multiprocessing.get_context(start_method), initializer)
        self.broken: PoolError | None = None  # why the pool can't go on
        self._restarts = Restarts()

    def start(self, wanted: int) -> None:
        """Start workers; PoolError if there can be none, and whatever else comes of it."""
        self.broken = None
        self._restarts = Restarts()
        self.roster.start()
        try:
            self.crew.open()
            for _ in range(wanted):
                self._add()
        except OSError as exc:
            if not self.crew.workers:
                raise PoolError(f"no worker process can be started: {exc}") from exc
            self._note_refused(exc)

    def _add(self) -> None:
        self.crew.add(self.roster.registry(), len(self.roster), self._have_pages)

    def fill(self, wanted: int) -> None:
        """Bring the number of workers up to that, as soon as may be."""
        while self.lacks(wanted) and self._restarts.allowed(time.monotonic()):
            try:
                self._add()
            except OSError as exc:
                self._note_refused(exc)

    def lacks(self, wanted: int) -> bool:
        """Whether more are to be started."""
        staying = [worker for worker in self.crew.workers.values() if not worker.retiring]
        return len(staying) < wanted and self.broken is None

    def next_start(self, wanted: int) -> float | None:
        """When on the clock one that is lacking may be started; None for at once, or never."""
        return self._restarts.next_moment if self.lacks(wanted) else None

    def release(self, worker: WorkerProcess) -> None:
        """Tell a worker to end if it is idle, and worn or lacks tasks only a fork can bring."""
        if not worker.queue and (self._is_worn(worker) or self._is_stale(worker)):
            worker.stop()

    def room(self, worker: WorkerProcess, depth: int) -> int:
        """How many more tasks the worker may be handed, if it may have `depth`."""
        if worker.retiring or worker.ending is not None or self._is_stale(worker):
            return 0
        room = depth - worker.queue.out
        if self._tasks_per_worker is not None:
            room = min(room, self._tasks_per_worker - worker.queue.handed)
        return max(0, room)

    def _is_worn(self, worker: WorkerProcess) -> bool:
        return self._tasks_per_worker is not None and worker.queue.handed >= self._tasks_per_worker

    def _is_stale(self, worker: WorkerProcess) -> bool:
        return self.roster.is_stale(worker.queue.inherited)

    def note_worked(self) -> None:
        """A result has come."""
        self._restarts.worked()

    def note_dead(self, worker: WorkerProcess, how: str) -> None:
        """A worker has died, and was not told to end."""
        if not worker.has_begun:
            when = "before they have done anything" if worker.ready else "before they are ready"
            self._note_in_vain(f"workers die {when}; the last one, {how}")

    def _note_refused(self, exc: OSError) -> None:
        """The system refuses to start a worker: go on with those there are, if any."""
        if not self._restarts.in_vain:
            _log.warning("a worker process could not be started, going on with fewer: %s", str(exc))
        self._note_in_vain(f"no worker process can be started: {exc}", exc)

    def _note_in_vain(self, why: str, cause: BaseException | None = None) -> None:
        """A worker was started for nothing. Give up if that goes on, and there is no other."""
        self._restarts.failed(time.monotonic())
        if self._restarts.exhausted() and not self.crew.workers and self.broken is None:
            self.broken = PoolError(why)
            self.broken.__cause__ = cause
