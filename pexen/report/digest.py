"""What a page shows of a run, as a value for JSON that isn't larger than a page can be.

All that isn't of a fixed size has a room of so many bytes, from which the tasks that didn't end
well take first. So the size of the value has a bound, whatever ran and whatever it printed.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .culprits import culprits
from .room import Room
from .slow import critical_path, replaced, slowest
from .texts import shortened

# How a task ended, as the page has it; from what to look at first to what is well. A task that
# has not ended is unfinished, one that ended ok with a warning is warn.
STATES = (
    "failed", "timeout", "lost", "cancelled", "blocked", "unknown", "unfinished", "warn",
    "skipped", "ok", "fresh",
)  # fmt: skip
BAD = STATES[: STATES.index("unfinished")]
_WELL = ("skipped", "ok", "fresh")

# So many tasks a page can have; of more those are kept that tell most.
MOST_TASKS = 20_000
_SLOWEST = 30
_STEPS = 2_000  # of the critical path, the last
_FOLLOWED = 40_000  # numbers in all lists of what tasks waited for, together
_FOLLOWED_EACH = 50
_RESULTS = 5_000  # results of their own of all tasks together
_RESULTS_EACH = 200
_WORKERS = 1_000
_ABOUT = 50

# The room for texts of each kind; for one of them at most; and, as long as there is any, at least:
# the first have something to say then, where there would be next to nothing for each. In bytes.
_NAMES = 750_000, 400, 0
_REASONS = 400_000, 2_000, 0
_RERUNS = 200_000, 2_000, 200
_NOTES = 500_000, 4_000, 0
_TRACEBACKS = 700_000, 20_000, 600
_OUTPUTS = 600_000, 20_000, 600  # of tasks that have something to be looked at
_OTHER_OUTPUTS = 300_000, 4_000, 200
_ABOUT_TEXTS = 50_000, 4_000, 0
_WORKER_NAMES = 50_000, 100, 0


def digest(run: Mapping[str, Any]) -> dict[str, Any]:
    """The value; places in its lists are those of tasks that it has kept."""
    tasks: Sequence[Mapping[str, Any]] = run["tasks"]
    states = [state_of(task) for task in tasks]
    steps, slow, blocked_by = critical_path(tasks), slowest(tasks, _SLOWEST), culprits(tasks)
    order = sorted(range(len(tasks)), key=lambda number: (STATES.index(states[number]), number))
    kept = _kept(order, [*(step.number for step in steps[-_STEPS:]), *slow], states)
    place = {number: position for position, number in enumerate(kept)}
    order = [number for number in order if number in place]

    entries = {number: _entry(tasks[number], states[number]) for number in kept}
    workers, replacing = _add_workers(entries, tasks)
    _add_texts(entries, tasks, order)
    _add_results(entries, tasks, order)
    _add_followed(entries, tasks, order, place)
    for number, entry in entries.items():
        if number in blocked_by:
            entry["culprits"] = [place[each] for each in blocked_by[number] if each in place]
    return {
        "name": _line(Room(_NAMES[1], _NAMES[1], 0, 1), run["name"]),
        "began": _number(run["began"]),
        "elapsed": _number(run["elapsed"]),
        "interrupted": bool(run["interrupted"]),
        "states": STATES,
        "bad": BAD,
        "counts": counted(states),
        "left_out": len(tasks) - len(kept),
        "workers": workers,
        "replaced": [[worker, place[number]] for worker, number in replacing if number in place],
        "path": [
            {"task": place[step.number], "after": step.after, "waited": _number(step.waited)}
            for step in steps[-_STEPS:]
            if step.number in place
        ],
        "steps_left_out": max(0, len(steps) - _STEPS),
        "slowest": [place[number] for number in slow if number in place],
        "about": _about(run.get("about") or {}),
        "tasks": list(entries.values()),
    }


def state_of(task: Mapping[str, Any]) -> str:
    """One of STATES."""
    if task["outcome"] is None:
        return "unfinished"
    verdict = task.get("verdict") or task["outcome"]
    return str(verdict) if verdict in STATES else "unknown"


def counted(states: Iterable[str]) -> dict[str, int]:
    """How many there are of each, of those there are, in their order."""
    counts = Counter(states)
    return {state: counts[state] for state in STATES if counts[state]}


def _kept(order: list[int], wanted: list[int], states: list[str]) -> list[int]:
    """The numbers of the tasks that a page has room for, in their own order."""
    if len(order) <= MOST_TASKS:
        return sorted(order)
    bad = [number for number in order if states[number] not in _WELL]
    return sorted(list(dict.fromkeys([*bad[: MOST_TASKS // 2], *wanted, *order]))[:MOST_TASKS])


def _entry(task: Mapping[str, Any], state: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": "", "state": state}
    for key in ("started", "duration"):
        value = _number(task.get(key))
        if value is not None:
            entry[key] = value
    if (task.get("attempts") or 0) > 1:
        entry["attempts"] = int(task["attempts"])
    return entry


def _add_workers(
    entries: dict[int, dict[str, Any]], tasks: Sequence[Mapping[str, Any]]
) -> tuple[list[str], list[tuple[int, int]]]:
    """Give each entry the number of its worker. The names of these, in the order they come up; and
    of each that replaced another, its number and that of the other's last task.
    """
    numbers: dict[Any, int] = {}
    for number, entry in entries.items():
        worker = tasks[number].get("worker")
        if worker is not None and (worker in numbers or len(numbers) < _WORKERS):
            entry["worker"] = numbers.setdefault(worker, len(numbers))
    room = Room(*_WORKER_NAMES, len(numbers))
    names = [_line(room, name) for name in numbers]
    found = replaced(tasks).items()
    return names, [(numbers[worker], last) for worker, last in found if worker in numbers]


def _add_texts(
    entries: dict[int, dict[str, Any]], tasks: Sequence[Mapping[str, Any]], order: list[int]
) -> None:
    """Give each entry its name, and what else there is to read of it."""
    room = Room(*_NAMES, len(order))
    for number in order:
        path = tasks[number].get("callpath") or [tasks[number]["name"]]
        # Cut before they are joined, as that would copy them whole.
        entries[number]["name"] = _line(room, "/".join(shortened(str(each), 300) for each in path))
    look = [number for number in order if entries[number]["state"] not in _WELL]
    well = [number for number in order if entries[number]["state"] in _WELL]
    for key, numbers, size in (
        ("reason", order, _REASONS),
        ("rerun", look, _RERUNS),
        ("traceback", look, _TRACEBACKS),
        ("output", look, _OUTPUTS),
        ("output", well, _OTHER_OUTPUTS),
    ):
        having = [number for number in numbers if tasks[number].get(key)]
        room = Room(*size, len(having))
        for number in having:
            entries[number][key] = room.take(str(tasks[number][key]))


def _add_results(
    entries: dict[int, dict[str, Any]], tasks: Sequence[Mapping[str, Any]], order: list[int]
) -> None:
    """Give each entry its task's results of its own: of too many first those that aren't well."""
    chosen: dict[int, list[Mapping[str, Any]]] = {}
    left = _RESULTS
    for number in order:
        results = tasks[number].get("results") or ()
        most = min(_RESULTS_EACH, left)
        if len(results) > most:
            well = [each["outcome"] in (*_WELL, "info") for each in results]
            best = sorted(range(len(results)), key=well.__getitem__)[:most]
            entries[number]["results_left_out"] = len(results) - most
            results = [results[each] for each in sorted(best)]
        if results:
            chosen[number] = list(results)
            left -= len(results)
    room = Room(*_NOTES, 2 * sum(map(len, chosen.values())))
    for number, results in chosen.items():
        entries[number]["results"] = [
            {
                "name": _line(room, each["name"]),
                "outcome": str(each["outcome"])[:20],
                "note": room.take(str(each.get("note") or "")),
            }
            for each in results
        ]


def _add_followed(
    entries: dict[int, dict[str, Any]],
    tasks: Sequence[Mapping[str, Any]],
    order: list[int],
    place: Mapping[int, int],
) -> None:
    """Give each entry the places of what its task waited for: of too many first the bad ones."""
    left = _FOLLOWED
    for done, number in enumerate(order):
        followed = [each for each in tasks[number].get("waits_for") or () if each in place]
        fair = _FOLLOWED_EACH
        if entries[number]["state"] in _WELL:
            fair = min(fair, left // (len(order) - done))
        most = min(fair, left)
        if len(followed) > most:
            entries[number]["followed_left_out"] = len(followed) - most
            followed.sort(key=lambda each: entries[each]["state"] in _WELL)
            followed = followed[:most]
        if followed:
            entries[number]["followed"] = sorted(place[each] for each in followed)
            left -= len(followed)


def _about(about: Mapping[str, Any]) -> list[list[str]]:
    pairs = list(about.items())[:_ABOUT]
    room = Room(*_ABOUT_TEXTS, 2 * len(pairs))
    return [
        [
            _line(room, key),
            room.take(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)),
        ]
        for key, value in pairs
    ]


def _line(room: Room, text: object) -> str:
    """The text in a line, as names are."""
    return " ".join(room.take(str(text)).split())


def _number(value: float | None) -> float | None:
    """A number as JSON has it, no finer than a microsecond."""
    return round(value, 6) if value is not None and math.isfinite(value) else None
