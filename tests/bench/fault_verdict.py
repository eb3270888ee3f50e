"""What is said of a cell of tests/bench/faults.py, from what was seen of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from fault_rows import ANY, ERROR, VALUE, Row
from fault_rows import INTERRUPTED, LEFT, ONE_FAULT, ORPHANED, SOAK, STILLBORN

# A word for the table, and why.
Found = Iterator[tuple[str, str]]


@dataclass
class Seen:
    """What was seen of a cell."""

    events: list[dict[str, Any]] = field(default_factory=list)
    status: int | None = None  # of the cell's process, None if it had to be killed
    seconds: float | None = None  # from what was done to the pool until all was gone
    left: list[str] = field(default_factory=list)
    errors: str = ""  # what was on stderr
    kills: int = 0
    struck: bool = True  # what the row is about has happened

    def has(self, event: str) -> bool:
        """Whether it has happened."""
        return any(entry["event"] == event for entry in self.events)

    def outcomes(self, *labels: str) -> list[dict[str, Any]]:
        """The outcomes of some tasks."""
        outcomes = [entry for entry in self.events if entry["event"] == "outcome"]
        return [entry for entry in outcomes if entry["label"] in labels]


def faults_found(row: Row, seen: Seen) -> Found:
    """All that went wrong, the worst first: the word for the table, and why."""
    stage = seen.events[-1]["event"] if seen.events else "its start"
    raised = [entry["text"] for entry in seen.events if entry["event"] == "raised"]
    if row.kind != ORPHANED:
        if seen.status is None:
            yield "hangs", f"after {stage!r}"
        elif seen.status != 0 or not seen.has("closed"):
            yield "parent dies", f"exit status {seen.status} after {stage!r}"
    if row.kind in (INTERRUPTED, LEFT) and not seen.has("leaving"):
        yield "never", "the consumer wasn't ended"
    if raised and row.kind != STILLBORN:
        yield "pool dead", raised[0]
    yield from _of_ordinary(row, seen)
    if row.kind == ONE_FAULT:
        yield from _of_fault(row, seen)
    if seen.left:
        yield "orphans", f"{len(seen.left)} left: {seen.left[0]}"
    if not seen.struck:
        yield "not tested", "the fault didn't happen"
    if row.kind == INTERRUPTED and "Traceback" in seen.errors:
        yield "tracebacks", seen.errors.strip().rpartition("\n")[2]


def _of_ordinary(row: Row, seen: Seen) -> Found:
    ordinary, late = seen.outcomes("ordinary", "short"), seen.outcomes("late")
    for word, outcomes in (("hangs", ordinary), ("pool dead", late)):
        missing = [entry for entry in outcomes if entry["kind"] == "never"]
        if missing:
            # Where workers are killed at random, those of the killed tasks are the faulty ones.
            of_faults = row.kind == SOAK and word == "hangs" and len(missing) <= seen.kills
            yield "never" if of_faults else word, f"{len(missing)} outcomes never come"
    for word, outcomes in (("pool dead", late), ("others lost", ordinary)):
        wrong = [entry for entry in outcomes if not entry["right"]]
        if wrong:
            yield word, f"{len(wrong)} tasks, such as: {wrong[0]['text']}"
    if row.kind == SOAK:
        lost = sum(entry["kind"] == "error" for entry in ordinary)
        if lost > seen.kills:
            yield "others lost", f"{lost} tasks by {seen.kills} kills"
    if row.kind in (ONE_FAULT, SOAK) and seen.has("closed"):
        expected = {ONE_FAULT: {"ordinary": 8, "late": 4}, SOAK: {"short": 2000, "late": 4}}
        for label, count in expected[row.kind].items():
            yield from _of_numbers(seen.outcomes(label), count, label)


def _of_fault(row: Row, seen: Seen) -> Found:
    outcomes = seen.outcomes("fault")
    yield from _of_numbers(outcomes, row.times, "fault")
    for entry in outcomes:
        if entry["kind"] == "never":
            yield "never", f"no outcome in {row.wait:g} s"
        elif entry["kind"] == ERROR and row.expected == VALUE:
            yield "refused", entry["text"]
        elif entry["kind"] == VALUE and row.expected == ERROR:
            yield row.otherwise, "a result came, as if nothing had happened"
        elif entry["kind"] == VALUE and row.expected != ANY and not entry["right"]:
            yield "wrong result", "the value isn't what the task returned"


def _of_numbers(outcomes: list[dict[str, Any]], count: int, label: str) -> Found:
    """Each task of a label has exactly one outcome."""
    times = Counter(entry["number"] for entry in outcomes)
    if len(times) < count:
        yield "never", f"{count - len(times)} outcomes of {label!r} tasks are missing"
    if max(times.values(), default=0) > 1:
        yield "twice", f"a {label!r} task has {max(times.values())} outcomes"
