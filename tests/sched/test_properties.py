"""Correctness as a property: random graphs, an independent judge, and wrong schedulers."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from in_rows import InRows
from model import Judge, Violation

from pexen import PexenWarning, Sched
from pexen.sched import events
from pexen.sched import order as order_module
from pexen.sched import requests as requests_module
from pexen.sched import run as run_module
from pexen.sched.common import Outcome, Reason, TaskRes
from pexen.sched.graph import Graph
from pexen.sched.locks import Locks
from pexen.sched.meta import func_meta
from pexen.sched.requests import Request
from pexen.sched.run import Run
from pexen.sched.state import State, check
from pexen.testing import RandomGraph, RandomTask, VirtualPool, random_graph

SEEDS = range(2400)
SEEDS_FOR_WRONG = range(400)


def judged_run(seed: int, size: int = 25) -> None:
    """Run a random graph; in some of them, stop or leave on the way."""
    graph = random_graph(seed, size)
    judge_run_of(graph, VirtualPool(graph.workers, graph.seconds), seed)


def judge_run_of(graph: RandomGraph, pool: VirtualPool, seed: int) -> None:
    judge = Judge(graph.resources, pool, graph.seconds)
    yielded = []

    def count_handed(event: events.Event) -> None:
        """While a run waits, what is handed out is with the pool, and nowhere else."""
        if isinstance(event, events.Checkpoint) and not event.tasks:
            run = sched._run
            assert run is not None
            handed = len(run.handed_nodes())
            if handed != pool.due:
                judge.found = Violation("handed", f"{handed} are, {pool.due} are due")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PexenWarning)
        sched = Sched(
            graph.tasks,
            resources=graph.resources,
            durations=graph.seconds,
            listeners=[judge.hear, count_handed],
        )
        judge.add(graph.tasks)
        results = sched.run(pool)
        for count, res in enumerate(results):
            judge.raise_found()
            check(sched._run)
            yielded.append(res.task)
            if res.task in graph.later:
                judge.add(graph.later[res.task])
                sched.add_tasks(graph.later[res.task])
            if seed % 11 == 0 and count == 5:
                sched.stop()
            if seed % 13 == 0 and count == 7:
                sched.abort()
    judge.raise_found()
    judge.check_end(sched, yielded)


@pytest.mark.parametrize("part", range(8))
def test_random_graphs_are_run_by_the_rules(part: int) -> None:
    for seed in SEEDS[part :: 8]:
        try:
            judged_run(seed)
        except Violation as found:
            pytest.fail(f"seed {seed}: {found}")


def judged_run_in_rows(seed: int) -> int:
    """Run a graph in which many tasks claim the same; returns how many were not first in a row."""
    rng = random.Random(f"rows {seed}")
    graph = random_graph(seed, 40)
    for body in graph.every_task():
        if rng.random() < 0.6:
            func_meta(body, claims={rng.choice(["disk", "disk", "net"])}, uses=set(), resources={})
        if seed % 3:
            added = body not in graph.tasks
            func_meta(body, exclusive=added and seed % 3 == 1 and rng.random() < 0.3)
        if seed % 2:
            func_meta(body, priority=0)
    pool = InRows(graph.workers, graph.seconds, rng.randint(2, 6), rng)
    judge_run_of(graph, pool, seed)
    return sum(len(row) - 1 for row in pool.taken)


def test_random_graphs_are_run_by_the_rules_also_in_rows() -> None:
    behind = 0
    for seed in SEEDS_FOR_WRONG:
        try:
            behind += judged_run_in_rows(seed)
        except Violation as found:
            pytest.fail(f"seed {seed}: {found}")
    assert behind > len(SEEDS_FOR_WRONG), "hardly any rows"


def judged_stream(workers: int = 2, length: int = 60) -> None:
    """A claim that waits while tasks that use the same lock keep coming."""
    claim = RandomTask("claim", 3, "ok", {})
    func_meta(claim, claims=["disk"])
    users = [RandomTask(f"use{n}", 1 + n % 2 / 2, "ok", {}) for n in range(length)]
    for user in users:
        func_meta(user, uses=["disk"])
    pool = VirtualPool(workers, lambda task: task.seconds)
    judge = Judge({}, pool, lambda task: task.seconds)
    first, coming = users[:workers], iter(users[workers:])
    sched = Sched(first, durations=pool.durations, listeners=[judge.hear])
    judge.add(first)
    yielded = []
    for res in sched.run(pool):
        judge.raise_found()
        yielded.append(res.task)
        batch = [user for _, user in zip(range(2), coming)]
        if len(yielded) == 1:
            batch.append(claim)
        judge.add(batch)
        sched.add_tasks(batch)
    judge.raise_found()
    judge.check_end(sched, yielded)


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_a_claim_is_not_starved_by_its_equals(workers: int) -> None:
    judged_stream(workers)


@pytest.mark.filterwarnings("ignore::pexen.PexenWarning")
@pytest.mark.parametrize("workers", [2, 4])
@pytest.mark.parametrize("chains", [2, 3, 10])
@pytest.mark.parametrize("patient", [0, 1, 3])
def test_those_who_come_later_to_a_queue_do_not_starve_who_waits_there(
    workers: int, chains: int, patient: int
) -> None:
    """Nor if somebody of a worse priority, whom they may starve, has waited longer."""

    def claiming(number: int, priority: int = 1) -> RandomTask:
        body = RandomTask(f"task{number}", 1, "ok", {})
        func_meta(body, claims=["disk"], priority=priority)
        return body

    tasks = [claiming(100 * start + n) for start in range(chains) for n in range(60)]
    for number, body in enumerate(tasks):
        func_meta(body, provides=[number], requires=[number - 1][: number % 60])
    single = claiming(9999)
    pool = VirtualPool(workers, lambda task: task.seconds)
    sched, order = Sched([claiming(8000 + n, priority=5) for n in range(patient + 1)]), []
    for res in sched.run(pool):
        if not order:
            sched.add_tasks([*tasks, single])
        order.append(res.task)
    assert order.index(single) <= 2 * workers + chains + 1


def test_a_scheduler_without_reservations_starves_a_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Locks, "_pass_over", lambda self, entry: None)
    with pytest.raises(Violation, match="starvation"):
        judged_stream()


def test_large_random_graphs_are_run_by_the_rules() -> None:
    for seed in range(10):
        judged_run(seed, size=250)


def test_a_random_graph_is_run_the_same_way_every_time() -> None:
    logs = []
    for _ in range(2):
        graph = random_graph(7)
        pool = VirtualPool(graph.workers, graph.seconds)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PexenWarning)
            list(Sched(graph.tasks, resources=graph.resources, durations=graph.seconds).run(pool))
        logs.append([(now, what, repr(task)) for now, what, task in pool.log])
    assert logs[0] == logs[1]


# -- wrong schedulers: each has one rule removed, and one check meant for it --------------

WRONG: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {}


def wrong(check: str) -> Callable[[Any], Any]:
    def note(change: Any) -> Any:
        WRONG[change.__name__] = check, change
        return change

    return note


@wrong("requires")
def requirements_are_ignored(patch: pytest.MonkeyPatch) -> None:
    prepare = Graph.prepare

    def all_ready(self: Graph) -> Any:
        _, order = prepare(self)
        plain = [n for n in range(len(self)) if n not in self.barred]
        return plain, order

    patch.setattr(Graph, "prepare", all_ready)


@wrong("every")
def every_is_met_by_any(patch: pytest.MonkeyPatch) -> None:
    prepare = Graph.prepare

    def one_is_enough(self: Graph) -> Any:
        answer = prepare(self)
        for tag in self.tags.values():
            for barrier in tag.barriers:
                if barrier.kind == "every":
                    barrier.left = 1
        return answer

    patch.setattr(Graph, "prepare", one_is_enough)


@wrong("after")
def after_waits_for_one(patch: pytest.MonkeyPatch) -> None:
    prepare = Graph.prepare

    def one_is_enough(self: Graph) -> Any:
        answer = prepare(self)
        for tag in self.tags.values():
            for barrier in tag.barriers:
                if barrier.kind == "after":
                    barrier.left = 1
        return answer

    patch.setattr(Graph, "prepare", one_is_enough)


def _without(patch: pytest.MonkeyPatch, **replaced: Any) -> None:
    of = Request.of.__func__  # type: ignore[attr-defined]

    def reduced(cls: Any, meta: Any) -> Request:
        return of(cls, meta)._replace(**replaced)

    patch.setattr(Request, "of", classmethod(reduced))


@wrong("locks")
def claims_are_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, claims=())


@wrong("locks")
def uses_are_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, uses=())


@wrong("locks")
def keys_are_not_hierarchical(patch: pytest.MonkeyPatch) -> None:

    def flat(keys: Any) -> Any:
        return tuple((requests_module.as_key(key), ()) for key in keys)

    patch.setattr(requests_module, "_with_prefixes", flat)


@wrong("locks")
def failures_release_their_locks(patch: pytest.MonkeyPatch) -> None:
    release = Locks.release
    patch.setattr(Locks, "release", lambda self, node, keep="": release(self, node))


@wrong("resources")
def capacities_are_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, resources=())


@wrong("exclusive")
def exclusive_is_ignored(patch: pytest.MonkeyPatch) -> None:
    _without(patch, exclusive=False)


@wrong("workers")
def the_pool_is_never_full(patch: pytest.MonkeyPatch) -> None:
    start = VirtualPool._start

    def one_more(self: VirtualPool) -> None:
        self.workers += 1
        start(self)

    patch.setattr(VirtualPool, "_start", one_more)


def _with_entries(patch: pytest.MonkeyPatch, change: Callable[..., Any]) -> None:
    entries = order_module.Order._entries

    def changed(self: Any, *args: Any) -> Any:
        return [change(*entry) for entry in entries(self, *args)]

    patch.setattr(order_module.Order, "_entries", changed)


@wrong("priority")
def priorities_are_ignored(patch: pytest.MonkeyPatch) -> None:
    _with_entries(patch, lambda priority, path, node: (0, path, node))


@wrong("order")
def the_shortest_path_comes_first(patch: pytest.MonkeyPatch) -> None:
    _with_entries(patch, lambda priority, path, node: (priority, -path, node))


@wrong("order")
def dependents_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(order_module, "_TIE", 0.0)


@wrong("order")
def equals_are_not_run_as_they_were_added(patch: pytest.MonkeyPatch) -> None:
    _with_entries(patch, lambda priority, path, node: (priority, path - node * 1e-9, node))


@wrong("once")
def failed_tasks_are_silently_run_again(patch: pytest.MonkeyPatch) -> None:
    receive = Run.receive

    def again(self: Run, node: int, res: TaskRes) -> Any:
        if res.task.behaviour != "fail" or res.task.runs > 1:
            return receive(self, node, res)
        self._release(node)
        self.state[node] = State.READY
        self._frontline.fresh.append(self._order.entries[node])
        return None

    patch.setattr(Run, "receive", again)


@wrong("outcome")
def the_blocked_are_forgotten(patch: pytest.MonkeyPatch) -> None:
    end = Run._end

    def end_and_forget(self: Run, ends: Any) -> None:
        ends = list(ends)
        end(self, ends)
        for node, outcome, _ in ends:
            if outcome is Outcome.BLOCKED:
                self._outcomes.pop(node, None)

    patch.setattr(Run, "_end", end_and_forget)


@wrong("blocked")
def the_blocked_are_not_told_why(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(run_module, "requires_reason", lambda *args: Reason("requires", "", "tag0"))


@wrong("stop")
def stop_is_ignored(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Run, "_cancel", lambda self: None)
    patch.setattr(Run, "_tears_down", lambda self, node: True)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_scheduler_is_rejected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check, change = WRONG[name]
    change(monkeypatch)
    found = set()
    for seed in SEEDS_FOR_WRONG:
        try:
            judged_run(seed)
        except Violation as violation:
            found.add(violation.check)
        except Exception as exc:  # a broken scheduler may break in other ways as well
            found.add(type(exc).__name__)
        if check in found:
            return
    pytest.fail(f"{name} passed the check {check!r}; others said {found or 'nothing'}")
