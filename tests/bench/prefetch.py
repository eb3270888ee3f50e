"""How many tasks are handed to the pool ahead, and how long an urgent one waits behind them.

    python3 tests/bench/prefetch.py [--quick] …

Prints a table in Markdown: numbers of tasks, through two threads, each run in a fresh process;
prefetch_cell.py says what is counted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import HERE, ROOT, Row, Side, arguments, of, parse, table, take_turns

# Microseconds that tasks take, how many of them there are, and how many of 10 µs come first.
TASKS = [(10, 5_000, 0), (100, 2_000, 0), (1_000, 500, 0), (20_000, 60, 0), (20_000, 60, 2_000)]
QUICK = [(10, 500, 0), (20_000, 10, 0), (20_000, 10, 200)]
LONG, MOST_LATE = 20_000, 1
LOOP = "graphlib, ThreadPoolExecutor"


def title(microseconds: int) -> str:
    """A duration, as people write it."""
    whole = microseconds >= 1_000
    return f"{microseconds // 1_000} ms" if whole else f"{microseconds} µs"


def of_length(microseconds: int, count: int, short: int, rounds: int) -> Iterator[Row]:
    """The rows of a length of tasks."""

    def side(name: str, way: str) -> Side:
        command = [sys.executable, str(HERE / "prefetch_cell.py"), way]
        command += [str(microseconds), str(count), str(short)]
        return Side(name, command, environ={"PYTHONPATH": str(ROOT)})

    seen = take_turns([side("pexen", "pexen"), side(LOOP, "graphlib")], rounds)
    target = MOST_LATE if microseconds == LONG else None
    tasks = f"{count:,} of {title(microseconds)}"
    if short:
        tasks = f"{short:,} of 10 µs, then {tasks}"
    for figure, what in (("late", "begun before the urgent one"), ("ahead", "ahead at most")):
        ours, theirs = (of(seen[name], figure) for name in ("pexen", LOOP))
        yield Row(f"{tasks}, {what}", LOOP, ours, theirs, target, "ours")
        target = None


def main() -> None:
    """Read the command line, run all lengths, print the table."""
    options = parse(arguments(__doc__, rounds=5))
    rows: list[Row] = []
    for length, count, short in QUICK if options.quick else TASKS:
        rows += of_length(length, count, short, options.rounds)
    sys.stdout.write(table(rows, "tasks"))


if __name__ == "__main__":
    main()
