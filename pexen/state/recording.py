"""Writing a run down as it goes on."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..sched.place import Place
from .folder import StateError
from .store import Store, numbered

# Of a task, which may come with its number among those of that name, else it is their order here.
Name = str | tuple[str, int]

# How far a run has come. One that is stopped has come to its end in order, and was cut short: with
# all but those that are done one can go on.
RUNNING, DONE, STOPPED, INTERRUPTED = "running", "done", "stopped", "interrupted"

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
    output: str | None = None
    results: str | None = None
    attachments: str | None = None
    deps_ok: bool = False
    shared: bytes | None = None
    code: str | None = None


class Recording:
    """One run in the state. What is told is written by `write`, in one go; many are cheap so."""

    def __init__(
        self, store: Store, run: int, tasks: list[int], counted: Iterable[int] = ()
    ) -> None:
        self.run = run
        self._store = store
        self._tasks = tasks  # the id of each task
        self._counted = set(counted)  # of what takes how long this run has been counted for these
        self._begun: list[tuple[int, int, float]] = []  # not written yet
        self._ends: list[tuple[Any, ...]] = []  # not written yet
        self._again: list[tuple[int, int]] = []  # not written yet

    @classmethod
    def begin(
        cls,
        store: Store,
        names: Iterable[Name],
        time: float,
        about: Mapping[str, Any],
        places: Iterable[Place] = (),
    ) -> Recording:
        """A new run of tasks with these names, which began at `time`, in seconds since 1970."""
        ids = _ids(store, names)
        with store.writing() as database:
            insert = "INSERT INTO run (began, status, about, tasks) VALUES (?, ?, ?, ?)"
            values = (time, RUNNING, json.dumps(about), _listed(ids, places))
            run = database.execute(insert, values).lastrowid
        assert run is not None
        return cls(store, run, ids)

    @classmethod
    def resume(
        cls,
        store: Store,
        run: int,
        names: Iterable[Name],
        places: Iterable[Place] = (),
        again: Iterable[int] = (),
    ) -> Recording:
        """Go on with a run, of these tasks; StateError if there is none of that number.

        How those had ended whose numbers `again` has is forgotten.
        """
        ids = _ids(store, names)
        stopped = """
            SELECT task FROM result JOIN run ON run = id
            WHERE id = ? AND status = ? AND outcome = 'ok'
        """
        with store.writing() as database:
            counted = [task for (task,) in database.execute(stopped, (run, STOPPED))]
            database.execute("DELETE FROM result WHERE run = ? AND outcome IS NULL", (run,))
            forgotten = [(run, ids[number]) for number in again]
            database.executemany("DELETE FROM result WHERE run = ? AND task = ?", forgotten)
            update = "UPDATE run SET status = ?, ended = NULL, tasks = ? WHERE id = ?"
            if not database.execute(update, (RUNNING, _listed(ids, places), run)).rowcount:
                raise StateError(f"there is no run {run} in {str(store.path)!r}")
        return cls(store, run, ids, counted)

    def begins(self, task: int, time: float) -> None:
        """The task of that number may begin from now on, so many seconds after the run."""
        self._begun.append((self.run, self._tasks[task], time))

    def ended(self, task: int, how: Ended) -> None:
        """The task of that number ended."""
        self._ends.append((self.run, self._tasks[task], *how))

    def again(self, task: int) -> None:
        """Another attempt at the task of that number follows, which has passed nothing yet."""
        self._again.append((self.run, self._tasks[task]))

    def write(self) -> None:
        """Write down what was told; StateError if that can't be, and then it is told no more."""
        begun, ends, again = self._begun, self._ends, self._again
        if not (begun or ends or again):
            return
        self._begun, self._ends, self._again = [], [], []
        with self._store.writing() as database:
            if again:
                database.executemany("DELETE FROM passed WHERE run = ? AND task = ?", again)
            database.executemany(_BEGIN, begun)
            database.executemany(_END, ends)

    def end(self, time: float, interrupted: bool) -> None:
        """The run ended at `time`, in seconds since 1970."""
        self.write()
        with self._store.writing() as database:
            cancelled = database.execute(_CANCELLED, (self.run,)).fetchall()
            stopped = not {task for (task,) in cancelled}.isdisjoint(self._tasks)
            status = INTERRUPTED if interrupted else STOPPED if stopped else DONE
            update = "UPDATE run SET status = ?, ended = max(?, began) WHERE id = ?"
            database.execute(update, (status, time, self.run))
            if not interrupted:  # else it is counted when the run has gone on to its end
                self._count(database)
            if status == DONE:  # only a run that goes on needs what tasks handed on
                done = "UPDATE result SET shared = NULL WHERE run = ? AND shared IS NOT NULL"
                database.execute(done, (self.run,))

    def _count(self, database: sqlite3.Connection) -> None:
        """Count this run in what tasks take, as far as it isn't yet."""
        if not self._counted:
            database.execute(_SECONDS.format(""), (self.run,))
            return
        new = [(self.run, task) for task in self._tasks if task not in self._counted]
        database.executemany(_SECONDS.format("AND task = ?"), new)


_CANCELLED = "SELECT task FROM result WHERE run = ? AND outcome = 'cancelled'"

_BEGIN = (
    "INSERT OR REPLACE INTO result (run, task, started, attempts, deps_ok) VALUES (?, ?, ?, 0, 0)"
)

# A task that was cancelled, say, may end once more when its run goes on.
_END = f"INSERT OR REPLACE INTO result VALUES (?, ?, {', '.join('?' * len(Ended._fields))})"

_SECONDS = f"""
    INSERT INTO seconds SELECT task, duration FROM result
    WHERE run = ? AND outcome = 'ok' AND duration IS NOT NULL {{}}
    ON CONFLICT (task) DO UPDATE SET mean = mean + {_WEIGHT} * (excluded.mean - mean)
"""


def _listed(ids: Iterable[int], places: Iterable[Place]) -> str:
    """What the column `tasks` of the table `run` has."""
    known = itertools.chain(places, itertools.repeat(Place()))
    return json.dumps([[number, *place] for number, place in zip(ids, known)])


def _ids(store: Store, names: Iterable[Name]) -> list[int]:
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
