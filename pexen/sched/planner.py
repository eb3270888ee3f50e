"""`Sched`: what its users see of the scheduler; the work is done by `Run`.

The thread that iterates over `run()` is the scheduler: each next() hands tasks out,
waits for a result and returns it; what follows from a result happens at the next
next(). `stop`, `abort`, `snapshot` and `add_tasks` may be called from other threads.

Why this file is large: it has all that a user does with a scheduler, in one class.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..util import PexenWarning
from .common import Outcome, Reason, SchedulerError, Task, TaskRes
from .declared import Declared
from .depcheck import unneeded_text
from .events import Announcer, Listener
from .garbage import uncollected
from .graph import Graph
from .interrupt import Interrupts
from .meta import SchedMeta
from .order import Durations, Order, sort_graph
from .plan import Plan, make_plan
from .pool.base import WorkerPool
from .pool.checks import check_count, check_seconds
from .pool.thread import ThreadWorkerPool
from .requests import checked_capacity
from .run import Run
from .snapshot import Snapshot, snapshot
from .taskmap import TaskMap
from .why import left_over


class Sched:
    """A scheduler of tasks: give it tasks, iterate over `run()`.

    `tasks`
        an iterable of callables, with metadata or without.
    `resources`
        a mapping from the name of each counted resource to how much there is of it.
    `durations`
        a mapping or callable from task to the seconds it is expected to take, None
        for unknown. Only used to put long paths first, and to plan.
    `listeners`
        callables that are told of each `pexen.sched.events` event.

    Of a task's metadata, `requires`, `provides` and `after` are read when it is added, as is
    a function's signature; all else when it joins a run.

    Raises DepcheckError for requirements that nothing can meet, MutexError for
    locks and resources that can never be granted, TypeError for a task that is
    not callable. Issues a PexenWarning naming all tags that nothing requires.
    """

    def __init__(
        self,
        tasks: Iterable[Task] = (),
        *,
        resources: Mapping[Any, float] | None = None,
        durations: Durations | None = None,
        listeners: Iterable[Listener] = (),
    ) -> None:
        # Configuration.
        self._capacity = checked_capacity(resources or {})
        if durations is not None and not (isinstance(durations, Mapping) or callable(durations)):
            raise TypeError(f"durations is {durations!r}; give a mapping or a callable")
        self._durations = durations
        self._announcer = Announcer(listeners)
        # What was added; index in all of them is the graph's node.
        self._graph = Graph()
        self._declared = Declared(self._capacity)
        self._presets: dict[str, Any] = {}
        # State.
        self._lock = threading.RLock()  # guards all of the above, and the run's state
        self._run: Run | None = None  # the present or last run
        self._running = False
        self._add(tasks)

    # -- before and during a run --------------------------------------------------------

    def add_tasks(self, tasks: Iterable[Task]) -> None:
        """Add tasks, all or none of them; also while run() is iterated over.

        A task that is known already is passed over. Raises as the constructor does,
        and PoolError for a task that can't be sent to the workers of a running pool. Where
        warnings are turned into errors, that of tags nobody needs comes when the tasks
        have been added.
        """
        self._add(tasks)

    def add_shared(self, **kwargs: Any) -> None:
        """Put items into the shared dict that every task starts with."""
        self._presets.update(kwargs)

    def _add(self, tasks: Iterable[Task]) -> None:
        new = list(tasks)
        if not all(map(callable, new)):
            wrong = next(task for task in new if not callable(task))
            raise TypeError(f"task {wrong!r} is not callable")
        metas = uncollected(len(new), self._declared.check_all, new)
        with self._lock:
            run = self._run if self._run is not None and self._run.open else None
            if run is not None:
                run.check(new)
                run.pool.admit(new)
            first = len(self._graph)
            order = uncollected(len(new), self._put, new, metas)
            if run is not None:
                self._declared.read(self._graph.tasks, first)
                run.admit(first, order)
        unneeded = unneeded_text(self._graph, first)
        if unneeded is not None:
            warnings.warn(unneeded, PexenWarning, stacklevel=3)

    def _put(self, tasks: Sequence[Task], metas: Sequence[SchedMeta]) -> Sequence[int]:
        """Put tasks into the graph; returns a possible order of the new nodes."""
        is_first = not len(self._graph)
        order = self._graph.add(tasks, metas)
        if is_first and self._durations is None:
            sort_graph(self._graph, order)
        self._declared.look_at(self._graph.tasks)
        return order

    # -- running --------------------------------------------------------------------------

    def run(
        self,
        pool: WorkerPool | None = None,
        *,
        poolinst: WorkerPool | None = None,
        deadline: float | None = None,
        timeout: float | None = None,
        order: Mapping[Task, float] | None = None,
    ) -> Iterator[TaskRes]:
        """Run all tasks on `pool` (default: one thread) and yield each result as it comes.

        What follows from a result happens when the next one is asked for. Leaving the
        loop early, or closing the iterator, is `abort()`: running tasks are ended and
        teardown tasks run, before it returns. `poolinst` is an old name of `pool`.
        `deadline`: seconds after which the run is aborted. `timeout`: seconds that a task
        may run whose metadata doesn't give it a timeout of its own. `order`: of a plan; for
        tasks that aren't in it, it is the remaining path that counts.

        Raises, at the first next(): SchedulerError if this Sched runs already, PoolError
        if the pool does, DepcheckError for a cycle between batches of tasks; and
        KeyboardInterrupt after an interrupted run was ended in order. Issues at
        most two PexenWarnings at the end: for blocked tasks, for locks left held.
        """
        if pool is not None and poolinst is not None:
            raise TypeError("run() was given both pool and poolinst, which is its old name")
        chosen = poolinst if pool is None else pool
        if chosen is not None and not isinstance(chosen, WorkerPool):
            raise TypeError(f"pool is {chosen!r}; give a pool, such as ThreadWorkerPool()")
        for name, seconds in (("deadline", deadline), ("timeout", timeout)):
            if seconds is not None:
                check_seconds(name, seconds)
        if order is not None and not isinstance(order, Mapping):
            raise TypeError(f"order is {order!r}; give the order of a plan")
        return self._iterate(chosen, deadline, timeout, order)

    def _iterate(
        self,
        pool: WorkerPool | None,
        deadline: float | None,
        timeout: float | None,
        order: Mapping[Task, float] | None,
    ) -> Iterator[TaskRes]:
        pid = os.getpid()
        error: BaseException | None = None
        run: Run | None = None
        owned = False  # the pool's workers are ours to end
        with Interrupts(self.abort) as interrupts:
            interrupts.busy = True
            try:
                run = self._begin(ThreadWorkerPool() if pool is None else pool, order)
                registered = len(self._graph)
                run.pool.start()
                owned = True
                run.pool.timeout = timeout
                self._take_in(run, registered, deadline)
                if interrupts.seen:
                    run.request("abort")  # it may have come before there was a run
                yield from run.results(interrupts)
            except BaseException as exc:
                error = exc
                raise
            finally:
                # A process that the consumer forked has no part in the run.
                if run is not None and os.getpid() == pid:
                    self._finish(run, owned, error)
                interrupts.busy = False
                if interrupts.seen and not isinstance(error, KeyboardInterrupt):
                    raise KeyboardInterrupt from (error if isinstance(error, Exception) else None)
        for text in left_over(run.graph, run.locks, run.outcomes, run.blocked):
            warnings.warn(text, PexenWarning, stacklevel=2)

    def _take_in(self, run: Run, registered: int, deadline: float | None) -> None:
        """Let all tasks join, those that were added while the pool was started among them."""
        with self._lock:
            self._declared.read(self._graph.tasks, registered)
            run.pool.admit(self._graph.tasks[registered:])
            run.begin(deadline)

    def _begin(self, pool: WorkerPool, order: Mapping[Task, float] | None) -> Run:
        with self._lock:
            if self._running:
                raise SchedulerError("this Sched is running already; wait for its run() to end")
            tasks = self._graph.tasks
            uncollected(len(tasks), self._declared.read, tasks, 0)
            pool.register(tasks)
            self._run = Run(
                self._graph,
                self._declared,
                self._presets,
                Order(self._graph, self._declared, self._durations, order),
                self._announcer,
                pool,
                self._lock,
            )
            self._running = True
            return self._run

    def _finish(self, run: Run, owned: bool, error: BaseException | None) -> None:
        """Leave no worker behind, and no task without an outcome."""
        try:
            if owned and run.unfinished:
                run.pool.terminate()
            elif owned and run.pool.accepting():
                run.pool.shutdown(wait=True)
            elif owned:
                run.pool.finish()
        except BaseException:  # an interrupt
            run.pool.terminate()
            raise
        finally:
            if owned:
                run.pool.on_begin = run.pool.timeout = None
            with self._lock:
                run.open = False
                run.give_up(error)
                self._running = False

    def plan(self, workers: int = 1, *, search: int = 0, seed: int = 0) -> Plan:
        """How a run with so many workers would go if every task ended `ok`; runs nothing.

        Tasks take the seconds that `durations` gives, those without the median of the
        others, or each 1 if none is known. `search`: how many more runs to simulate at most
        in search of a shorter one; the same are tried for the same `seed`.

        Raises SchedulerError during a run, or for a senseless duration; ValueError for a
        wrong number; DepcheckError and MutexError as a run does.
        """
        check_count("workers", workers, 1)
        check_count("search", search, 0)
        with self._lock:
            if self._running:
                raise SchedulerError("this Sched is running; plan before its run() or after it")
            self._declared.read(self._graph.tasks, 0)
            order = Order(self._graph, self._declared, self._durations)
            return make_plan(self._graph, self._declared, order, workers, search, seed)

    # -- control, from anywhere -------------------------------------------------------------

    def stop(self) -> None:
        """Hand out no more tasks but teardown; what runs may end. No effect without a run."""
        self._request("stop")

    def abort(self) -> None:
        """End running tasks as well; a second abort() also ends teardown tasks.

        A task in a thread can't be ended: it is abandoned, and its result says so.
        """
        self._request("abort")

    def _request(self, how: str) -> None:
        run = self._run
        if run is not None and self._running:
            run.request(how)

    def snapshot(self) -> Snapshot:
        """What runs, which locks are held, and what waits; empty without a run."""
        with self._lock:
            if self._run is None or not self._running:
                return Snapshot(time.monotonic(), (), (), ())
            return snapshot(self._run)

    @property
    def outcomes(self) -> TaskMap[Outcome]:
        """The outcome of each task that has ended in the present or last run."""
        return self._run.outcomes if self._run is not None else TaskMap()

    @property
    def blocked(self) -> TaskMap[Reason]:
        """For each task that didn't start, why: the present or last run's."""
        return self._run.blocked if self._run is not None else TaskMap()
