"""Several results of one test: what a task finds beside how it ends."""

from __future__ import annotations

import contextvars
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

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


# What the task that runs here has found so far.
_found: contextvars.ContextVar[list[Finding]] = contextvars.ContextVar("pexen_findings")


def report(name: str, verdict: str = OK, note: str = "", **data: Any) -> None:
    """Add a result of its own to those of the task that calls this.

    `verdict` is one of 'ok', 'warn', 'fail', 'skip' and 'info'; a task with one that is 'fail'
    has failed, when it ends. `data` is kept with it, and has to be what JSON can hold. Raises
    SuiteError outside of a task of a suite, ValueError or TypeError for what it can't be.
    """
    try:
        found = _found.get()
    except LookupError:
        raise SuiteError(
            f"report {name!r} was made outside of a task of a suite; in a thread that a task "
            "starts, run it by contextvars.copy_context().run"
        ) from None
    if verdict not in VERDICTS:
        raise ValueError(f"verdict is {verdict!r}; there are {', '.join(VERDICTS)}")
    try:
        json.dumps(data)
    except (TypeError, ValueError) as exc:
        raise TypeError(f"data of report {name!r} is nothing for JSON: {exc}") from exc
    found.append(Finding(str(name), verdict, str(note), data))


@contextmanager
def collecting() -> Iterator[list[Finding]]:
    """Within, reports are collected in a list of their own."""
    found: list[Finding] = []
    token = _found.set(found)
    try:
        yield found
    finally:
        _found.reset(token)
