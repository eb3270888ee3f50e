"""The contract of a pool: tasks go in by `submit`, results come out.

A pool knows nothing of dependencies, locks or priorities. It is used either alone
(`register`, `start`, `submit`, `iter_results`, `shutdown`) or by the scheduler,
which besides calls the methods headed "the seam". All of them belong to the thread that
uses the pool, but for `wake`, which may be called from any thread or signal handler,
and `submit`, which may be called from one thread while another iterates.

Why this file is large: the contract stands in one place.

States: NEW (not started yet) -> RUNNING -> CLOSING (shut down, results may be due) ->
ENDED (no worker left), and from there RUNNING again.
"""

from __future__ import annotations

import abc
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from ..common import PoolError, Shared, Task, TaskRes
from ..meta import meta_of
from .checks import check_count
from .row import Row, Submission
from .spare import Spare

# A signal that comes just before the main thread begins to wait doesn't interrupt the wait,
# and its handler runs only after it. So no thread waits longer than this at once.
LONGEST_SECONDS = 0.5

# Why a task that was killed is lost.
ABORTED = "ended, as the run was aborted"

NEW, RUNNING, CLOSING, ENDED = "new", "running", "closing", "ended"


class Running(NamedTuple):
    """What a worker is at: the task, the worker's name, since when on the pool's clock."""

    task: Task
    worker: str
    since: float


class WorkerPool(abc.ABC):
    """What all pools share: the life cycle, and counting what is out.

    `workers` tasks run at a time; `spare` more may be handed in ahead, so that no worker
    waits while its caller is busy with a result. None: as many as suits how long tasks take.
    """

    def __init__(self, workers: int = 1, spare: int | None = None) -> None:
        check_count("workers", workers, 1)
        if spare is not None:
            check_count("spare", spare, 0)
        # Configuration.
        self.workers = workers
        self.spare = spare
        # Called with (task, time) when an attempt begins, in the using thread; or None.
        self.on_begin: Callable[[Task, float], None] | None = None
        # Seconds that a task may run whose metadata doesn't say; None: for ever. It belongs to
        # the run, which sets it and resets it.
        self.timeout: float | None = None
        # State.
        self._state = NEW
        self._spare = Spare(workers, spare)
        self.due = 0  # how many are submitted whose results are not fetched yet
        self._ready: deque[TaskRes] = deque()  # results here, not fetched yet
        self._beginnings: deque[tuple[Task, float]] = deque()  # on_begin isn't told of them yet

    # -- for everyone ---------------------------------------------------------------

    def register(self, tasks: Iterable[Task]) -> None:
        """Announce the tasks that may be submitted; not needed by every pool."""

    def start(self) -> None:
        """Start the workers; PoolError if they run already."""
        if self.alive():
            raise PoolError("Cannot re-start a running pool")
        self.due = 0
        self._spare = Spare(self.workers, self.spare)
        self._ready.clear()
        self._beginnings.clear()
        self._start()
        self._state = RUNNING

    def submit(self, task: Task, shared: Shared | None = None) -> None:
        """Hand in a task with its shared dict; takes more than fit, too.

        PoolError if the pool isn't running, or (processes) doesn't know the task.
        """
        self._expect_running()
        self.due += 1  # first, as the result may be fetched at once by another thread
        try:
            self._submit(task, {} if shared is None else shared)
        except BaseException:
            self.due -= 1
            raise

    def iter_results(self) -> Iterator[TaskRes]:
        """Yield results as they come; ends when the pool was shut down and all is delivered.

        Before that, it waits for more to be submitted (by another thread, or between
        two calls of next()).
        """
        while True:
            if self._ready:
                self.due -= 1
                yield self._ready.popleft()
            elif self._state in (RUNNING, CLOSING) and (self.due or self._state == RUNNING):
                self._ready.extend(self._collect(None))
            else:
                self._end()
                return

    def shutdown(self, wait: bool = False) -> None:
        """Take no more; with `wait`, return when all submitted tasks have ended.

        Results are still to be had from iter_results(). Nothing happens to a pool that was
        never started.
        """
        if self._state == NEW:
            return
        if self._state != RUNNING:
            raise PoolError("The pool is already shutting down")
        self._state = CLOSING
        self._close()
        if wait:
            self.finish()
        else:
            self.wake()

    def finish(self) -> None:
        """Wait for the end of a pool that was shut down; its results stay to be fetched."""
        while self._state == CLOSING and self.due > len(self._ready):
            self._ready.extend(self._collect(None))
        self._end()

    def full(self) -> bool:
        """Whether all workers are busy and as many tasks as allowed are handed ahead."""
        return self.due >= self.workers + self._spare.depth

    def accepting(self) -> bool:
        """Whether tasks can be submitted."""
        return self._state == RUNNING

    def empty(self) -> bool:
        """Whether nothing submitted is still to be fetched as a result."""
        return self.due == 0

    def idlecnt(self) -> int:
        """How many more tasks can be submitted before the pool is full; may be negative."""
        return self.workers + self._spare.depth - self.due

    def alive(self) -> bool:
        """Whether there are workers."""
        return self._state in (RUNNING, CLOSING)

    # -- the seam -------------------------------------------------------------------

    # Seconds now, on the clock that results and `running` are in. Without a call in between, as
    # it is looked at for each result.
    clock = staticmethod(time.monotonic)

    def room(self) -> int:
        """How many more tasks the pool would like to have now; 0 while enough are ahead."""
        out = self.due - self._behind()
        enough = out >= self.workers + self._spare.low
        return 0 if enough else self.workers + self._spare.depth - out

    def marks(self) -> tuple[int, int]:
        """How few tasks may be out before it wants more: be it one, or only many, or later."""
        low = self.workers + self._spare.low - 1
        few = -1 if self._spare.in_bulk else self.workers  # never one that is very short
        return few if self._spare.adapts else low, low

    def longest_row(self) -> int:
        """How many tasks may be handed in as one Row now; 1 if none may."""
        return 1

    def submit_all(self, batch: Sequence[Submission]) -> None:
        """Submit several tasks in this order.

        Raises as `submit` does; those before the one that raises are submitted.
        """
        for task, shared, *_ in batch:
            self.submit(task, shared)

    def submit_rows(self, batch: Sequence[Submission | Row]) -> None:
        """Submit several tasks, and rows of them, in this order; only where rows are taken."""
        raise NotImplementedError(f"{type(self).__name__} takes no rows")

    def results(self, timeout: float | None = None) -> Sequence[TaskRes]:
        """Results that are there, waiting for one; none after `timeout` seconds or `wake`.

        The sequence may make a result anew each time that it is asked for.
        """
        got: Sequence[TaskRes] = [] if self._ready else self._collect(timeout)
        if self._ready:
            got = [*self._ready, *got]
            self._ready.clear()
        if not got:
            return []
        self.due -= len(got)
        self._spare.note(got)
        return got

    def admit(self, tasks: Iterable[Task]) -> None:
        """Let tasks be submitted that came about while the pool runs; PoolError if impossible."""

    def withdraw(self) -> list[Task]:
        """Take back what has certainly not begun; it counts as never submitted."""
        back = self._withdraw()
        self.due -= len(back)
        if back:
            self._spare.note_taken_back()
        return back

    def withdraw_rest(self, row: Row) -> list[Task]:
        """Take back what has not begun of a row."""
        back = row.take_rest()
        self.due -= len(back)
        return back

    def terminate(self) -> None:
        """End all workers at once, whatever they do; results are dropped.

        Doesn't wait where waiting could take long.
        """
        if self.alive():
            self._state = CLOSING
            self._terminate()
            self._ready.clear()
            self.due = 0
            self._state = ENDED

    def _expect_running(self) -> None:
        if self._state == NEW:
            raise PoolError("The pool is not running")
        if self._state != RUNNING:
            raise PoolError("The pool is shutting down")

    def _behind(self) -> int:
        """How many are behind another one in a row: they keep no worker of their own busy."""
        return 0

    def _timeout_of(self, task: Task) -> float | None:
        """Seconds that the task may run, None for ever."""
        own = meta_of(task).timeout
        return self.timeout if own is None else own

    def _tell_beginnings(self) -> None:
        """Call on_begin. No lock is held, as who is told may want to look at the pool."""
        while self._beginnings:
            task, since = self._beginnings.popleft()
            if self.on_begin is not None:
                self.on_begin(task, since)

    def _until(self, moments: Iterable[float | None]) -> float:
        """Seconds to wait for the first of some moments on the clock; then look again."""
        waits = [moment for moment in moments if moment is not None]
        if not waits:
            return LONGEST_SECONDS
        return max(0.0, min(LONGEST_SECONDS, min(waits) - self.clock()))

    def _end(self) -> None:
        if self._state == CLOSING:
            self._join()
            self._state = ENDED

    @abc.abstractmethod
    def wake(self) -> None:
        """Let `results` return early."""

    @abc.abstractmethod
    def running(self) -> list[Running]:
        """What each busy worker is at; callable from any thread."""

    @abc.abstractmethod
    def ahead(self) -> list[Task]:
        """Tasks that were submitted and probably have not begun."""

    @abc.abstractmethod
    def kill(self, tasks: Iterable[Task]) -> None:
        """End the tasks where they run; each has a result with outcome `lost`.

        A thread can't be ended: its task's result says `abandoned`.
        """

    # -- for subclasses ---------------------------------------------------------------

    @abc.abstractmethod
    def _start(self) -> None:
        """Start the workers."""

    @abc.abstractmethod
    def _submit(self, task: Task, shared: Shared) -> None:
        """Take one task."""

    @abc.abstractmethod
    def _withdraw(self) -> list[Task]:
        """Take back what has not begun."""

    @abc.abstractmethod
    def _collect(self, timeout: float | None) -> Sequence[TaskRes]:
        """Wait for results as `results` does."""

    @abc.abstractmethod
    def _close(self) -> None:
        """Tell the workers to end when nothing is left for them."""

    @abc.abstractmethod
    def _join(self) -> None:
        """Wait for the workers' ends; all results have been collected."""

    @abc.abstractmethod
    def _terminate(self) -> None:
        """End the workers now."""


def out_of_time(elapsed: float, limit: float | None) -> str:
    """What is said of a task that ran for `elapsed` seconds."""
    return f"timed out after {elapsed:.3g} s (limit {limit:g} s)"
