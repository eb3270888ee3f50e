"""What a claim shared by all tasks costs: more tasks against fewer, against a chain, and 0.0.3.

    python3 tests/bench/locks.py [--count COUNT] [--quick] …

Prints a table in Markdown: µs per task, through two threads, each run in a fresh process;
engines.py says what is timed. Only one of the tasks can run at a time, as in a chain.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import (
    Pythons,
    Row,
    arguments,
    at_least,
    engine,
    of,
    parse,
    per_task,
    pythons,
    table,
    take_turns,
)

GROWTH = CHAIN = 1.3  # the highest median ratios wanted
OLD_SIZES = (250, 500, 1_000)
OLD_ROUNDS = 5


def growth(count: int, rounds: int) -> Iterator[Row]:
    """The rows that have targets."""
    sides = [
        engine("few", sys.executable, "pexen-claim", "flat", count // 10),
        engine("many", sys.executable, "pexen-claim", "flat", count),
        engine("chain", sys.executable, "pexen", "chain", count),
    ]
    seen = take_turns(sides, rounds)
    many, few = of(seen["many"], "total", 1e6 / count), of(seen["few"], "total", 1e7 / count)
    yield Row(f"{count:,} with one claim", f"pexen, {count // 10:,}", many, few, GROWTH)
    yield per_task(
        f"{count:,} with one claim", "pexen, chain of as many", seen["many"], seen["chain"], count,
        target=CHAIN,
    )  # fmt: skip


def against_old(env: Pythons, rounds: int) -> Iterator[Row]:
    """A row for each small size."""
    if env.old is None:
        return
    for count in OLD_SIZES:
        sides = [
            engine("pexen", env.ours, "pexen-claim", "flat", count),
            engine("old", env.old, "pexen-claim", "flat", count),
        ]
        seen = take_turns(sides, rounds)
        what = f"{count:,} with one claim"
        yield per_task(what, "pexen 0.0.3", seen["pexen"], seen["old"], count)


def main() -> None:
    """Read the command line, run all, print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--count", type=at_least(20), help="tasks (20,000)")
    options = parse(parser)
    count = options.count or (2_000 if options.quick else 20_000)
    with pythons(options) as env:
        rows = [*growth(count, options.rounds)]
        rows += against_old(env, min(options.rounds, OLD_ROUNDS))
    sys.stdout.write(table(rows, "µs a task"))


if __name__ == "__main__":
    main()
