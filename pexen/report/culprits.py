"""Which tasks kept others from running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# So many are named of a task that has more.
_MOST = 20

_WELL = ("ok", "fresh", "skipped", None)


def culprits(tasks: Sequence[Mapping[str, Any]]) -> dict[int, list[int]]:
    """For each blocked task those that blocked it, also through others that they blocked.

    Numbers are places in the list of tasks, which are mappings with `outcome` and `waits_for`. A
    task that waited for one that failed only to come after it, is no more blocked than by it; where
    something else kept it from running, a lock that was left held, its list is empty.
    """
    found: dict[int, list[int]] = {}
    for number, task in enumerate(tasks):
        if task["outcome"] == "blocked" and number not in found:
            _search(tasks, number, found)
    return found


def _search(tasks: Sequence[Mapping[str, Any]], first: int, found: dict[int, list[int]]) -> None:
    """Find those of a task, and of all it needs for that; without recursion, which may be deep."""
    waiting = [first]
    entered: set[int] = set()
    while waiting:
        number = waiting[-1]
        if number in found:
            waiting.pop()
        elif number in entered:
            found[number] = _of(tasks, number, found)
        else:
            entered.add(number)
            waiting += [
                each
                for each in tasks[number].get("waits_for") or ()
                if tasks[each]["outcome"] == "blocked" and each not in entered
            ]


def _of(
    tasks: Sequence[Mapping[str, Any]], number: int, found: Mapping[int, list[int]]
) -> list[int]:
    """Those of a task, when those of the blocked ones it waited for are known."""
    failed: dict[int, None] = {}
    skipped: dict[int, None] = {}
    for each in tasks[number].get("waits_for") or ():
        outcome = tasks[each]["outcome"]
        if outcome == "blocked":
            failed.update(dict.fromkeys(found.get(each, ())))
        elif outcome == "skipped":
            skipped[each] = None
        elif outcome not in _WELL:
            failed[each] = None
    # A task that skipped may have provided what it does all the same.
    return list(failed or skipped)[:_MOST]
