"""How much memory a task takes beyond the callable and its metadata.

    python3 tests/bench/memory.py [--count COUNT] [--quick] …

Prints a table in Markdown: bytes per task, through two threads, each run in a fresh process.
It is how far the peak of resident memory rises from where the callables are there, with what
they declare: until the scheduler is built, and until the last result was seen. Results are
dropped as they come. Linux only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import Row, arguments, at_least, engine, of, parse, table, take_turns

MOST = 1_024  # bytes a task
ROUNDS = 5
LOOP = "graphlib, ThreadPoolExecutor"


def of_shape(shape: str, count: int, rounds: int) -> Iterator[Row]:
    """The rows of a shape."""
    sides = [
        engine("pexen", sys.executable, "pexen", shape, count, memory=True),
        engine(LOOP, sys.executable, "graphlib", shape, count, memory=True),
    ]
    seen = take_turns(sides, rounds)
    ours, theirs = seen["pexen"], seen[LOOP]
    per = 1 / count
    what = f"{count:,} {shape}"
    peak = of(theirs, "total", per)
    yield Row(f"{what}, at the peak", LOOP, of(ours, "total", per), peak, MOST, "ours")
    yield Row(f"{what}, when built", LOOP, of(ours, "build", per), of(theirs, "build", per))
    whole = [(each["total"] + each["declare"]) * per for each in ours]
    yield Row(f"{what}, at the peak, with metadata", LOOP, whole, peak)


def main() -> None:
    """Read the command line, run all shapes, print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--count", type=at_least(10), help="tasks (100,000)")
    options = parse(parser)
    count = options.count or (10_000 if options.quick else 100_000)
    rows: list[Row] = []
    for shape in ("flat", "layered"):
        rows += of_shape(shape, count, min(options.rounds, ROUNDS))
    sys.stdout.write(table(rows, "bytes a task"))


if __name__ == "__main__":
    main()
