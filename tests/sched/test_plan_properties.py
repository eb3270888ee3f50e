"""What holds of every plan, on random graphs with every kind of need, lock and priority."""

from __future__ import annotations

import random

import pytest

from pexen import Sched
from pexen.sched import Plan
from pexen.testing import RandomGraph, VirtualPool, random_graph

pytestmark = pytest.mark.filterwarnings("ignore::pexen.PexenWarning")

SEEDS = range(96)


def graph_of_ok_tasks(seed: int) -> RandomGraph:
    graph = random_graph(seed)
    rng = random.Random(seed)
    for task in graph.tasks:
        task.behaviour = "ok"
        if seed % 2:  # sums of these are rounded
            task.seconds = rng.choice([0, 0.1, rng.random()])
    return graph


def sched_of(graph: RandomGraph) -> Sched:
    return Sched(graph.tasks, resources=graph.resources, durations=graph.seconds)


def time_of_run(sched: Sched, graph: RandomGraph, plan: Plan | None = None) -> float:
    pool = VirtualPool(graph.workers, graph.seconds)
    results = list(sched.run(pool, order=None if plan is None else plan.order))
    assert len(results) == len(graph.tasks)
    return pool.now


@pytest.mark.parametrize("part", range(4))
def test_a_plan_is_what_a_run_is_in_fact(part: int) -> None:
    for seed in SEEDS[part::4]:
        graph = graph_of_ok_tasks(seed)
        sched = sched_of(graph)
        plan = sched.plan(graph.workers)
        pool = VirtualPool(graph.workers, graph.seconds)
        list(sched.run(pool))
        assert pool.now == plan.makespan, seed
        starts = [(task, now) for now, what, task in pool.log if what == "start"]
        assert [(planned.task, planned.start) for planned in plan.schedule] == starts, seed
        assert sched.plan(graph.workers).schedule == plan.schedule, seed


@pytest.mark.parametrize("part", range(4))
def test_no_run_is_below_a_bound(part: int) -> None:
    for seed in SEEDS[part::4]:
        graph = graph_of_ok_tasks(seed)
        plan = sched_of(graph).plan(graph.workers, search=30)
        assert 0 < plan.lower_bound <= plan.makespan, seed
        assert all(bound.seconds <= plan.makespan * (1 + 1e-9) for bound in plan.bounds), seed
        assert [b.seconds for b in plan.bounds] == sorted((b.seconds for b in plan.bounds))[::-1]
        assert all(0 <= contention.saves <= plan.makespan for contention in plan.contention), seed


@pytest.mark.parametrize("part", range(4))
def test_the_critical_path_leads_from_the_start_to_the_end(part: int) -> None:
    for seed in SEEDS[part::4]:
        graph = graph_of_ok_tasks(seed)
        plan = sched_of(graph).plan(graph.workers)
        assert plan.path[0].start == 0 and plan.path[-1].end == plan.makespan, seed
        for before, step in zip(plan.path, plan.path[1:], strict=False):
            assert before.end == step.start, seed
        total = sum(step.task.seconds for step in plan.path)
        assert total == pytest.approx(plan.makespan), seed
        kinds = [step.kind for step in plan.path]
        assert (kinds[0], kinds.count("at once")) == ("at once", 1), seed


def test_every_kind_of_step_comes_about() -> None:
    kinds = set()
    for seed in SEEDS:
        graph = graph_of_ok_tasks(seed)
        kinds |= {step.kind for step in sched_of(graph).plan(graph.workers).path}
    few = {"at once", "requires", "after", "worker", "lock", "resource", "exclusive"}
    assert few <= kinds <= few | {"turn"}


@pytest.mark.parametrize("part", range(4))
def test_a_search_is_never_worse_and_its_order_can_be_run(part: int) -> None:
    for seed in SEEDS[part::4]:
        graph = graph_of_ok_tasks(seed)
        sched = sched_of(graph)
        plain = sched.plan(graph.workers)
        found = sched.plan(graph.workers, search=20, seed=seed)
        assert found.makespan <= plain.makespan, seed
        assert time_of_run(sched, graph, found) == found.makespan, seed
        assert sched.plan(graph.workers, search=20, seed=seed).schedule == found.schedule, seed


def test_a_search_often_helps() -> None:
    plain = found = 0.0
    for seed in SEEDS:
        graph = graph_of_ok_tasks(seed)
        sched = sched_of(graph)
        plain += sched.plan(graph.workers).makespan
        found += sched.plan(graph.workers, search=20).makespan
    assert found < 0.995 * plain


def test_more_is_searched_for_a_greater_number() -> None:
    for seed in SEEDS[:40]:
        graph = graph_of_ok_tasks(seed)
        sched = sched_of(graph)
        makespans = [sched.plan(graph.workers, search=n).makespan for n in (0, 1, 2, 3, 9, 30)]
        assert makespans == sorted(makespans, reverse=True), seed
