"""How good the order is, on graphs of which it is known how short a run can be."""

from __future__ import annotations

import importlib.util
import pathlib
import sys
from statistics import mean
from typing import TYPE_CHECKING

import pytest

from pexen import Sched, task
from pexen.sched import DepcheckError
from pexen.testing import VirtualPool

if TYPE_CHECKING:
    import order_graphs
else:
    # By its path: benchmarks have files named as those of other tests are.
    _place = pathlib.Path(__file__).parents[1] / "bench" / "order_graphs.py"
    _spec = importlib.util.spec_from_file_location("order_graphs", _place)
    order_graphs = importlib.util.module_from_spec(_spec)
    sys.modules["order_graphs"] = order_graphs
    _spec.loader.exec_module(order_graphs)

Instance, Job = order_graphs.Instance, order_graphs.Job
made_set, standard_set = order_graphs.made_set, order_graphs.standard_set

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


def sequence(sched: Sched, instance: Instance) -> list[object]:
    """The tasks of a run in the order in which they end, when nothing is known of durations."""
    return [res.task for res in sched.run(VirtualPool(instance.workers, seconds))]


def test_the_order_is_the_same_however_the_tasks_were_added() -> None:
    def impossible() -> None:
        pass

    task(requires={"what nothing provides"})(impossible)
    for instance in SAMPLE:
        at_once = Sched(instance.tasks)
        expected = sequence(at_once, instance)
        assert sequence(at_once, instance) == expected
        half = len(instance.tasks) // 2
        by_halves = Sched(instance.tasks[:half])
        with pytest.raises(DepcheckError):
            by_halves.add_tasks([impossible])
        by_halves.add_tasks(instance.tasks[half:])
        assert sequence(by_halves, instance) == expected
        between_runs = Sched(instance.tasks[:half])
        sequence(between_runs, instance)
        between_runs.add_tasks(instance.tasks[half:])
        assert sequence(between_runs, instance) == expected
