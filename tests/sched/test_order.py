"""How good the order is, on graphs of which it is known how short a run can be."""

from __future__ import annotations

import pathlib
import sys
from statistics import mean

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "bench"))

from order_graphs import Instance, Job, made_set, standard_set  # noqa: E402

from pexen import Sched  # noqa: E402
from pexen.testing import VirtualPool  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::pexen.PexenWarning")

SAMPLE = standard_set()[::5]  # tests/bench/order.py takes all


def seconds(job: Job) -> float:
    return job.seconds


def makespan(instance: Instance, known: bool = True, search: int = 0) -> float:
    durations = seconds if known else None
    sched = Sched(instance.tasks, durations=durations, resources=instance.resources)
    order = sched.plan(instance.workers, search=search).order if search else None
    pool = VirtualPool(instance.workers, seconds)
    list(sched.run(pool, order=order))
    return pool.now


def above_known(**options: object) -> float:
    """By how many per cent makespans are above the shortest known, on average."""
    parts = [makespan(i, **options) / i.known - 1 for i in SAMPLE]  # type: ignore[arg-type]
    return 100 * mean(parts)


def test_the_set_is_whole() -> None:
    graphs = standard_set()
    assert len(graphs) == 720 and {len(graph.tasks) for graph in graphs} == {50}
    for graph in graphs:
        work = sum(job.seconds for job in graph.tasks)
        assert work / graph.workers <= graph.known <= work
        assert graph.least <= graph.known


def test_known_durations_come_within_half_a_per_cent() -> None:
    assert above_known() < 0.55


def test_no_durations_come_within_a_few_per_cent() -> None:
    assert above_known(known=False) < 2.4


def test_a_search_comes_within_a_tenth_of_a_per_cent() -> None:
    assert above_known(search=64) < 0.1


def test_no_run_is_below_what_is_proven() -> None:
    for instance in SAMPLE:
        plan = Sched(instance.tasks, durations=seconds).plan(instance.workers, search=20)
        assert plan.lower_bound <= instance.known
        assert plan.makespan >= instance.least


def test_with_locks_a_search_is_near_too() -> None:
    instances = made_set("locks", 10)
    plain = mean(makespan(i) for i in instances)
    long = mean(makespan(i, search=200) for i in instances)
    assert long <= mean(makespan(i, search=64) for i in instances) <= plain < 1.05 * long
