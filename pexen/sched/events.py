"""What a listener is told, and how it is told.

A listener is any callable taking one event. It hears of everything in the order in
which the scheduler learns of it, and can't alter a run: what it raises is logged once and
otherwise ignored. It is called in the scheduler's thread, or, for what follows at once from
adding tasks during a run, in the thread that adds them.

One that says what it `hears` needs no other events; what no listener needs isn't made. It may be
told of them all the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from .common import Outcome, Reason, Task, TaskRes

_log = logging.getLogger("pexen")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, at `time` on the pool's clock (seconds)."""

    time: float


@dataclass(frozen=True, slots=True)
class Queued(Event):
    """The task's requirements are met; it waits for its locks and a worker."""

    task: Task


@dataclass(frozen=True, slots=True)
class Started(Event):
    """A worker began an attempt at the task."""

    task: Task


@dataclass(frozen=True, slots=True)
class Retried(Event):
    """Attempt number `attempt` failed with `result`; another follows in `delay` seconds."""

    task: Task
    attempt: int
    result: TaskRes
    delay: float


@dataclass(frozen=True, slots=True)
class Finished(Event):
    """The task ended; `result` is what run() yields, None for one that never started.

    `reason` is why it didn't.
    """

    task: Task
    outcome: Outcome
    result: TaskRes | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Blocked(Event):
    """The task will never start; its outcome is `blocked`."""

    task: Task
    reason: Reason


@dataclass(frozen=True, slots=True)
class Stopped(Event):
    """The run hands out nothing more but teardown; `how` is 'stop' or 'abort'."""

    how: str


@dataclass(frozen=True, slots=True)
class Checkpoint(Event):
    """The scheduler is about to hand out `tasks`, or, without any, to wait.

    Who writes down what it was told does so now: then nothing is handed out that follows from what
    isn't written yet, nothing begins of which it isn't written that it may have begun, and many
    things at a time are written at once.
    """

    tasks: Sequence[Task] = ()


Listener = Callable[[Event], object]

L = TypeVar("L", bound=Callable[..., Any])

ALL: frozenset[type[Event]] = frozenset(Event.__subclasses__())


def hears(*kinds: type[Event]) -> Callable[[L], L]:
    """Decorator for a listener, function or method, that needs only events of these kinds."""

    def decorate(listener: L) -> L:
        listener.hears = kinds  # type: ignore[attr-defined]  # it is a function
        return listener

    return decorate


class Announcer:
    """Tells listeners, and reports each that raises, once."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = list(listeners)
        self._reported: set[int] = set()

    def heard(self) -> frozenset[type[Event]]:
        """The kinds of events that there is somebody for, at present."""
        kinds: set[type[Event]] = set()
        for listener in self._listeners:
            needed = getattr(listener, "hears", None)
            if isinstance(needed, (tuple, frozenset)):  # else it is something else of that name
                kinds.update(kind for kind in ALL if issubclass(kind, tuple(needed)))
            else:
                kinds |= ALL
        return frozenset(kinds)

    def tell(self, event: Event) -> None:
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:
                if id(listener) not in self._reported:
                    self._reported.add(id(listener))
                    _log.exception("listener %r raised; it is reported once", listener)
