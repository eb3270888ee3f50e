"""What a task costs that does nothing, against other ways to run it.

    python3 tests/bench/overhead.py [--only threads|processes] [--shape SHAPE] [--quick] …

Prints a table in Markdown: µs per task, of 10,000 through threads and 5,000 through
processes, with two workers. Each run is a fresh process; engines.py says what is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from loads import SHAPES
from measure import (
    Pythons,
    Row,
    Side,
    arguments,
    at_least,
    engine,
    parse,
    per_task,
    pythons,
    table,
    take_turns,
)

# The highest median ratios wanted, by shape: with building the scheduler, and of the run alone.
THREADS = {"flat": (0.6, 0.4), "layered": (0.9, 0.5), "fan": (0.7, 0.4), "chain": (0.9, 0.8)}
PROCESSES = {"flat": 0.1, "layered": 0.15, "chain": 0.25}
IMAP = 2.0

LOOP, PROCESS_LOOP = "graphlib, ThreadPoolExecutor", "graphlib, ProcessPoolExecutor"
CHUNKS = "multiprocessing.Pool, chunks of 64"
FEW = 3  # rounds of peers that have no target

# So many times the rounds, also those asked for, beside a peer whose own figure is one of two, by
# the round: the median of a few would be of those that happened to be more.
TIMES = 5


def by_threads(env: Pythons, shape: str, count: int, rounds: int) -> Iterator[Row]:
    """The rows of a shape."""
    sides = [
        engine("pexen", env.ours, "pexen", shape, count),
        engine(LOOP, env.ours, "graphlib", shape, count),
        *orientation(env, shape, count),
    ]
    seen = take_turns(sides, rounds)
    ours, theirs = seen["pexen"], seen[LOOP]
    whole, alone = THREADS[shape]
    what = f"threads, {count:,} {shape}"
    yield per_task(what, LOOP, ours, theirs, count, "total", whole)
    yield per_task(f"{what}, run alone", LOOP, ours, theirs, count, "run", alone)
    declared = [dict(each, total=each["total"] + each["declare"]) for each in ours]
    yield per_task(f"{what}, with metadata", LOOP, declared, theirs, count)
    for side in sides[2:]:
        yield per_task(what, side.name, ours, seen[side.name], count)


def orientation(env: Pythons, shape: str, count: int) -> Iterator[Side]:
    """Peers without a target."""
    if env.old is not None:
        yield engine("pexen 0.0.3", env.old, "pexen", shape, count, FEW)
    if env.peers is not None:
        yield engine("dask, threads", env.peers, "dask", shape, count, FEW)
        if shape == "flat":
            yield engine("joblib, threads", env.peers, "joblib", shape, count, FEW)
    yield engine("heap and queues, nothing else", env.ours, "floor", shape, count, FEW)


def by_processes(env: Pythons, shape: str, count: int, rounds: int) -> Iterator[Row]:
    """The rows of a shape."""
    pexen = engine("pexen", env.ours, "pexen-processes", shape, count)
    peers = [(PROCESS_LOOP, "graphlib-processes", rounds, PROCESSES[shape])]
    if shape == "flat":
        peers.append((CHUNKS, "imap", TIMES * rounds, IMAP))
    for name, peer, turns, target in peers:
        seen = take_turns([pexen, engine(name, env.ours, peer, shape, count)], turns)
        what = f"processes, {count:,} {shape}"
        yield per_task(what, name, seen["pexen"], seen[name], count, "total", target)


def main() -> None:
    """Read the command line, run both kinds, print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--count", type=at_least(10), help="tasks through threads (10,000)")
    parser.add_argument("--process-count", type=at_least(10), help="through processes (5,000)")
    parser.add_argument("--only", choices=("threads", "processes"))
    parser.add_argument("--shape", action="append", choices=SHAPES, help="only this shape")
    options = parse(parser)
    count = options.count or (2_000 if options.quick else 10_000)
    process_count = options.process_count or (1_000 if options.quick else 5_000)
    shapes = options.shape or SHAPES
    rows: list[Row] = []
    with pythons(options) as env:
        if options.only != "processes":
            for shape in shapes:
                rows += by_threads(env, shape, count, options.rounds)
        if options.only != "threads":
            for shape in [shape for shape in shapes if shape in PROCESSES]:
                rows += by_processes(env, shape, process_count, options.rounds)
    sys.stdout.write(table(rows, "µs a task"))


if __name__ == "__main__":
    main()
