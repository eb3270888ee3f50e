"""The record of a run, which all reports but the JSON lines are made of: a JSON document.

An object with `format` (1), `suite` (its name), `pexen` and `python` (versions), `host`, `argv`,
`date` and `began` (when the run began, the latter in seconds since 1970), `elapsed` (seconds),
`interrupted`, and `tasks`: a list, in the order in which the tasks were found, of
objects with

    callpath, name
    outcome                    null, and nothing more, if the run broke off before its end
    started                    seconds from the start of the run; null if it never did
    duration                   seconds; null if unknown
    attempts, worker           0 and null for a task that never started
    verdict                    the outcome, or 'warn' if it reported something to warn of
    reason                     why it didn't end well, in a line; else null
    traceback                  as text; null if there is none
    output                     what it printed, as far as that was captured; else null
    results                    a list of {name, outcome, note}: of the tests in the task, and of
                               what it reported
    attachments                a list of {name, path} of the files that it handed over
    file, line                 where it is defined; null where that can't be told
    waits_for                  the places in this list of those that it requires or is after
    asks_for                   a list of [field, [part, …]]: "claims", "uses" or "resources" and the
                               parts of a key, each as Python writes it; or "exclusive" and no part
    rerun                      what to type to run it again, if it didn't end well
"""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ..sched.common import Task, identity, task_name
from ..sched.events import Event
from ..sched.place import Place, callpath_of, places_of
from ..util import __version__
from .base import BaseReport
from .ended import Ended
from .words import GOOD

FORMAT = 1

Document = Mapping[str, Any]


def about_run(suite: str, argv: Sequence[str]) -> dict[str, Any]:
    """What a record has of a run besides what happened in it."""
    return {
        "suite": suite,
        "pexen": __version__,
        "python": platform.python_version(),
        "host": platform.node(),
        "argv": list(argv),
    }


class Record(BaseReport):
    """Hears of a run, as a report of a `Suite`, and makes its record.

    `about`
        what is to be known of the run besides; by default what `about_run` has.
    `rerun`
        gives what to type to run the task of a name again.
    """

    def __init__(
        self,
        about: Mapping[str, Any] | None = None,
        rerun: Callable[[str], str | None] = lambda name: None,
    ) -> None:
        super().__init__()
        # Configuration.
        self._about = about_run("suite", sys.argv) if about is None else about
        self._rerun = rerun
        # State, of the last run that began.
        self._over: tuple[float, datetime, bool] | None = None  # when, twice; if interrupted
        self.all_ended: list[Ended] = []  # in the order in which they ended

    def begin(
        self, tasks: Sequence[Task], clock: Callable[[], float], /
    ) -> Callable[[Event], object]:
        self._over, self.all_ended = None, []
        return super().begin(tasks, clock)

    def ended(self, ended: Ended) -> None:
        self.all_ended.append(ended)

    def end(self, interrupted: bool, /) -> None:
        self._over = self._clock(), datetime.now(UTC), interrupted

    def went_on(self, tasks: Sequence[Task], before: Sequence[Ended], begun: float) -> None:
        """It was the last part of a run of all these tasks, which began at `begun`.

        `before` has how those ended that weren't run again. From now on it is told of as one run.
        """
        self._tasks, self._begun = list(tasks), begun
        self.all_ended[:0] = before

    @property
    def elapsed(self) -> float:
        """The seconds that the run took, or has been going on for."""
        return (self._clock() if self._over is None else self._over[0]) - self._begun

    def document(self) -> dict[str, Any]:
        """The record, also while the run goes on: then as of one that was interrupted."""
        elapsed = self.elapsed
        now, interrupted = (datetime.now(UTC), True) if self._over is None else self._over[1:]
        began = now - timedelta(seconds=elapsed)
        by_task = {identity(end.task): end for end in self.all_ended}
        return {
            "format": FORMAT,
            **self._about,
            "date": began.isoformat(timespec="seconds"),
            "began": round(began.timestamp(), 3),
            "elapsed": round(elapsed, 6),
            "interrupted": interrupted,
            "tasks": [
                self._task_object(task, by_task.get(identity(task)), place)
                for task, place in zip(self._tasks, places_of(self._tasks), strict=True)
            ],
        }

    def _task_object(self, task: Task, ended: Ended | None, place: Place) -> dict[str, Any]:
        known: dict[str, Any] = {"callpath": callpath_of(task), "name": task_name(task)}
        known |= place._asdict()
        if ended is None:
            return known | {"outcome": None}
        again = None if ended.outcome in GOOD else self._rerun(task_name(task))
        return known | as_result(ended, self._begun) | {"rerun": again}


def as_result(ended: Ended, begun: float) -> dict[str, Any]:
    """A task's part in the record, as far as that is about how it ended."""
    return {
        "callpath": callpath_of(ended.task) or [task_name(ended.task)],
        "outcome": str(ended.outcome),
        "verdict": ended.verdict,
        "started": None if ended.started is None else round(ended.started - begun, 6),
        "duration": rounded(ended.duration),
        "attempts": ended.attempts,
        "worker": ended.worker,
        "reason": ended.why or None,
        "traceback": ended.in_full or None,
        "output": ended.output or None,
        "results": [method._asdict() for method in ended.methods],
        "attachments": [{"name": name, "path": path} for name, path in ended.attachments],
    }


def rounded(seconds: float | None) -> float | None:
    """The seconds as records have them."""
    return None if seconds is None else round(seconds, 6)
