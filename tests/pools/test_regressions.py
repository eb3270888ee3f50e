"""Defects that were found once: each test tells the story of one."""

from __future__ import annotations

import functools
import os
import pathlib
import random
import sys
import threading
import time
import weakref
from typing import Any
from unittest.mock import Mock

import pool_tasks as tasks
import pytest
from pool_support import make
from test_contract import begun, finish, started

from pexen import Sched, task
from pexen.sched import DepcheckError, Outcome, events
from pexen.sched.meta import SchedMeta, assign_meta, assign_val
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

pytestmark = pytest.mark.abandons


def naps(seconds: float) -> Any:
    """A task that keeps its worker busy for so long, as only time can show these defects."""
    return lambda: time.sleep(seconds)


def marked(folder: pathlib.Path, number: int, seconds: float) -> Any:
    def body() -> int:
        with (folder / str(number)).open("a") as mark:
            mark.write("x")
        time.sleep(seconds)
        return number

    return body


@pytest.mark.parametrize("seed", range(6))
def test_an_item_that_moves_between_workers_is_run_once(seed: int, tmp_path: pathlib.Path) -> None:
    """A worker took a submission taken back earlier, with a higher number, for the next."""
    rng = random.Random(seed)
    bodies = [marked(tmp_path, n, rng.choice([0, 0.005, 0.02, 0.08])) for n in range(40)]
    results = list(Sched(bodies).run(ProcessWorkerPool(3, spare=6)))
    assert [bodies.index(res.task) for res in results] == [res.ret for res in results]
    assert all((tmp_path / str(n)).read_text() == "x" for n in range(40))


@pytest.mark.parametrize("ended_by", ["abort", "timeout"])
def test_a_thread_that_has_just_ended_is_not_abandoned(ended_by: str) -> None:
    """Looking for the worker of a task that had ended meanwhile broke the run."""
    for _ in range(5):
        bodies = [naps(0.003) for _ in range(50)]
        if ended_by == "timeout":
            bodies = [task(body, timeout=0.0031) for body in bodies]
        sched = Sched(bodies)
        for number, _res in enumerate(sched.run(ThreadWorkerPool(4))):
            if number == 10 and ended_by == "abort":
                sched.abort()
        assert len(sched.outcomes) == 50


def test_what_is_ahead_only_by_the_look_of_it_does_not_keep_the_scheduler_busy(kind: str) -> None:
    """A task that had begun behind an unread result was to be taken back, again and again."""
    second = task(functools.partial(tasks.never_ends), timeout=0.5)
    urgent = [task(functools.partial(tasks.noop), priority=-5) for _ in range(4)]
    first, middle = functools.partial(tasks.noop), functools.partial(tasks.noop)
    sched = Sched([first, middle, second])
    outcomes = []
    for res in sched.run(make(kind, 1, spare=2)):
        outcomes.append(res.outcome)
        if res.task is first:
            time.sleep(0.05)  # a consumer that lets the workers go ahead
            sched.add_tasks(urgent)
    assert sorted(outcomes) == ["ok"] * 6 + ["timeout"]


def test_what_a_worn_worker_gives_back_does_not_count_as_run(start_method: str) -> None:
    """A worker whose tasks were taken back was as if worn out, and nobody replaced it."""
    for _ in range(4 if start_method == "fork" else 1):
        setup = task(functools.partial(tasks.noop), provides=["s"], priority=-1)
        teardown = task(functools.partial(tasks.noop), after=["s"], teardown=True, priority=1)
        others = [functools.partial(tasks.noop) for _ in range(6)]
        sched = Sched([setup, *others, teardown])
        pool = ProcessWorkerPool(2, spare=2, tasks_per_worker=2, start_method=start_method)
        results = sched.run(pool)
        while next(results).task is not setup:
            pass
        results.close()
        assert sched.outcomes[teardown] is Outcome.OK


def test_a_listener_may_look_while_another_thread_looks(kind: str) -> None:
    """They took the locks of the scheduler and of the pool in different orders."""
    looking = threading.Event()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Started):
            sched.snapshot()

    def look() -> None:
        while not looking.wait(0.001):
            sched.snapshot()

    sched = Sched([functools.partial(tasks.noop) for _ in range(200)], listeners=[listen])
    watcher = threading.Thread(target=look)
    watcher.start()
    assert sum(1 for _ in sched.run(make(kind, 2))) == 200
    looking.set()
    watcher.join()


def forks_and_exits() -> str:
    if os.fork() == 0:
        sys.exit(0)
    os.wait()
    return "parent"


def test_a_forked_child_that_comes_back_out_of_its_task_is_ended(start_method: str) -> None:
    """It went on as a second worker on the same pipes."""
    pool = started(start_method, forks_and_exits, tasks.noop)
    for body in (forks_and_exits, tasks.noop):
        pool.submit(body)
    assert [res.ret for res in finish(pool)] == ["parent", None]


def test_a_late_thread_is_noticed_while_results_keep_coming() -> None:
    """Time was only looked at when there was nothing else to do."""
    hangs = task(functools.partial(tasks.never_ends), timeout=0.05)
    sched = Sched([hangs, *(naps(0.001) for _ in range(600))])
    order = [res.task is hangs for res in sched.run(ThreadWorkerPool(2))]
    assert not order[-1] and any(order)


def test_a_deep_spare_is_no_more_than_a_pipe_holds() -> None:
    assert sum(1 for _ in Sched([naps(0) for _ in range(3000)]).run(ProcessWorkerPool(1, 9000)))


class KillsWhoLoadsIt:
    def __reduce__(self) -> Any:
        return os._exit, (7,)


def return_what_kills() -> Any:
    return KillsWhoLoadsIt()


def test_a_result_that_kills_who_loads_it_kills_its_worker(start_method: str) -> None:
    pool = started(start_method, return_what_kills, tasks.noop)
    for body in (return_what_kills, tasks.noop):
        pool.submit(body)
    assert [res.outcome for res in finish(pool)] == ["lost", "ok"]


def fails_with_a_lock(shared: dict[str, Any]) -> None:
    shared["lock"] = threading.Lock()
    raise ValueError("the real problem")


def test_a_dict_that_cannot_be_pickled_does_not_hide_a_failure(start_method: str) -> None:
    pool = started(start_method, fails_with_a_lock)
    pool.submit(fails_with_a_lock)
    (res,) = finish(pool)
    assert res.excinfo.type is ValueError and "the real problem" in res.excinfo.text


def test_what_shows_any_attribute_can_be_a_task() -> None:
    mock = Mock(return_value=3)
    assert [res.ret for res in Sched([mock]).run()] == [3]


def test_a_cycle_that_comes_about_on_the_way_is_the_users_and_named() -> None:
    bad = task(functools.partial(tasks.fail), provides=["x"])
    needs = task(functools.partial(tasks.noop), requires=["x"], provides=["y"])
    late = task(functools.partial(tasks.noop), requires=["y"], provides=["x"])
    sched = Sched([bad, needs, make_user()])
    with pytest.raises(DepcheckError, match="cycle: noop -> noop -> noop"):
        for res in sched.run():
            if res.task is bad:
                sched.add_tasks([late])


def make_user() -> Any:
    return task(functools.partial(tasks.noop), after=["y"])


def test_tasks_added_while_the_workers_start_join_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """There was no run yet for them to join."""
    late = functools.partial(tasks.noop)
    sched = Sched([functools.partial(tasks.noop)])
    pool = ThreadWorkerPool()
    start = pool._start

    def add_and_start() -> None:
        sched.add_tasks([late])
        start()

    monkeypatch.setattr(pool, "_start", add_and_start)
    assert len(list(sched.run(pool))) == 2


def test_a_bad_duration_of_a_late_task_leaves_the_run_as_it_was() -> None:
    late = functools.partial(tasks.noop)
    sched = Sched([tasks.noop], durations=lambda body: "x" if body is late else 1.0)  # type: ignore
    for _ in sched.run():
        with pytest.raises(Exception, match="the duration of 'noop' is 'x'"):
            sched.add_tasks([late])
    assert len(sched.outcomes) == 1 and len(list(sched.run())) == 1


@pytest.mark.parametrize(
    ("arguments", "error"), [({"pool": 4}, TypeError), ({"deadline": "5"}, ValueError)]
)
def test_senseless_arguments_are_refused_before_anything_starts(
    arguments: Any, error: type[Exception]
) -> None:
    with pytest.raises(error, match="give"):
        Sched([tasks.noop]).run(**arguments)


def test_every_abandoned_task_keeps_what_it_holds() -> None:
    """All but the last of those that were abandoned at once were forgotten."""
    leave = threading.Event()
    hung = [task(functools.partial(leave.wait, 60), timeout=0.05) for _ in range(2)]
    late = task(functools.partial(int), exclusive=True)
    sched = Sched(hung)
    seen = 0
    for _ in sched.run(ThreadWorkerPool(2)):
        seen += 1
        if seen == 2:
            sched.add_tasks([late])
    leave.set()
    assert set(sched.blocked[late].culprits) == set(hung)


class OwnMeta(SchedMeta):
    pass


@pytest.mark.parametrize("kind", ["threads", "fork"])
def test_metadata_may_be_of_a_class_of_ones_own(kind: str) -> None:
    """Threads took it for none."""

    def number(*, n: int = 0) -> int:
        return n

    assign_meta(number, OwnMeta(kwargs={"n": 5}))
    assert [res.ret for res in Sched([number]).run(make(kind))] == [5]


def test_a_task_has_the_kwargs_that_it_was_submitted_with() -> None:
    """Workers looked for them when they took the task up, and others had been given since."""
    gate = threading.Event()
    blocker = task(lambda shared, *, event: event.wait(30), kwargs={"event": gate})
    body = task(lambda *, number: number)
    pool = started("threads", spare=9)
    pool.submit(blocker)
    for number in range(3):
        assign_val(body, kwargs={"number": number})
        pool.submit(body)
    gate.set()
    assert [res.ret for res in finish(pool)] == [True, 0, 1, 2]


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_out_twice_is_killed_twice_and_what_is_submitted_later_is_not(workers: int) -> None:
    """The first that was killed let the other go on, and so did one that was submitted anew."""
    gate = threading.Event()
    waits = task(lambda shared, *, event: event.wait(30), kwargs={"event": gate})
    pool = started("threads", workers=workers, spare=9)
    pool.submit(waits)
    pool.submit(waits)
    while len(pool.running()) < workers:
        time.sleep(0)  # lets the workers take them up
    pool.kill([waits])
    pool.submit(waits)
    first, second = (res for _, res in zip(range(2), pool.iter_results()))
    assert first.outcome is second.outcome is Outcome.LOST
    gate.set()
    (last,) = finish(pool)
    assert last.outcome is Outcome.OK


def test_killing_what_is_not_out_leaves_nothing_to_look_for(event: Any) -> None:
    """The pool looked for it every 50 ms from then on."""
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = started("threads")
    pool.submit(waits)
    begun(pool, waits)
    pool.kill([tasks.noop])
    looked = Mock(wraps=pool._at_work)  # type: ignore[attr-defined]
    pool._at_work = looked  # type: ignore[attr-defined]
    assert pool.results(0) == [] and not looked.values.called
    event.set()
    assert [res.task for res in finish(pool)] == [waits]


def test_an_idle_thread_keeps_nothing_of_its_last_task() -> None:
    """It kept what the metadata had said."""

    class Kept:
        pass

    def submit() -> weakref.ref[Kept]:
        kept = Kept()
        pool.submit(task(lambda *, kept: None, kwargs={"kept": kept}))
        assert next(pool.iter_results()).outcome is Outcome.OK
        return weakref.ref(kept)

    pool = started("threads")
    kept = submit()
    end = time.monotonic() + 5
    while kept() is not None and time.monotonic() < end:
        time.sleep(0)  # lets the worker go on from its result to waiting
    assert kept() is None
    finish(pool)


def test_kwargs_given_during_a_run_count_for_what_is_not_handed_out_yet() -> None:
    """Those that a thread's task had were settled when the run began."""
    first = task(lambda: 7, provides=["tag"])
    second = task(lambda **kwargs: kwargs, requires=["tag"])
    results = []
    for res in Sched([first, second]).run(ThreadWorkerPool()):
        if res.task is first:
            assign_val(second, kwargs={"number": res.ret})
        results.append(res.ret)
    assert results == [7, {"number": 7}]
