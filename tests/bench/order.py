"""How good the order is in which tasks are handed out, and how much better a plan's is.

    python3 tests/bench/order.py [GRAPHS]

GRAPHS is a folder of the Standard Task Graph Set, with files NAME.stg and optimum_N.csv, or
a file like `data/stg50.txt`, the default: 180 graphs of 50 tasks, each with 2, 4, 8 and 16
workers. Besides there are made sets with locks and resources. It prints one table. A line is
an order, and has by how much the makespan is above the best, on average in per cent:

    known      above the shortest known of the set; the optimum of nearly all
    proven     above what is proven to be the least; for some no run is that short
    optimal    in how many of the instances the optimum is reached
    and for the made sets, above the shortest that was found here, by a long search

Each makespan is that of a run of `Sched` on a pool in virtual time. It takes a minute or two.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from order_graphs import DATA, KINDS, Instance, Job, made_set, standard_set  # noqa: E402

from pexen import PexenWarning, Sched  # noqa: E402
from pexen.testing import VirtualPool  # noqa: E402

MADE = 40  # instances of each made set
LONG = 300  # simulated runs of the search that says what the best is
SEEDS = 3  # of what is random


def seconds(job: Job) -> float:
    return job.seconds


def run(instance: Instance, durations: Any = None, order: Any = None) -> float:
    """The makespan of a run with these durations known to the scheduler."""
    sched = Sched(instance.tasks, durations=durations, resources=instance.resources)
    pool = VirtualPool(instance.workers, seconds)
    for _ in sched.run(pool, order=order):
        pass
    return pool.now


def planned(instance: Instance, search: int) -> float:
    """The makespan of a run that goes as planned."""
    sched = Sched(instance.tasks, durations=seconds, resources=instance.resources)
    return run(instance, seconds, sched.plan(instance.workers, search=search).order)


def random_order(instance: Instance, seed: int) -> float:
    rng = random.Random(f"{instance.name} {seed}")
    return run(instance, order={job: rng.random() for job in instance.tasks})


def wrong_durations(instance: Instance, seed: int) -> float:
    rng = random.Random(f"{instance.name} {seed}")
    wrong = {job: job.seconds * math.exp(rng.gauss(0, 0.3)) for job in instance.tasks}
    return run(instance, wrong)


# Of each order how it is called, and the makespan by instance and seed.
ORDERS: list[tuple[str, Callable[[Instance, int], float], int]] = [
    ("random", random_order, SEEDS),
    ("as they were added", lambda i, _: run(i, order=dict.fromkeys(i.tasks, 0)), 1),
    ("pexen, no durations", lambda i, _: run(i), 1),
    ("pexen, durations wrong by 30 %", wrong_durations, SEEDS),
    ("pexen, durations known", lambda i, _: run(i, seconds), 1),
    ("plan, search=64", lambda i, _: planned(i, 64), 1),
]


def line(title: str, cells: Sequence[str]) -> None:
    print(f"{title:32}", *(f"{cell:>14}" for cell in cells), flush=True)


def above(makespans: Sequence[float], best: Sequence[float]) -> str:
    """How much the makespans, of one seed after the other, are above the best."""
    parts = [m / best[n % len(best)] - 1 for n, m in enumerate(makespans)]
    return f"{100 * mean(parts):.3f} %"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("graphs", nargs="?", type=Path, default=DATA, metavar="GRAPHS")
    standard = standard_set(parser.parse_args().graphs)
    warnings.simplefilter("ignore", PexenWarning)
    begun = time.monotonic()
    made = {kind: made_set(kind, MADE) for kind in KINDS}
    best = {kind: [planned(i, LONG) for i in instances] for kind, instances in made.items()}
    known, proven = [i.known for i in standard], [i.least for i in standard]
    line("", [f"{len(standard)} standard", "", "", *(f"{MADE} made" for _ in made)])
    line("", ["known", "proven", "optimal", *made])
    for name, makespan, seeds in ORDERS:
        found = [makespan(i, seed) for seed in range(seeds) for i in standard]
        reached = mean(m <= proven[n % len(proven)] for n, m in enumerate(found))
        cells = [above(found, known), above(found, proven), f"{100 * reached:.0f} %"]
        for kind, instances in made.items():
            others = [makespan(i, seed) for seed in range(seeds) for i in instances]
            cells.append(above(others, best[kind]))
        line(name, cells)
    print(f"in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
