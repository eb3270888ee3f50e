"""What a task costs when there are a million of them, against ten thousand and against a peer.

    python3 tests/bench/scale.py [--most COUNT] [--quick] …

Prints a table in Markdown: µs per task, through two threads, each run in a fresh process;
engines.py says what is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import Row, arguments, at_least, engine, parse, per_task, table, take_turns

SIZES = {"flat": (10, 100, 1_000, 10_000, 100_000), "layered": (1_000, 10_000, 100_000)}
GROWTH = 1.8  # the highest median ratio wanted, of the run alone, most tasks to BASE
BASE = 10_000
MOST_ROUNDS = 5
LOOP = "graphlib, ThreadPoolExecutor"


def at_size(shape: str, count: int, rounds: int) -> Iterator[Row]:
    """The row of a size."""
    sides = [
        engine("pexen", sys.executable, "pexen", shape, count),
        engine(LOOP, sys.executable, "graphlib", shape, count),
    ]
    seen = take_turns(sides, rounds)
    yield per_task(f"{count:,} {shape}", LOOP, seen["pexen"], seen[LOOP], count)


def at_most(shape: str, most: int, base: int, rounds: int) -> Iterator[Row]:
    """The rows that have targets."""
    sides = [
        engine("base", sys.executable, "pexen", shape, base),
        engine("pexen", sys.executable, "pexen", shape, most),
        engine(LOOP, sys.executable, "graphlib", shape, most),
    ]
    seen = take_turns(sides, rounds)
    yield per_task(f"{most:,} {shape}", LOOP, seen["pexen"], seen[LOOP], most, target=1)
    ours = [each["run"] * 1e6 / most for each in seen["pexen"]]
    few = [each["run"] * 1e6 / base for each in seen["base"]]
    yield Row(f"{most:,} {shape}, run alone", f"pexen, {base:,}", ours, few, GROWTH)


def main() -> None:
    """Read the command line, run all sizes, print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--most", type=at_least(100), help="the most tasks (1,000,000)")
    options = parse(parser)
    most = options.most or (20_000 if options.quick else 1_000_000)
    base = min(BASE, most // 10)
    rows: list[Row] = []
    for shape, sizes in SIZES.items():
        for count in [size for size in sizes if size < most]:
            rows += at_size(shape, count, options.rounds)
        rows += at_most(shape, most, base, min(options.rounds, MOST_ROUNDS))
    sys.stdout.write(table(rows, "µs a task"))


if __name__ == "__main__":
    main()
