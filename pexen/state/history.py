"""What the state has of earlier runs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..sched.place import Place
from ..sched.pool.base import ABORTED
from .recording import DONE, Ended, Name
from .store import Store, numbered

# Outcomes that say nothing of the code.
_NEUTRAL = ("skipped", "cancelled", "blocked", "fresh")

# Whether a result says something of the code that it is of. To be ended with its run doesn't.
_TELLING = f"""
    code IS NOT NULL AND outcome NOT IN {_NEUTRAL}
    AND NOT (outcome = 'lost' AND coalesce(reason, '') LIKE '%{ABORTED}%')
"""


class Run(NamedTuple):
    """A run. `running` is also the status of one that broke off, if nobody has the folder."""

    number: int
    began: float  # seconds since 1970
    ended: float | None
    status: str
    about: dict[str, Any]
    outcomes: dict[str, int]  # how many tasks ended so


class Past(NamedTuple):
    """How a task ended in a run."""

    run: int
    name: str
    nth: int
    how: Ended


def runs(store: Store, limit: int | None = None) -> list[Run]:
    """The last runs, the latest first."""
    return _runs(store, "ORDER BY id DESC LIMIT ?", (-1 if limit is None else limit,))


def _runs(store: Store, which: str, values: tuple[Any, ...]) -> list[Run]:
    found = store.read(f"SELECT id, began, ended, status, about FROM run {which}", values)
    oldest, latest = (found[-1][0], found[0][0]) if found else (0, 0)
    query = (
        "SELECT run, outcome, count(*) FROM result "
        "WHERE run BETWEEN ? AND ? AND outcome IS NOT NULL GROUP BY 1, 2"
    )
    counts: dict[int, dict[str, int]] = {}
    for run, outcome, count in store.read(query, (oldest, latest)):
        counts.setdefault(run, {})[outcome] = count
    return [
        Run(number, began, ended, status, json.loads(about), counts.get(number, {}))
        for number, began, ended, status, about in found
    ]


def run_of(store: Store, number: int | None = None) -> Run | None:
    """The run of that number, or the last one; None if there is none."""
    where = "ORDER BY id DESC LIMIT 1" if number is None else f"WHERE id = {int(number)}"
    found = _runs(store, where, ())
    return found[0] if found else None


def broken_off(store: Store) -> int | None:
    """The last run, if it broke off or was stopped; None if it is done, or there is none."""
    query = "SELECT id, status FROM run ORDER BY id DESC LIMIT 1"
    found = store.read(query)
    return found[0][0] if found and found[0][1] != DONE else None


class Member(NamedTuple):
    """A task of a run."""

    name: str
    nth: int
    place: Place


def members(store: Store, run: int) -> list[Member]:
    """The tasks of a run, in the order in which they were found."""
    names = {number: (name, nth) for number, name, nth in store.read("SELECT * FROM task")}
    found = store.read("SELECT tasks FROM run WHERE id = ?", (run,))
    listed = json.loads(found[0][0]) if found else []
    return [
        Member(*names[number], Place(*place)) for number, *place in listed
    ]


def results(store: Store, run: int) -> list[Past]:
    """How the tasks of a run ended, as far as they have."""
    return _pasts(store, "result.run = ? AND outcome IS NOT NULL", (run,))


def of_task(store: Store, name: str, limit: int = 10) -> list[Past]:
    """How the tasks of that name ended in the last runs, the latest first."""
    # Result by result in their key, which has the run first: there are few runs.
    where = "name = ? AND outcome IS NOT NULL AND run IN (SELECT id FROM run)"
    return _pasts(store, where, (name,), f"ORDER BY run DESC, nth LIMIT {int(limit)}")


def unended(store: Store, name: str) -> list[int]:
    """The runs in which a task of that name may have begun, and hasn't ended."""
    query = """
        SELECT DISTINCT run FROM result JOIN task ON task = id
        WHERE name = ? AND outcome IS NULL AND run IN (SELECT id FROM run)
    """
    return [run for (run,) in store.read(query, (name,))]


def last_run_of(store: Store, name: str) -> int | None:
    """The last run in which a task of that name ended, or may have begun; None without one."""
    query = "SELECT max(run) FROM result JOIN task ON task = id WHERE name = ?"
    found: int | None = store.read(query, (name,))[0][0]
    return found


def _pasts(store: Store, where: str, values: tuple[Any, ...], order: str = "") -> list[Past]:
    columns = ", ".join(Ended._fields)
    joined = "result JOIN task ON task = id"
    query = f"SELECT run, name, nth, {columns} FROM {joined} WHERE {where} {order}"
    found = []
    for run, name, nth, *how in store.read(query, values):
        ended = Ended(*how)
        found.append(Past(run, name, nth, ended._replace(deps_ok=bool(ended.deps_ok))))
    return found


def running(store: Store, run: int) -> dict[tuple[str, int], float]:
    """The tasks that may run, as far as is written down, and since when."""
    query = """
        SELECT name, nth, started FROM result JOIN task ON task = id
        WHERE run = ? AND outcome IS NULL
    """
    return {(name, nth): since for name, nth, since in store.read(query, (run,))}


def last_outcomes(store: Store, but: int | None = None) -> dict[tuple[str, int], str]:
    """How each task ended in the last run of those in which it did, but for one run, by name."""
    # Of a group with a max(), SQLite takes the other columns from the row that has it.
    query = """
        SELECT name, nth, outcome, max(run) FROM result JOIN task ON task = id
        WHERE run IS NOT ? AND outcome IS NOT NULL GROUP BY task
    """
    return {(name, nth): outcome for name, nth, outcome, _ in store.read(query, (but,))}


def seconds(store: Store, names: Iterable[Name]) -> list[float | None]:
    """What each of the tasks takes, None where that isn't known."""
    query = "SELECT name, nth, mean FROM seconds JOIN task ON task = id"
    known = {(name, nth): mean for name, nth, mean in store.read(query)}
    return [known.get(each) for each in numbered(names)]


def flaky(store: Store) -> list[tuple[str, int]]:
    """The tasks that ended both well and badly with the same code, by name.

    An attempt that failed before one that didn't is such a bad end; being ended with its run isn't.
    """
    query = f"""
        SELECT name, nth FROM result JOIN task ON task = id WHERE {_TELLING}
        GROUP BY task, code
        HAVING min(outcome = 'ok') < max(outcome = 'ok') OR max(outcome = 'ok' AND attempts > 1)
        ORDER BY name, nth
    """
    return list(dict.fromkeys((name, nth) for name, nth in store.read(query)))


def flaky_of(store: Store, run: int, runs: int) -> dict[tuple[str, int], tuple[int, int]]:
    """Of the tasks that failed in a run, those that ended well with the same code, by name.

    The last so many runs are looked at. For each task: in how many of them it, or an attempt at it,
    ended badly with that code, and in how many it ended at all.
    """
    query = f"""
        SELECT name, nth, sum(past.outcome != 'ok' OR past.attempts > 1), count(*)
        FROM (SELECT * FROM result WHERE run = ? AND outcome != 'ok' AND {_TELLING}) AS now
        JOIN (SELECT * FROM result WHERE {_TELLING}) AS past USING (task, code)
        JOIN task ON task = id
        WHERE past.run IN (SELECT id FROM run ORDER BY id DESC LIMIT ?)
        GROUP BY task HAVING max(past.outcome = 'ok')
    """
    return {(name, nth): (bad, all) for name, nth, bad, all in store.read(query, (run, runs))}


def earlier_of(store: Store, name: Name, code: str, but: int, runs: int) -> tuple[int, int]:
    """In how many of the last so many runs a task ended well, and in how many it ended at all.

    Only those of the same code count, and not the run `but`.
    """
    query = f"""
        SELECT coalesce(sum(outcome = 'ok'), 0), count(*) FROM result
        WHERE run IN (SELECT id FROM run WHERE id != ? ORDER BY id DESC LIMIT ?)
        AND task = (SELECT id FROM task WHERE name = ? AND nth = ?) AND code = ? AND {_TELLING}
    """
    ((name, nth),) = numbered([name])
    ((well, all_of_them),) = store.read(query, (but, runs, name, nth, code))
    return well, all_of_them


def prune(store: Store, keep: int, before: float) -> list[int]:
    """Forget runs that began before a time (seconds since 1970), but for the last `keep`.

    Returns their numbers. What tasks take stays known.
    """
    last = "SELECT id FROM run ORDER BY id DESC LIMIT ?"
    old = store.read(f"SELECT id FROM run WHERE began < ? AND id NOT IN ({last})", (before, keep))
    if not old:
        return []
    with store.writing() as database:
        for table, column in (("passed", "run"), ("result", "run"), ("run", "id")):
            database.executemany(f"DELETE FROM {table} WHERE {column} = ?", old)
        database.execute(
            """
            DELETE FROM task WHERE id NOT IN (SELECT task FROM result)
            AND id NOT IN (SELECT task FROM seconds)
            """
        )
    return [number for (number,) in old]
