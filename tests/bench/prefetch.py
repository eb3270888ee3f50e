"""How many tasks are handed to the pool ahead, and how long an urgent one waits behind them.

    python3 tests/bench/prefetch.py [--quick] …

Prints a table in Markdown: numbers of tasks, through two threads, each run in a fresh process;
prefetch_cell.py says what is counted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import HERE, ROOT, Row, Side, arguments, of, parse, table, take_turns

# Microseconds that tasks take, and how many of them there are.
TASKS = {10: 5_000, 100: 2_000, 1_000: 500, 20_000: 60}
LONG, MOST_LATE = 20_000, 1
LOOP = "graphlib, ThreadPoolExecutor"


def title(microseconds: int) -> str:
    """A duration, as people write it."""
    whole = microseconds >= 1_000
    return f"{microseconds // 1_000} ms" if whole else f"{microseconds} µs"


def of_length(microseconds: int, count: int, rounds: int) -> Iterator[Row]:
    """The rows of a length of tasks."""

    def side(name: str, way: str) -> Side:
        command = [sys.executable, str(HERE / "prefetch_cell.py"), way]
        command += [str(microseconds), str(count)]
        return Side(name, command, environ={"PYTHONPATH": str(ROOT)})

    seen = take_turns([side("pexen", "pexen"), side(LOOP, "graphlib")], rounds)
    target = MOST_LATE if microseconds == LONG else None
    tasks = f"{count:,} tasks of {title(microseconds)}"
    for figure, what in (("late", "begun before the urgent one"), ("ahead", "ahead at most")):
        ours, theirs = (of(seen[name], figure) for name in ("pexen", LOOP))
        yield Row(f"{tasks}, {what}", LOOP, ours, theirs, target, "ours")
        target = None


def main() -> None:
    """Read the command line, run all lengths, print the table."""
    options = parse(arguments(__doc__, rounds=5))
    tasks = {LONG: 10, 10: 500} if options.quick else TASKS
    rows: list[Row] = []
    for length, count in tasks.items():
        rows += of_length(length, count, options.rounds)
    sys.stdout.write(table(rows, "tasks"))


if __name__ == "__main__":
    main()
