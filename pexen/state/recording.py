"""Writing a run down as it goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from .folder import StateError
from .store import Store, numbered

RUNNING, DONE, INTERRUPTED = "running", "done", "interrupted"

# How much the last run of a task counts in what it is said to take.
_WEIGHT = 0.3


class Ended(NamedTuple):
    """How a task ended; as the table `result` has it."""

    outcome: str
    started: float | None = None  # seconds since the run began
    duration: float | None = None  # seconds
    attempts: int = 0
    worker: str | None = None
    reason: str | None = None
    traceback: str | None = None
    deps_ok: bool = False
    shared: bytes | None = None
    code: str | None = None


class Recording:
    """One run in the state. What is told is written by `write`, in one go; many are cheap so."""

    def __init__(self, store: Store, run: int, tasks: list[int]) -> None:
        self.run = run
        self._store = store
        self._tasks = tasks  # the id of each task
        self._begun: dict[int, tuple[int, int, float]] = {}  # not written yet, by task
        self._running: set[int] = set()  # written, and not ended
        self._ends: list[tuple[Any, ...]] = []

    @classmethod
    def begin(
        cls, store: Store, names: Iterable[str], time: float, about: Mapping[str, Any]
    ) -> Recording:
        """A new run of tasks with these names, which began at `time`, in seconds since 1970."""
        with store.writing() as database:
            insert = "INSERT INTO run (began, status, about) VALUES (?, ?, ?)"
            run = database.execute(insert, (time, RUNNING, json.dumps(about))).lastrowid
        assert run is not None
        return cls(store, run, _ids(store, names))

    @classmethod
    def resume(cls, store: Store, run: int, names: Iterable[str]) -> Recording:
        """Go on with a run; StateError if there is none of that number."""
        with store.writing() as database:
            database.execute("DELETE FROM running WHERE run = ?", (run,))
            update = "UPDATE run SET status = ?, ended = NULL WHERE id = ?"
            if not database.execute(update, (RUNNING, run)).rowcount:
                raise StateError(f"there is no run {run} in {str(store.path)!r}")
        return cls(store, run, _ids(store, names))

    def started(self, task: int, time: float) -> None:
        """An attempt at the task of that number began, so many seconds after the run."""
        known = self._tasks[task]
        self._begun[known] = self.run, known, time

    def ended(self, task: int, how: Ended) -> None:
        """The task of that number ended."""
        known = self._tasks[task]
        self._begun.pop(known, None)
        self._ends.append((self.run, known, *how))

    def write(self) -> None:
        """Write down what was told; StateError if that can't be, and then it is told no more."""
        begun, ends = self._begun, self._ends
        if not (begun or ends):
            return
        self._begun, self._ends = {}, []
        over = [end[:2] for end in ends if end[1] in self._running]
        self._running.update(begun)
        self._running.difference_update([task for _, task in over])
        with self._store.writing() as database:
            database.executemany("INSERT OR REPLACE INTO running VALUES (?, ?, ?)", begun.values())
            database.executemany(_END, ends)
            database.executemany("DELETE FROM running WHERE run = ? AND task = ?", over)

    def end(self, time: float, interrupted: bool) -> None:
        """The run ended at `time`, in seconds since 1970."""
        self.write()
        with self._store.writing() as database:
            update = "UPDATE run SET status = ?, ended = ? WHERE id = ?"
            status = INTERRUPTED if interrupted else DONE
            database.execute(update, (status, time, self.run))
            database.execute(_SECONDS, (self.run,))


# A task that was cancelled, say, may end once more when its run goes on.
_END = f"INSERT OR REPLACE INTO result VALUES (?, ?, {', '.join('?' * len(Ended._fields))})"

_SECONDS = f"""
    INSERT INTO seconds SELECT task, duration FROM result
    WHERE run = ? AND outcome = 'ok' AND duration IS NOT NULL
    ON CONFLICT (task) DO UPDATE SET mean = mean + {_WEIGHT} * (excluded.mean - mean)
"""


def _ids(store: Store, names: Iterable[str]) -> list[int]:
    """The id of each task; those that are new are made known."""
    wanted = numbered(names)
    known = {(name, nth): number for number, name, nth in store.read("SELECT * FROM task")}
    new = [each for each in wanted if each not in known]
    if new:
        with store.writing() as database:
            insert = "INSERT OR IGNORE INTO task (name, nth) VALUES (?, ?)"
            database.executemany(insert, new)
        known = {(name, nth): number for number, name, nth in store.read("SELECT * FROM task")}
    return [known[each] for each in wanted]
