"""One cell of tests/bench/faults.py: does its plan with its pool, and writes a record.

    python fault_cell.py ROW POOL RECORD

The record has a line of JSON for everything that happens. It is judged by fault_watch,
which sees also what is left when this process has ended.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from typing import Any

import fault_tasks
from fault_plan import Job, Plan
from fault_pools import POOLS
from fault_rows import BY_NAME, INTERRUPTED, LEFT, ONE_FAULT, ORPHANED, SOAK, STILLBORN, Row

ORDINARY = 4  # tasks before the faulty one, after it, and late
BUSY = 8
SHORT = 2000


def squares(label: str, first: int, count: int = ORDINARY) -> list[Job]:
    """Ordinary tasks."""
    numbers = range(first, first + count)
    return [Job(label, n, fault_tasks.square, (n,)) for n in numbers]


def plan_of(row: Row) -> Plan:
    """What is to be done for a row."""
    late = squares("late", 100)
    ordinary = squares("ordinary", 0)
    if row.kind == ONE_FAULT:
        argument = () if row.argument is None else (row.argument(),)
        jobs = [Job("fault", n, row.task, argument, row.timeout) for n in range(row.times)]
        first = ordinary + jobs + squares("ordinary", ORDINARY)
        return Plan(first, late, row.initializer, row.wait)
    if row.kind == STILLBORN:
        return Plan(ordinary, [], row.initializer, row.wait)
    if row.kind == SOAK:
        short = [Job("short", n, fault_tasks.nearly_nothing, (n,)) for n in range(SHORT)]
        return Plan(short, late, wait=row.wait, calms=True)
    assert row.kind in (INTERRUPTED, ORPHANED, LEFT)
    busy = [Job("busy", n, fault_tasks.busy) for n in range(BUSY)]
    leaves = row.kind == LEFT
    # What interrupts it comes from outside, or from the plan: no outcome is waited for in vain.
    return Plan(ordinary[:1] + busy if leaves else busy, wait=60, leaves=leaves)


def is_right(row: Row, job: Job, kind: str, value: Any) -> bool:
    """Whether an outcome is what it has to be, apart from how the pool ends."""
    if row.kind == STILLBORN:
        return kind == "error"
    if job.label == "fault":
        size = len(value) if isinstance(value, bytes) else value
        return kind != "value" or row.returns is None or size == row.returns
    if job.label == "short":
        return kind == "error" or value == job.number
    return kind == "value" and value == job.number**2


def recorder(row: Row, path: str) -> Callable[..., None]:
    """What writes the record."""

    def note(event: str, job: Job | None = None, kind: str = "", value: Any = None) -> None:
        line: dict[str, Any] = {"event": event}
        if job is not None:
            text = str(value).strip().rpartition("\n")[2] if kind == "error" else ""
            line |= {"label": job.label, "number": job.number, "kind": kind}
            line |= {"right": is_right(row, job, kind, value), "text": text[:200]}
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    return note


def main() -> None:
    """Do it."""
    row, pool = BY_NAME[sys.argv[1]], POOLS[sys.argv[2]]()
    note = recorder(row, sys.argv[3])
    logging.basicConfig(level=logging.ERROR)
    if row.before is not None:
        row.before()
    plan = plan_of(row)
    note("started")
    try:
        pool.execute(plan, note)
    except Exception as exc:
        note("raised", Job("pool", 0, main), "error", f"{type(exc).__name__}: {exc}")
    note("closed")


if __name__ == "__main__":
    assert "FAULT_FOLDER" in os.environ
    main()
