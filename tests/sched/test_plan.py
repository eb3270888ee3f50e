"""What `Sched.plan` says of a run: how long it takes, why, and what it leaves alone."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterable
from typing import Any

import pytest

from pexen import PexenWarning, Sched, task
from pexen.sched import DepcheckError, MutexError, Plan, SchedulerError, every
from pexen.testing import VirtualPool

pytestmark = pytest.mark.filterwarnings("ignore::pexen.PexenWarning")


class Job:
    """A task that must not be called; `name` and `seconds` are for the tests."""

    def __init__(self, name: str, seconds: float = 1) -> None:
        self.name = name
        self.seconds = seconds

    def __repr__(self) -> str:
        return self.name

    def __call__(self) -> None:
        raise AssertionError(f"{self.name} was called")


def job(name: str, seconds: float = 1, **fields: Any) -> Job:
    return task(Job(name, seconds), **fields)


def seconds(of: Job) -> float:
    return of.seconds


def planned(jobs: Iterable[Job], workers: int = 1, **options: Any) -> Plan:
    settings = {k: options.pop(k) for k in ("resources",) if k in options}
    return Sched(jobs, durations=seconds, **settings).plan(workers, **options)


def steps(plan: Plan) -> list[tuple[str, float, str]]:
    return [(step.task.name, step.start, step.why) for step in plan.path]


# -- the makespan and its reasons -------------------------------------------------------------


def test_requirements_make_the_critical_path() -> None:
    jobs = [
        job("fetch", 2, provides=["source"]),
        job("build", 5, requires=["source"], provides=["program"]),
        job("docs", 1, requires=["source"]),
        job("clean", 1, after=["program"]),
    ]
    plan = planned(jobs, 2)
    assert (plan.makespan, plan.lower_bound, plan.work) == (8, 8, 9)
    assert plan.utilisation == 9 / 16
    assert steps(plan) == [
        ("fetch", 0, "starts at once"),
        ("build", 2, "requires 'source'"),
        ("clean", 7, "after 'program'"),
    ]
    assert plan.bounds[0] == ("path", None, 8)


def test_with_one_worker_everything_waits_for_it() -> None:
    plan = planned([job("a", 1, claims=["x"]), job("b", 2, claims=["x"]), job("c", 3)])
    assert plan.makespan == plan.lower_bound == 6
    assert [step.kind for step in plan.path] == ["at once", "worker", "worker"]
    assert plan.bounds[0] == ("workers", None, 6)
    assert [contention.saves for contention in plan.contention] == [0]


def test_a_lock_is_named_with_what_it_serialises_and_costs() -> None:
    jobs = [job(f"claim{n}", 2, claims=["disk"]) for n in range(4)] + [job("other", 3)]
    plan = planned(jobs, 4)
    assert plan.makespan == plan.lower_bound == 8
    assert {step.why for step in plan.path[1:]} == {"waits for the lock 'disk'"}
    assert plan.contention == (("lock", "disk", 4, 8.0, 4.0),)
    assert plan.bounds[0] == ("lock", "disk", 8)


def test_one_who_only_uses_a_lock_adds_to_those_who_claim_it() -> None:
    jobs = [job("claim", 3, claims=["disk"])]
    jobs += [job(f"use{n}", n, uses=["disk"]) for n in (1, 2)]
    plan = planned(jobs, 4)
    assert plan.makespan == 5
    assert plan.contention == (("lock", "disk", 3, 5.0, 2.0),)


def test_locks_below_a_claim_count_as_the_worst_way_down() -> None:
    jobs = [
        job("all", 1, claims=[("proc",)]),
        job("sys", 2, claims=[("proc", "sys")]),
        job("vm", 4, claims=[("proc", "sys", "vm")]),
        job("fs", 5, claims=[("proc", "fs")]),
    ]
    plan = planned(jobs, 4)
    assert plan.makespan == 7
    assert {c.key: (c.tasks, c.seconds) for c in plan.contention} == {
        "proc": (4, 7.0),
        ("proc", "sys"): (2, 6.0),
    }


def test_a_task_with_a_lock_and_one_below_it_counts_once() -> None:
    both = {"claims": [("a",), ("a", "b")], "uses": [("a", "b", "c")]}
    plan = planned([job("one", 5, **both), job("other", 5, uses=[("a", "b")])], 2)
    assert plan.makespan == plan.lower_bound == 10


def test_a_resource_is_named_with_what_its_amounts_add_up_to() -> None:
    jobs = [job(f"render{n}", 2, resources={"gpu": 1}) for n in range(6)]
    plan = planned(jobs, 6, resources={"gpu": 2})
    assert plan.makespan == plan.lower_bound == 6
    assert plan.contention == (("resource", "gpu", 6, 6.0, 4.0),)
    assert steps(plan)[-1][1:] == (4, "waits for the resource 'gpu'")


def test_amounts_above_half_of_a_resource_follow_one_another() -> None:
    jobs = [job(f"big{n}", 2, resources={"memory": 3}) for n in range(3)]
    assert planned(jobs, 3, resources={"memory": 5}).bounds[0] == ("resource", "memory", 6)


def test_an_exclusive_task_adds_to_the_work_of_the_others() -> None:
    jobs = [job("alone", 4, exclusive=True), job("a", 3), job("b", 3)]
    plan = planned(jobs, 2)
    assert plan.makespan == plan.lower_bound == 7
    assert plan.bounds[0] == ("workers", None, 7)
    assert plan.contention == (("exclusive", None, 1, 4.0, 1.0),)
    assert plan.path[-1].why == "one of the two is exclusive"


def test_what_comes_before_and_after_a_lock_counts_in_its_bound() -> None:
    jobs = [
        job("before", 2, provides=["start"]),
        *[job(f"claim{n}", 3, requires=["start"], claims=["x"], provides=["end"]) for n in (1, 2)],
        job("any", 1, requires=["end"]),
        job("every", 4, requires=[every("end")]),
    ]
    plan = planned(jobs, 4)
    assert (plan.makespan, plan.bounds[0]) == (12, ("lock", "x", 12))
    task(jobs[4], requires=["end"])  # which one claim alone may provide
    assert planned(jobs, 4).bounds[0] == ("path", None, 9)


def test_a_lock_that_would_have_been_free_is_not_blamed() -> None:
    """The claim could not have begun before, as all workers were busy with better ones."""
    jobs = [job("a", 5, priority=-1, claims=["x"]), job("b", 9, priority=-1), job("c", claims=["x"])]
    assert [step.kind for step in planned(jobs, 2).path] == ["at once"]
    jobs[1].seconds = 5
    assert [step.kind for step in planned(jobs, 2).path] == ["at once", "worker"]


def test_a_lock_is_blamed_when_another_takes_the_worker_meanwhile() -> None:
    jobs = [
        job("holder", 5, claims=["x"]),
        job("first", 1),
        job("claim", 4.5, claims=["x"]),
        job("second", 4),
    ]
    plan = planned(jobs, 2)
    assert steps(plan) == [("holder", 0, "starts at once"), ("claim", 5, "waits for the lock 'x'")]


def test_a_worker_is_blamed_where_the_lock_came_free_before_it() -> None:
    better = {"priority": -1}
    jobs = [
        job("holder", 4, claims=["x"], provides=["then"], **better),
        job("short", 1, **better),
        job("medium", 6, **better),
        job("next", 10, requires=["then"], **better),
        job("claim", 30, claims=["x"]),
        job("filler", 20, priority=1),
    ]
    assert steps(planned(jobs, 3)) == [
        ("medium", 0, "starts at once"),
        ("claim", 6, "waits for a worker"),
    ]


def test_a_task_may_wait_for_the_turn_of_one_that_was_passed_over() -> None:
    """`big` was passed over too often, so what it asks for is kept for it while it waits for `y`."""
    jobs = [
        job("hog", 12, resources={"gpu": 2}, priority=-1),
        job("first", 1, provides=["h"], priority=-1),
        job("big", 5, resources={"gpu": 2}, claims=["y"]),
        *[job(f"small{n}", 1, resources={"gpu": 1}) for n in range(8)],
        job("holder", 20, requires=["h"], claims=["y"]),
        job("late", 30, resources={"gpu": 1}, priority=1),
    ]
    assert steps(planned(jobs, 4, resources={"gpu": 3})) == [
        ("first", 0, "starts at once"),
        ("holder", 1, "requires 'h'"),
        ("late", 21, "waits for the turn of another"),
    ]


def test_the_longest_path_goes_by_the_provider_that_is_first() -> None:
    jobs = [
        job("slow", 9, provides=["x"]),
        job("quick", 1, provides=["x"]),
        job("any", 9, requires=["x"]),
    ]
    plan = planned(jobs, 3)
    assert (plan.makespan, plan.bounds[0]) == (10, ("path", None, 10))
    task(jobs[2], requires=[every("x")])
    assert planned(jobs, 3).makespan == 18


def test_tasks_that_take_no_time_have_their_place_on_the_path() -> None:
    jobs = [job("a", 0, provides=["x"]), job("b", 0, requires=["x"], provides=["y"])]
    plan = planned([*jobs, job("c", 2, requires=["y"])])
    assert [step.task.name for step in plan.path] == ["a", "b", "c"]
    assert planned(jobs).makespan == planned([]).makespan == 0
    assert planned([]).path == () and planned([]).utilisation == 0


def test_the_schedule_has_every_task_in_the_order_of_their_starts() -> None:
    jobs = [job("a", 2), job("b", 3), job("c", 1)]
    plan = planned(jobs, 2)
    assert plan.schedule == ((jobs[1], 0, 3), (jobs[0], 0, 2), (jobs[2], 2, 3))


def test_unknown_durations_count_as_the_median_and_without_any_as_one() -> None:
    known, other, unknown = job("known", 2), job("other", 6), job("unknown")
    sched = Sched([known, other, unknown], durations={known: 2.0, other: 6.0})
    assert sched.plan().work == 12
    assert Sched([known, other, unknown]).plan().work == 3


# -- the search ---------------------------------------------------------------------------------


def puzzle() -> list[Job]:
    """Longest first takes 12 with two workers, where 11 would do."""
    return [job(name, s) for name, s in zip("abcde", (6, 5, 4, 4, 3), strict=True)]


def test_a_search_finds_a_shorter_run_and_how_to_get_it() -> None:
    jobs = puzzle()
    assert planned(jobs, 2).makespan == 12
    plan = planned(jobs, 2, search=64)
    assert plan.makespan == plan.lower_bound == 11
    runs = [job(j.name, j.seconds) for j in jobs]
    assert planned(runs, 2, search=64).order.keys() != plan.order.keys()
    assert list(planned(runs, 2, search=64).order.values()) == list(plan.order.values())


def callable_puzzle() -> tuple[Sched, VirtualPool]:
    lengths = dict(zip("abcde", (6, 5, 4, 4, 3), strict=True))
    tasks = {name: task(lambda: None) for name in lengths}
    durations = {tasks[name]: lengths[name] for name in lengths}
    return Sched(tasks.values(), durations=durations), VirtualPool(2, durations)


def test_a_run_in_the_order_of_a_plan_takes_as_long_as_the_plan_says() -> None:
    sched, pool = callable_puzzle()
    for _ in sched.run(pool, order=sched.plan(2, search=64).order):
        pass
    assert pool.now == 11


def test_a_task_that_the_plan_does_not_know_goes_by_its_remaining_path() -> None:
    sched, pool = callable_puzzle()
    order = sched.plan(2, search=64).order
    late = task(lambda: None)
    sched.add_tasks([late])
    list(sched.run(pool, order=order))
    assert pool.log[-2][2] is late or pool.log[-1][2] is late


def test_an_order_may_be_any_mapping_from_tasks_to_numbers() -> None:
    jobs = [task(lambda: None) for _ in range(3)]
    pool = VirtualPool()
    list(Sched(jobs).run(pool, order={jobs[2]: 5, jobs[1]: 3.5}))
    assert [t for _, what, t in pool.log if what == "start"] == [jobs[2], jobs[1], jobs[0]]
    with pytest.raises(TypeError, match="order is 'best'; give the order of a plan"):
        Sched(jobs).run(order="best")
    with pytest.raises(SchedulerError, match="the order of .* is -1; give seconds, or None"):
        list(Sched(jobs).run(order={jobs[1]: -1}))


def test_no_search_puts_a_priority_behind_a_worse_one() -> None:
    jobs = puzzle()
    task(jobs[4], priority=-1)
    task(jobs[0], priority=1)
    for seed in range(5):
        plan = planned(jobs, 2, search=40, seed=seed)
        assert plan.schedule[0].task is jobs[4] and plan.schedule[-1].task is jobs[0]


# -- what it leaves alone -------------------------------------------------------------------------


def test_a_plan_tells_listeners_nothing_and_leaves_the_last_run_as_it_was() -> None:
    def fails() -> None:
        raise ValueError

    heard: list[Any] = []
    a, b = task(fails, provides=["x"]), task(lambda: None, requires=["x"])
    sched = Sched([a, b], listeners=[heard.append])
    list(sched.run(VirtualPool()))
    outcomes, blocked = dict(sched.outcomes), dict(sched.blocked)
    heard.clear()
    assert sched.plan().makespan == 2
    assert (heard, dict(sched.outcomes), dict(sched.blocked)) == ([], outcomes, blocked)
    list(sched.run(VirtualPool()))
    assert dict(sched.outcomes) == outcomes


def test_during_a_run_there_is_no_planning() -> None:
    sched = Sched([task(lambda: None), task(lambda: None)])
    run = sched.run(VirtualPool())
    next(run)
    with pytest.raises(SchedulerError, match="this Sched is running; plan before its run"):
        sched.plan()
    assert len(list(run)) == 1
    assert sched.plan().makespan == 2


def test_several_threads_may_plan() -> None:
    sched = Sched(puzzle(), durations=seconds)
    found: list[float] = []
    plan = [threading.Thread(target=lambda: found.append(sched.plan(2).makespan)) for _ in range(4)]
    for thread in plan:
        thread.start()
    for thread in plan:
        thread.join()
    assert found == [12] * 4


def test_what_was_added_or_changed_since_counts() -> None:
    jobs = [job("a", claims=["x"]), job("b", claims=["x"])]
    sched = Sched(jobs, durations=seconds)
    assert sched.plan(2).makespan == 2
    jobs[0].pexen_sched_meta_.claims = set()  # type: ignore[attr-defined]
    assert sched.plan(2).makespan == 1
    sched.add_tasks([job("c", claims=["x"])])
    assert sched.plan(2).makespan == 2


def test_what_cannot_run_cannot_be_planned() -> None:
    x = job("x", provides=["x"])
    sched = Sched([x, job("y", requires=["x"], provides=["y"])])
    sched.add_tasks([job("z", requires=["y"], provides=["x"])])
    assert sched.plan().makespan == 3  # any provider will do
    changed = job("changed")
    sched = Sched([changed])
    task(changed, resources={"gpu": 1})
    with pytest.raises(MutexError, match="'gpu' is asked for but not declared"):
        sched.plan()
    first = job("first", provides=["p"], after=["q"])
    sched = Sched([job("q", provides=["q"]), first])
    sched.add_tasks([job("closes", provides=["q"], after=["p"])])
    with pytest.raises(DepcheckError, match="cycle"):
        sched.plan()


@pytest.mark.parametrize(
    "options", [{"workers": 0}, {"workers": 1.5}, {"search": -1}, {"search": True}]
)
def test_wrong_numbers_are_refused(options: dict[str, Any]) -> None:
    name = next(iter(options))
    with pytest.raises(ValueError, match=f"{name} is {options[name]!r}; give a whole number"):
        Sched([]).plan(**options)


def test_a_senseless_duration_is_refused() -> None:
    with pytest.raises(SchedulerError, match="the duration of .* is -1"):
        planned([job("a", -1)])


def test_no_warnings_come_of_a_plan() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", PexenWarning)
        assert planned([job("a", claims=["x"]), job("b", claims=["x"])]).makespan == 2
