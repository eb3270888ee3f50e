"""What a cell of tests/bench/faults.py does with its pool, and what a pool is to it."""

from __future__ import annotations

import abc
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# note(what has happened, details): one line of the cell's record.
Note = Callable[..., None]

# Seconds that the outcomes of late tasks may take.
LATE_WAIT = 10.0


class Leaving(Exception):
    """What the consumer raises."""


@dataclass(eq=False)
class Job:
    """One task to be submitted. `label` says what it is in the record."""

    label: str
    number: int
    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()
    timeout: float | None = None


@dataclass(eq=False)
class Plan:
    """What a cell does: `first` all at once, and `late` when the fault has shown.

    Outcomes of the first may take `wait` seconds. `leaves`: raise in the consumer at the
    first result, when another task is running. `calms`: workers are killed until it is
    told that the late ones are next.
    """

    first: list[Job]
    late: list[Job] = field(default_factory=list)
    initializer: Callable[[], None] | None = None
    wait: float = 10
    leaves: bool = False
    calms: bool = False


def leave_when_busy(note: Note) -> None:
    """Raise what ends the consumer, once a worker is busy."""
    _wait_for_file("busy-*")
    note("leaving")
    raise Leaving


def wait_for_calm() -> None:
    """Return when no worker is killed any more, and the last death can be known to the pool."""
    _wait_for_file("calm")
    time.sleep(0.5)


def _wait_for_file(pattern: str) -> None:
    folder = Path(os.environ["FAULT_FOLDER"])
    end = time.monotonic() + 10
    while not any(folder.glob(pattern)):
        if time.monotonic() > end:
            raise TimeoutError(f"there is no file {pattern!r}")
        time.sleep(0.02)


class Pool(abc.ABC):
    """A kind of pool."""

    package: str | None = None  # on the package index; None: of the standard library, or ours
    timeouts = False

    @abc.abstractmethod
    def execute(self, plan: Plan, note: Note) -> None:
        """Do all of a plan, noting each outcome, and end the pool."""

    @abc.abstractmethod
    def nested(self) -> int:
        """In a task: square 1 and 2 with a pool of this kind, and add them up."""
