"""A suite: tasks whose results have more to them than that they ended."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..sched import Sched
from ..sched.common import Task, TaskRes
from ..sched.events import (
    Announcer,
    Blocked,
    Event,
    Finished,
    Listener,
    Queued,
    Retried,
    Started,
)
from ..sched.order import Durations
from ..sched.pool.base import WorkerPool
from ..sched.pool.process import ProcessWorkerPool
from ..sched.pool.thread import ThreadWorkerPool
from .capture import routed
from .case import NOT, PROCESS, THREAD, Case, SuiteRes, opened
from .conditions import end_without, meta_without
from .done import Done
from .selection import Selected, selected
from .workerfile import folder_of_run


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
    ) -> None:
        self._captures = captures
        self._folder = None if folder is None else os.fspath(folder)
        self._announcer = Announcer(listeners)
        self._opened: dict[int, SuiteRes] = {}  # by the identity of what is about to be yielded
        self._cases = [
            each if isinstance(each, Done) else _case(each, number)
            for number, each in enumerate(tasks, 1)
        ]
        self._sched = Sched(
            self._cases,
            resources=resources,
            durations=None if durations is None else _of_cases(durations),
            listeners=[self._tell] if self._announcer else [],
        )

    def run(self, pool: WorkerPool | None = None, **options: Any) -> Iterator[SuiteRes]:
        """Run it, as `Sched.run` does with the same options, and yield each result.

        Raises, at the first next(), also OSError if there can be no folder for what is captured.
        """
        chosen = ThreadWorkerPool() if pool is None else pool
        way = NOT
        if self._captures and isinstance(chosen, ProcessWorkerPool):
            way = PROCESS
        elif self._captures and isinstance(chosen, ThreadWorkerPool):
            way = THREAD
        with contextlib.ExitStack() as stack:
            folder = ""
            if way == THREAD:
                stack.enter_context(routed())
            elif way == PROCESS:
                folder = stack.enter_context(folder_of_run(self._folder))
            for case in self._cases:
                if isinstance(case, Case):
                    case.captures, case.folder = way, folder
            results: Any = self._sched.run(chosen, **options)
            stack.callback(results.close)  # tasks may run until that has returned
            for res in results:
                if isinstance(res.task, Case):
                    yield self._open(res)

    def stop(self) -> None:
        """As `Sched.stop`."""
        self._sched.stop()

    def abort(self) -> None:
        """As `Sched.abort`."""
        self._sched.abort()

    def _open(self, res: TaskRes) -> SuiteRes:
        """The result taken apart; what listeners were told is what is yielded."""
        found = self._opened.pop(id(res), None)
        return opened(res) if found is None else found

    def _tell(self, event: Event) -> None:
        if isinstance(getattr(event, "task", None), Done):
            return
        self._announcer.tell(self._translated(event))

    def _translated(self, event: Event) -> Event:
        """The event as if the task had been run by itself."""
        if isinstance(event, Finished):
            result = None
            if event.result is not None:
                result = self._opened[id(event.result)] = opened(event.result)
            return Finished(event.time, _task(event.task), event.outcome, result, event.reason)
        if isinstance(event, Retried):
            result = opened(event.result)
            return Retried(event.time, _task(event.task), event.attempt, result, event.delay)
        if isinstance(event, Blocked):
            return Blocked(event.time, _task(event.task), event.reason)
        if isinstance(event, (Queued, Started)):
            return type(event)(event.time, _task(event.task))
        return event


def _task(case: Any) -> Task:
    task: Task = case.task
    return task


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
