"""A suite: tasks whose results have more to them than that they ended."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from ..sched import Sched
from ..sched.common import SchedulerError, Task, identity
from ..sched.events import Listener
from ..sched.order import Durations
from ..sched.pool.base import WorkerPool
from ..sched.pool.process import ProcessWorkerPool
from ..sched.pool.thread import ThreadWorkerPool
from .capture import routed
from .case import NOT, PROCESS, THREAD, Case, SuiteRes
from .conditions import end_without, meta_without
from .done import Done
from .findings import Marker
from .runfolder import folder_of_run
from .selection import Selected, selected
from .translator import Translator

_log = logging.getLogger("pexen")


class Report(Protocol):
    """What a suite wants of a report."""

    def begin(self, tasks: Sequence[Task], clock: Callable[[], float], /) -> Listener | None:
        """A run of these tasks begins; returns who has to hear of it. `clock` is its pool's.

        What it raises, the run raises, and doesn't begin.
        """

    def end(self, interrupted: bool, /) -> None:
        """The run has ended, or was ended or left; what this raises is logged."""


class State(Protocol):
    """What a suite wants of a state."""

    def seconds(self, tasks: Sequence[Task], /) -> Mapping[Any, float]:
        """What tasks take, in seconds, by their identity."""

    def begin(self, tasks: Sequence[Task], clock: Callable[[], float], /) -> Listener | None:
        """Begin to write down a run of these tasks; returns who has to hear of it."""

    def marker(self) -> Marker | None:
        """What a task calls at a point of reboot, with its number, from 0; it is picklable."""

    def attachments(self) -> str:
        """The folder for files that tasks of this run hand over; empty if there is none."""

    def end(self, interrupted: bool, /) -> None:
        """The run has ended."""


class Suite:
    """Tasks to be run as a suite.

    `tasks`
        callables, with metadata or without, or what `select` or `going_on` has made of them. Of
        those that ended earlier nothing is yielded or told. Conditions that they have by `only_if`
        are looked at here.
    `resources`, `durations`
        as of `Sched`; the durations are those of the tasks.
    `listeners`
        as of `Sched`; the results they are told of are a `SuiteRes`.
    `captures`
        whether what tasks print is kept with their results, rather than printed.
    `folder`
        where worker processes keep meanwhile what they have captured: a run makes a folder of its
        own there, and removes it at its end. None is the system's folder for temporary files.
    `attachments`
        a folder for the files that tasks hand over by `attach`, which is made when the first one
        does. It stays, and what is in it already is left alone.
    `state`
        a `State`, as `pexen.state.keeping` gives one: the run is written into it, and `durations`
        are by default those that it knows.
    `reports`
        each a `Report`, as those of `pexen.report`: told of the tasks that are run, of the events
        that `listeners` are told of, and of the end, however the run ended.

    Raises what `Sched` does.
    """

    def __init__(
        self,
        tasks: Iterable[Task | Selected | Done],
        *,
        resources: Mapping[Any, float] | None = None,
        durations: Durations | None = None,
        listeners: Iterable[Listener] = (),
        captures: bool = True,
        folder: str | os.PathLike[str] | None = None,
        attachments: str | os.PathLike[str] | None = None,
        state: State | None = None,
        reports: Iterable[Report] = (),
    ) -> None:
        self._state = state
        self._reports = list(reports)
        self._captures = captures
        self._folder = None if folder is None else os.fspath(folder)
        self._listeners = list(listeners)
        self._attachments = "" if attachments is None else os.path.abspath(attachments)
        self._running = False
        self._translator = Translator(self._listeners)  # while it runs, also state and reports
        self._cases = [
            each if isinstance(each, Done) else _case(each, number)
            for number, each in enumerate(tasks, 1)
        ]
        self._tasks = [case.task for case in self._cases]
        if durations is None and state is not None:
            known = state.seconds(self._tasks)
            durations = (lambda task: known.get(identity(task))) if known else None
        self._sched = Sched(
            self._cases,
            resources=resources,
            durations=None if durations is None else _of_cases(durations),
            listeners=[self._translator],
        )

    def run(self, pool: WorkerPool | None = None, **options: Any) -> Iterator[SuiteRes]:
        """Run it, as `Sched.run` does with the same options, and yield each result.

        Raises, at the first next(), also OSError if there can be no folder for what is captured.
        """
        chosen = ThreadWorkerPool() if pool is None else pool
        if self._running:
            raise SchedulerError("the suite is running already; wait for its end to run it again")
        results: Any = self._sched.run(chosen, **options)  # begins with the first next()
        self._running = True
        with contextlib.ExitStack() as stack:
            stack.callback(self._over)
            stack.enter_context(self._kept(chosen))
            stack.enter_context(self._capturing(chosen))
            stack.callback(results.close)  # tasks may run until that has returned
            for res in results:
                if isinstance(res.task, Case):
                    yield self._translator.opened(res)

    def _over(self) -> None:
        self._running = False
        self._translator.listeners = self._listeners
        self._translator.forget()

    @contextlib.contextmanager
    def _kept(self, pool: WorkerPool) -> Iterator[None]:
        """Within, the state and the reports hear of the run."""
        state, marker, attachments = self._state, None, self._attachments
        listeners: list[Listener | None] = [*self._listeners]
        begun: list[Report] = []
        interrupted, self._translator.aborted = True, False
        with contextlib.ExitStack() as stack:
            stack.callback(lambda: _end(begun, interrupted))
            if state is not None:
                written = state.begin(self._tasks, pool.clock)
                stack.callback(lambda: state.end(interrupted))  # before the reports' end
                marker, attachments = state.marker(), attachments or state.attachments()
            tasks = [case.task for case in self._cases if isinstance(case, Case)]
            for report in self._reports:
                listeners.append(report.begin(tasks, pool.clock))
                begun.append(report)
            if state is not None:
                listeners.append(written)
            self._translator.listeners = [each for each in listeners if each is not None]
            self._prepare(marker, attachments)
            yield
            interrupted = self._translator.aborted

    def _prepare(self, marker: Marker | None, attachments: str) -> None:
        for case in self._cases:
            if isinstance(case, Case):
                case.marker, case.attachments = marker, attachments

    @contextlib.contextmanager
    def _capturing(self, pool: WorkerPool) -> Iterator[None]:
        """Within, what tasks print is captured as the pool lets it."""
        way, folder = NOT, ""
        with contextlib.ExitStack() as stack:
            if self._captures and isinstance(pool, ProcessWorkerPool):
                way, folder = PROCESS, stack.enter_context(folder_of_run(self._folder))
            elif self._captures and isinstance(pool, ThreadWorkerPool):
                way = THREAD
                stack.enter_context(routed())
            for case in self._cases:
                if isinstance(case, Case):
                    case.captures, case.folder = way, folder
            yield

    def stop(self) -> None:
        """As `Sched.stop`; by the state, the run may go on some time, if tasks were left."""
        self._sched.stop()

    def abort(self) -> None:
        """As `Sched.abort`; by the state, the run may go on some time."""
        self._translator.aborted = True
        self._sched.abort()


def _end(reports: Sequence[Report], interrupted: bool) -> None:
    with contextlib.ExitStack() as stack:  # by which each is told, also after a Ctrl-C
        for report in reversed(reports):
            stack.callback(_end_one, report, interrupted)


def _end_one(report: Report, interrupted: bool) -> None:
    try:
        report.end(interrupted)
    except Exception:
        _log.exception("report %r raised at the end of the run", report)


def _case(each: Task | Selected, number: int) -> Case:
    task, meta = selected(each)
    end = end_without(task)
    return Case(task, meta if end is None else meta_without(meta), number, end)


def _of_cases(durations: Durations) -> Durations:
    def seconds(case: Any) -> float | None:
        task = case.task
        if not isinstance(durations, Mapping):
            return durations(task)
        try:
            return durations.get(task)
        except TypeError:  # an unhashable task
            return None

    return seconds
