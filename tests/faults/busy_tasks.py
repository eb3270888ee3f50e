"""Tasks that any worker can import, and that are at work until something ends them."""

from __future__ import annotations

import functools
import os
import pathlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from fault_programs import make
from program_support import wait_until

from pexen import Sched, task
from pexen.sched import Outcome, TaskRes
from pexen.sched.common import Task

# Ends what nothing else can: a task in a thread of the test's own process.
released = threading.Event()
_owner = os.getpid()

_LONG_SECONDS = 600.0


def leave_mark(mark: str) -> None:
    """Note, with one byte in one write, that a task has begun."""
    fd = os.open(mark, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"x")
    os.close(fd)


def count_marks(mark: str | os.PathLike[str]) -> int:
    """How many tasks have begun."""
    return os.stat(mark).st_size if os.path.exists(mark) else 0


def loop(*, mark: str) -> None:
    """Keep a processor busy."""
    leave_mark(mark)
    end = time.monotonic() + _LONG_SECONDS
    while time.monotonic() < end and not (released.is_set() and os.getpid() == _owner):
        pass


def sleep(*, mark: str) -> None:
    """Wait for what doesn't come."""
    leave_mark(mark)
    forked = os.getpid() != _owner
    (threading.Event() if forked else released).wait(_LONG_SECONDS)


def give(size: int, *, mark: str) -> bytes:
    """Return so many bytes."""
    leave_mark(mark)
    return b"x" * size


def do_nothing() -> None:
    """End at once."""


def busy(body: Callable[..., Any], mark: pathlib.Path, **metadata: Any) -> Task:
    """A task of its own that does that, and leaves a mark when it begins."""
    return task(functools.partial(body), kwargs={"mark": str(mark)}, **metadata)


class BusyRun:
    """A run with two workers at work, one task that waits, and a teardown."""

    def __init__(self, kind: str, body: Callable[..., Any], mark: pathlib.Path) -> None:
        released.clear()
        self._mark = mark
        first = task(functools.partial(do_nothing), priority=-1)
        self.busy = [busy(body, mark, provides=["up"]) for _ in range(2)]
        self.never = task(functools.partial(do_nothing), requires=["up"])
        self.teardown = task(functools.partial(do_nothing), after=["up"], teardown=True)
        self.sched = Sched([first, *self.busy, self.never, self.teardown])
        self._kind = kind

    def start(self) -> Iterator[TaskRes]:
        """The results, at the first of which both workers get to work."""
        return self.sched.run(make(self._kind, workers=2, spare=1))

    def await_work(self) -> None:
        """Wait until both workers are at work."""
        assert wait_until(lambda: count_marks(self._mark) == 2)

    def start_and_await(self) -> Iterator[TaskRes]:
        """The results after the first, with both workers at work."""
        results = self.start()
        assert next(results).outcome is Outcome.OK
        self.await_work()
        return results

    def outcomes(self) -> list[str]:
        """Of the two tasks at work, the one that waits, and the teardown."""
        tasks: list[Task] = [*self.busy, self.never, self.teardown]
        return [self.sched.outcomes[body].value for body in tasks]
