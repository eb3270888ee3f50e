"""What the listeners of a suite are told: of its tasks, as if each had been run by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ..sched.common import Reason, TaskRes
from ..sched.events import (
    Announcer,
    Blocked,
    Checkpoint,
    Event,
    Finished,
    Listener,
    Queued,
    Retried,
    Started,
    Stopped,
)
from .case import Case, SuiteRes, opened
from .done import Done


class Translator:
    """The listener of a suite's scheduler, which tells those of the suite.

    Of tasks that ended in an earlier part of the run nothing is told. `aborted` is whether the run
    is, by whomever or by its deadline.
    """

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self.listeners = listeners
        self.aborted = False
        self._opened: dict[int, SuiteRes] = {}  # by the identity of what is about to be yielded

    @property
    def listeners(self) -> Iterable[Listener]:
        """Those that are told; they may be changed when nothing runs."""
        return self._listeners

    @listeners.setter
    def listeners(self, listeners: Iterable[Listener]) -> None:
        self._listeners = list(listeners)
        self._announcer = Announcer(self._listeners)
        self.hears = self._announcer.heard() | {Stopped}

    def opened(self, res: TaskRes) -> SuiteRes:
        """The result of a Case taken apart; what listeners were told is what is yielded."""
        found = self._opened.pop(id(res), None)
        return opened(res) if found is None else found

    def forget(self) -> None:
        """The run has ended, and yields nothing any more."""
        self._opened.clear()

    def __call__(self, event: Any) -> None:
        kind = type(event)
        if kind is Checkpoint:
            tasks = [case.task for case in event.tasks if type(case) is Case]
            self._announcer.tell(Checkpoint(event.time, tasks))
        elif kind not in _TRANSLATED:
            if kind is Stopped and event.how == "abort":
                self.aborted = True
            self._announcer.tell(event)
        elif type(event.task) is Case:
            self._announcer.tell(_TRANSLATED[kind](self, event))
        elif type(event.task) is not Done:
            self._announcer.tell(event)

    def _finished(self, event: Finished) -> Event:
        case: Any = event.task
        result = None
        if event.result is not None:
            result = self._opened[id(event.result)] = opened(event.result)
        reason = None if event.reason is None else _of_tasks(event.reason)
        return Finished(event.time, case.task, event.outcome, result, reason)

    def _retried(self, event: Retried) -> Event:
        case: Any = event.task
        return Retried(event.time, case.task, event.attempt, opened(event.result), event.delay)

    def _blocked(self, event: Blocked) -> Event:
        case: Any = event.task
        return Blocked(event.time, case.task, _of_tasks(event.reason))

    def _of_task(self, event: Any) -> Event:
        other: Event = type(event)(event.time, event.task.task)
        return other


def _of_tasks(reason: Reason) -> Reason:
    """The same, with the tasks themselves as those at fault."""
    cases: Any = reason.culprits
    return reason._replace(culprits=tuple(case.task for case in cases))


_TRANSLATED: dict[type[Event], Callable[[Translator, Any], Event]] = {
    Queued: Translator._of_task,
    Started: Translator._of_task,
    Retried: Translator._retried,
    Finished: Translator._finished,
    Blocked: Translator._blocked,
}
