"""Several results of one test: what a task finds beside how it ends."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..sched.common import Task
from ..util import PexenError

OK, WARN, FAIL, SKIP, INFO = VERDICTS = "ok", "warn", "fail", "skip", "info"


class SuiteError(PexenError):
    """A part of `pexen.suite` was used where it can't be, or wrongly."""


class Finding(NamedTuple):
    """One of the results of a task. `data` is what else is known, as JSON has it."""

    name: str
    verdict: str
    note: str
    data: dict[str, Any]


class Found:
    """What a task has found so far, and the files that it has attached.

    `folder` is the one for attachments of all tasks, empty if there is none. `mark` notes that the
    task has come to its point of reboot, and tells whether it had before; None without a state.
    """

    __slots__ = ("attachments", "findings", "folder", "mark", "task")

    def __init__(
        self, task: Task, folder: str = "", mark: Callable[[], bool | None] = lambda: None
    ) -> None:
        self.task = task
        self.folder = folder
        self.mark = mark
        self.findings: list[Finding] = []
        self.attachments: list[Any] = []


# Notes in the state that the task of a number, from 0, has come to its point of reboot, and tells
# whether it had before.
Marker = Callable[[int], bool]

# Of the task that runs here.
_found: contextvars.ContextVar[Found] = contextvars.ContextVar("pexen_found")


def report(name: str, verdict: str = OK, note: str = "", **data: Any) -> None:
    """Add a result of its own to those of the task that calls this.

    `verdict` is one of 'ok', 'warn', 'fail', 'skip' and 'info'; a task with one that is 'fail'
    has failed, when it ends. `data` is kept with it, and has to be what JSON can hold. Raises
    SuiteError outside of a task of a suite, ValueError or TypeError for what it can't be.
    """
    found = found_here(f"report {name!r}")
    if verdict not in VERDICTS:
        raise ValueError(f"verdict is {verdict!r}; there are {', '.join(VERDICTS)}")
    try:
        data = json.loads(json.dumps(data))  # as it is now, and of types that load anywhere
    except (TypeError, ValueError) as exc:
        raise TypeError(f"data of report {name!r} is nothing for JSON: {exc}") from exc
    # Of str itself, as they travel with the result, and are loaded where that may not go wrong.
    name, note = str.__str__(str(name)), str.__str__(str(note))
    found.findings.append(Finding(name, VERDICTS[VERDICTS.index(verdict)], note, data))


def found_here(what: str) -> Found:
    """To what the task that calls this has found `what` is to be added; SuiteError without one."""
    try:
        return _found.get()
    except LookupError:
        raise SuiteError(
            f"{what} was made outside of a task of a suite; in a thread that a task "
            "starts, run it by contextvars.copy_context().run"
        ) from None


@contextmanager
def collecting(found: Found) -> Iterator[None]:
    """Within, what is reported and attached is added to `found`."""
    token = _found.set(found)
    try:
        yield
    finally:
        _found.reset(token)
