"""Runs that are over, as the state has them: the record of one, as `run --json` writes it."""

from __future__ import annotations

import contextlib
import datetime
import json
from collections.abc import Iterator
from typing import Any

from ..report.ended import verdict_of
from ..report.record import FORMAT
from ..state import StateError, Store, default_folder
from ..state.history import Member, Past, Run, members, results, run_of, running
from ..state.recording import DONE, STOPPED
from ..state.store import FILE_NAME
from .ending import NothingError, UsageError


@contextlib.contextmanager
def opened() -> Iterator[Store]:
    """The state of the current folder; NothingError if there is none."""
    folder = default_folder()
    if not (folder / FILE_NAME).exists():
        raise NothingError(f"folder {str(folder)!r} has no state; 'pexen run' makes it")
    try:
        with Store(folder) as store:
            yield store
    except StateError as exc:
        raise UsageError(exc) from exc


def run_named(store: Store, text: str | None) -> Run:
    """The run of that number, or the last one; UsageError if it isn't there."""
    if text is not None and not text.isdecimal():
        raise UsageError(f"run {text!r} is no number; 'pexen history' shows them")
    found = run_of(store, None if text is None else int(text))
    if found is None and text is None:
        raise NothingError("the state has no runs; 'pexen run' makes one")
    if found is None:
        raise UsageError(f"run {text} is not there; 'pexen history' shows those that are")
    return found


def document(store: Store, run: Run) -> dict[str, Any]:
    """The record of a run, as far as it is written down."""
    known = {(past.name, past.nth): past for past in results(store, run.number)}
    began = datetime.datetime.fromtimestamp(run.began, datetime.UTC)
    since = running(store, run.number)
    tasks = [
        _task_object(member, known.get(member[:2]), since.get(member[:2]))
        for member in members(store, run.number)
    ]
    ends = [(task.get("started") or 0) + (task.get("duration") or 0) for task in tasks]
    elapsed = max(ends, default=0.0) if run.ended is None else run.ended - run.began
    return {
        "format": FORMAT,
        "suite": "",
        **run.about,
        "run": run.number,
        "date": began.isoformat(timespec="seconds"),
        "began": round(run.began, 3),
        "elapsed": round(elapsed, 6),
        "interrupted": run.status not in (DONE, STOPPED),
        "tasks": tasks,
    }


def _task_object(member: Member, past: Past | None, since: float | None) -> dict[str, Any]:
    known: dict[str, Any] = {"callpath": member.name.split("/"), "name": member.name}
    known |= member.place._asdict()
    if past is None:
        return known | {"outcome": None, "started": since}
    how = past.how
    found = json.loads(how.results) if how.results else []
    return known | {
        "outcome": how.outcome,
        "verdict": verdict_of(how.outcome, found),
        "started": how.started,
        "duration": how.duration,
        "attempts": how.attempts,
        "worker": how.worker,
        "reason": how.reason,
        "traceback": how.traceback,
        "output": how.output,
        "results": found,
        "attachments": [
            {"name": name, "path": path}
            for name, path in (json.loads(how.attachments) if how.attachments else ())
        ],
    }
