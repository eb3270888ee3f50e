"""A pool on a foreign executor: what differs from our own workers, and whom it doesn't trust."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import pathlib
import threading
import time
import weakref
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

import fake_executors as fakes
import pool_tasks as tasks
import pytest
from pool_support import EXECUTOR_KINDS, NamedGate, executor
from seeded_graph import beginnings, run_graph, seeded_graph
from test_contract import begun, finish

from pexen import Sched, task
from pexen.sched import Outcome, TaskLostError
from pexen.sched.pool import ExecutorPool, PoolError, ThreadWorkerPool
from pexen.sched.pool import executor as executor_module

PROCESS_KINDS = [kind for kind in EXECUTOR_KINDS if kind != "executor-threads"]


@pytest.fixture(params=EXECUTOR_KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=PROCESS_KINDS)
def process_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def gate(tmp_path: pathlib.Path) -> Any:
    with contextlib.closing(NamedGate(tmp_path)) as made:
        yield made


def waiting(gate: NamedGate, **metadata: Any) -> Any:
    return task(functools.partial(tasks.wait_for), kwargs={"event": gate}, **metadata)


def outcomes(*bodies: Any, pool: ExecutorPool) -> list[Any]:
    """The results of the bodies, in their order."""
    by_task = {id(res.task): res for res in Sched(bodies).run(pool)}
    assert len(by_task) == len(bodies)
    return [by_task[id(body)] for body in bodies]


# -- the executor is the caller's ------------------------------------------------------------


def test_as_many_tasks_run_as_the_executor_has_workers_unless_told_otherwise(kind: str) -> None:
    three = executor(kind, 3)
    assert ExecutorPool(three).workers == 3
    assert ExecutorPool(three, workers=2).workers == 2


def test_an_executor_that_does_not_say_is_asked_about() -> None:
    with pytest.raises(ValueError, match="a Losing doesn't say how many .* give workers="):
        ExecutorPool(fakes.Losing())


def test_what_is_no_executor_is_refused() -> None:
    with pytest.raises(TypeError, match="executor is 4; give one"):
        ExecutorPool(4)


def test_the_executor_is_left_running(kind: str) -> None:
    shared_one = executor(kind, 2)
    for _ in range(2):
        assert [res.ret for res in Sched([tasks.echo]).run(ExecutorPool(shared_one))] == [None]
    pool = ExecutorPool(shared_one)
    pool.start()
    pool.terminate()
    assert shared_one.submit(int, "5").result(30) == 5


def test_an_executor_that_somebody_shut_down_refuses_every_task(kind: str) -> None:
    gone = executor(kind, 1)
    gone.shutdown()
    for res in outcomes(tasks.noop, tasks.echo, pool=ExecutorPool(gone)):
        assert res.outcome is Outcome.LOST and not res.abandoned
        assert "the executor refused the task: RuntimeError" in str(res.excinfo.val)


# -- what travels ----------------------------------------------------------------------------


def test_within_a_process_nothing_is_copied_or_pickled() -> None:
    unpicklable = threading.Lock()
    pool = ExecutorPool(executor("executor-threads", 1))
    pool.start()
    shared = {"lock": unpicklable}
    pool.submit(lambda shared: shared["lock"], shared)
    (res,) = finish(pool)
    assert res.ret is unpicklable and res.shared is shared


def test_a_task_that_cannot_be_pickled_is_its_own_failure(process_kind: str) -> None:
    pool = ExecutorPool(executor(process_kind, 1))
    local = lambda: None  # noqa: E731
    failed, fine = outcomes(local, tasks.noop, pool=pool)
    assert failed.outcome is Outcome.FAILED and failed.excinfo.type is PoolError
    assert "can't be sent to a worker of the executor: " in str(failed.excinfo.val)
    assert "define it at the top level of a module" in str(failed.excinfo.val)
    assert fine.outcome is Outcome.OK


def test_a_shared_dict_that_cannot_be_pickled_fails_its_task(process_kind: str) -> None:
    pool = ExecutorPool(executor(process_kind, 1))
    pool.start()
    pool.submit(tasks.echo, {"lock": threading.Lock()})
    pool.submit(tasks.echo)
    failed, fine = finish(pool)
    assert failed.excinfo.type is AttributeError
    assert "Can't pickle the task's shared state: TypeError" in str(failed.excinfo.val)
    assert fine.outcome is Outcome.OK


def return_a_lock() -> Any:
    return threading.Lock()


class Explosive:
    """Can't be loaded in some process: in any, or in all but the one whose pid is `only`."""

    def __init__(self, only: int = 0) -> None:
        self.only = only

    def __call__(self) -> None:
        raise AssertionError("it can't have arrived")

    def __reduce__(self) -> Any:
        return explode, (self.only,)


def explode(only: int) -> Any:
    if not only or os.getpid() == only:
        raise SystemExit("loaded")
    return Explosive(only)


def return_explosive(shared: dict[str, Any]) -> Any:
    return Explosive(shared["only"])


@pytest.mark.parametrize("only", [0, os.getpid()], ids=["worker", "parent"])
def test_what_cannot_be_loaded_is_one_tasks_failure(process_kind: str, only: int) -> None:
    pool = ExecutorPool(executor(process_kind, 1))
    pool.start()
    for body in (return_a_lock, return_explosive, Explosive(), tasks.noop):
        pool.submit(body, {"only": only})
    lock, result, unloaded, fine = finish(pool)
    assert {lock.outcome, result.outcome, unloaded.outcome} == {Outcome.FAILED}
    assert "Can't pickle the task's return value" in str(lock.excinfo.val)
    assert "SystemExit: loaded" in result.excinfo.text
    assert "could not be loaded by the executor's worker" in unloaded.excinfo.text
    assert fine.outcome is Outcome.OK


def test_the_time_of_a_result_is_on_our_clock(kind: str) -> None:
    pool = ExecutorPool(executor(kind, 1))
    before = time.monotonic()
    (res,) = outcomes(functools.partial(time.sleep, 0.01), pool=pool)
    assert before <= res.started <= res.started + res.duration <= time.monotonic()
    assert res.duration >= 0.01
    assert res.worker.startswith("executor-")


# -- deaths ----------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [tasks.die, tasks.exit_now])
def test_every_task_has_an_outcome_when_the_executor_breaks(process_kind: str, body: Any) -> None:
    beside = [functools.partial(tasks.noop) for _ in range(10)]
    behind = [task(functools.partial(tasks.noop), after=["the end"]) for _ in range(3)]
    first = task(functools.partial(body), priority=-1, provides=["the end"])
    pool = ExecutorPool(executor(process_kind, 2))
    died, *rest = outcomes(first, *beside, *behind, pool=pool)
    assert died.outcome is Outcome.LOST and died.excinfo.type is TaskLostError
    assert "the executor failed: concurrent.futures.process.BrokenProcessPool" in died.excinfo.text
    for res in rest:
        assert res.outcome is Outcome.LOST or res.outcome is Outcome.OK and res.task in beside
        assert res.outcome is Outcome.OK or "BrokenProcessPool" in res.excinfo.text


@pytest.mark.parametrize("fault", fakes.LOSES, ids=lambda fault: fault.__name__)
def test_what_an_executor_does_to_a_task_is_the_loss_of_that_task(fault: fakes.Submit) -> None:
    with fakes.Faulty(2, fault) as faulty:
        bodies = [functools.partial(tasks.echo) for _ in range(20)]
        results = outcomes(*bodies, pool=ExecutorPool(faulty, spare=2))
        assert len(faulty.faulted) == 6
        for body, res in zip(bodies, results, strict=True):
            if any(body is faulted for faulted in faulty.faulted):
                assert res.outcome is Outcome.LOST and not res.deps_ok and not res.locks_ok
                assert fakes.LOSES[fault] in str(res.excinfo.val)
            else:
                assert res.outcome is Outcome.OK


@pytest.mark.parametrize("fault", fakes.ODD_BUT_GOOD, ids=lambda fault: fault.__name__)
def test_odd_ways_of_running_a_task_do_no_harm(fault: fakes.Submit) -> None:
    with fakes.Faulty(2, fault) as faulty:
        bodies = [functools.partial(tasks.echo) for _ in range(20)]
        results = outcomes(*bodies, pool=ExecutorPool(faulty, spare=2))
        assert {res.outcome for res in results} == {Outcome.OK} and len(faulty.faulted) == 6


def test_an_executor_may_run_a_task_before_it_returns() -> None:
    begins = []
    pool = ExecutorPool(fakes.Synchronous(), workers=3)
    pool.on_begin = lambda body, time: begins.append(body)
    pool.start()
    for n in range(5):
        pool.submit(tasks.echo, {"n": n})
    assert [res.ret for res in finish(pool)] == list(range(5))
    assert begins == [tasks.echo] * 5


def test_a_task_that_an_executor_forgets_is_ended_by_its_timeout() -> None:
    forgotten = task(functools.partial(tasks.noop), timeout=0.05)
    (res,) = outcomes(forgotten, pool=ExecutorPool(fakes.Losing(), workers=1))
    assert res.outcome is Outcome.TIMEOUT and res.abandoned


def test_an_interrupt_in_the_executor_is_the_users_and_the_task_still_has_an_outcome() -> None:
    class Interrupted(Executor):
        _max_workers = 1

        def submit(self, *args: Any, **kwargs: Any) -> Any:
            raise KeyboardInterrupt

    pool = ExecutorPool(Interrupted())
    pool.start()
    with pytest.raises(KeyboardInterrupt):
        pool.submit(tasks.noop)
    (res,) = finish(pool)
    assert res.outcome is Outcome.LOST and "KeyboardInterrupt" in str(res.excinfo.val)


# -- taking back, and what is ahead ------------------------------------------------------------


def test_what_is_ahead_in_an_executor_is_taken_back_and_never_runs(gate: Any) -> None:
    ran = []
    pool = ExecutorPool(executor("executor-threads", 1), spare=2)
    first, second = (functools.partial(ran.append, n) for n in (1, 2))
    pool.start()
    waits = waiting(gate)
    for body in (waits, first, second):
        pool.submit(body)
    begun(pool, waits)
    assert pool.ahead() == pool.withdraw() == [first, second]
    pool.submit(second)
    gate.set()
    assert [res.task for res in finish(pool)] == [waits, second]
    assert ran == [2]


def test_what_a_process_may_have_begun_is_not_taken_back(
    process_kind: str, gate: Any, tmp_path: pathlib.Path
) -> None:
    steps = seeded_graph(1, 8, tmp_path)
    pool = ExecutorPool(executor(process_kind, 1), spare=8)
    pool.start()
    waits = waiting(gate)
    pool.submit(waits)
    for step in steps:
        pool.submit(step)
    begun(pool, waits)
    back = pool.withdraw()
    assert back == steps[-len(back) :] and len(back) >= 6
    gate.set()
    ended = [res.task for res in finish(pool)]
    assert ended == [waits, *steps[: 8 - len(back)]]
    assert [len(beginnings(step)) for step in steps] == [int(step in ended) for step in steps]


def test_an_executor_whose_futures_tell_nothing_is_given_no_more_than_can_run(gate: Any) -> None:
    with fakes.Silent(2) as silent:
        pool = ExecutorPool(silent, workers=2, spare=3)
        pool.start()
        waits = [waiting(gate), waiting(gate)]
        others = [functools.partial(tasks.noop) for _ in range(3)]
        for body in (*waits, *others):
            pool.submit(body)
        assert pool.full() and silent.given == 2
        assert gate.began() and gate.began()
        assert [running.task for running in pool.running()] == waits
        assert pool.withdraw() == others  # those that run could be cancelled as well
        pool.submit(others[0])
        gate.set()
        assert {id(res.task) for res in finish(pool)} == set(map(id, [*waits, others[0]]))
        assert silent.most == 2


def test_no_more_run_than_workers_in_an_executor_with_more_places(gate: Any) -> None:
    pool = ExecutorPool(executor("executor-threads", 4), workers=1, spare=2)
    pool.start()
    waits = waiting(gate)
    for body in (waits, tasks.noop, tasks.echo):
        pool.submit(body)
    begun(pool, waits)
    assert pool.results(0.05) == [] and pool.ahead() == [tasks.noop, tasks.echo]
    gate.set()
    assert [res.outcome for res in finish(pool)] == ["ok"] * 3


# -- abandoning --------------------------------------------------------------------------------


def test_a_task_that_waits_behind_somebody_elses_is_not_out_of_time(gate: Any) -> None:
    busy = executor("executor-threads", 1)
    theirs = busy.submit(gate.wait, 30)
    assert gate.began()
    pool = ExecutorPool(busy)
    pool.start()
    pool.submit(task(functools.partial(tasks.noop), timeout=0.05))
    assert pool.results(0.2) == [] and pool.running() == []
    gate.set()
    assert [res.outcome for res in finish(pool)] == [Outcome.OK]
    assert theirs.result()


@pytest.mark.parametrize("silent", [False, True], ids=["telling", "silent"])
def test_an_abandoned_task_keeps_its_place_until_it_ends(gate: Any, silent: bool) -> None:
    inner = fakes.Silent(1) if silent else executor("executor-threads", 1)
    pool = ExecutorPool(inner, workers=1)
    pool.start()
    pool.submit(waiting(gate, timeout=0.05))
    (late,) = pool.results()
    assert late.outcome is Outcome.TIMEOUT and late.abandoned
    pool.submit(task(functools.partial(tasks.noop), timeout=0.05))
    assert pool.results(0.2) == []  # it can't begin, so its time doesn't pass
    gate.set()
    assert [res.outcome for res in finish(pool)] == [Outcome.OK]
    inner.shutdown()


def test_a_runs_timeout_holds_for_tasks_without_one(gate: Any) -> None:
    pool = ExecutorPool(executor("executor-threads", 1))
    (late,) = Sched([waiting(gate)]).run(pool, timeout=0.05)
    gate.set()
    assert late.outcome is Outcome.TIMEOUT and "limit 0.05 s" in str(late.excinfo.val)


def test_the_stack_of_an_abandoned_thread_is_told(gate: Any) -> None:
    pool = ExecutorPool(executor("executor-threads", 1))
    (late,) = outcomes(waiting(gate, timeout=0.3), pool=pool)
    gate.set()
    assert "in wait_for" in late.excinfo.text and "limit 0.3 s" in late.excinfo.text


def test_a_place_that_is_left_over_is_taken_for_an_abandoned_ones(kind: str, gate: Any) -> None:
    pool = ExecutorPool(executor(kind, 2), workers=1)
    late, fine = outcomes(waiting(gate, timeout=0.3, priority=-1), tasks.noop, pool=pool)
    gate.set()
    assert late.abandoned and fine.outcome is Outcome.OK


def test_the_pool_gives_up_when_abandoned_tasks_hold_every_place(
    gate: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor_module, "HELD_SECONDS", 0.1)
    pool = ExecutorPool(executor("executor-threads", 2))
    hang = [waiting(gate, timeout=0.05, priority=-1) for _ in range(2)]
    sched = Sched([*hang, tasks.noop])
    with pytest.raises(PoolError, match="abandoned tasks hold all 2 places: 'wait_for', 'wait_"):
        list(sched.run(pool))
    gate.set()
    assert [sched.outcomes[body] for body in hang] == [Outcome.TIMEOUT] * 2
    assert len(sched.outcomes) == 3


def test_what_was_killed_before_it_began_is_not_abandoned(gate: Any) -> None:
    pool = ExecutorPool(executor("executor-threads", 1), spare=1)
    pool.start()
    waits, inside, outside = waiting(gate), *(functools.partial(tasks.noop) for _ in range(2))
    for body in (waits, inside, outside):
        pool.submit(body)
    begun(pool, waits)
    pool.kill([waits, inside, outside])
    killed = {id(res.task): res for res in finish(pool)}
    gate.set()
    assert {res.outcome for res in killed.values()} == {Outcome.LOST}
    assert [killed[id(body)].abandoned for body in (waits, inside, outside)] == [True, False, False]


def test_a_run_that_is_left_does_not_wait_and_its_executor_lives_on(kind: str, gate: Any) -> None:
    place = executor(kind, 2)
    waits = waiting(gate, provides=["up"], priority=1)
    teardown = task(functools.partial(tasks.noop), after=["up"], teardown=True)
    first = functools.partial(tasks.noop)
    sched = Sched([first, waits, teardown])
    results = sched.run(ExecutorPool(place))
    assert next(results).task is first and gate.began()
    results.close()
    assert sched.outcomes[waits] is Outcome.LOST and sched.outcomes[teardown] is Outcome.OK
    gate.set()
    assert place.submit(int, "5").result(30) == 5


def test_what_ran_when_a_pool_was_terminated_is_not_heard_by_its_next_life(gate: Any) -> None:
    pool = ExecutorPool(executor("executor-threads", 2))
    pool.start()
    waits = waiting(gate)
    pool.submit(waits)
    begun(pool, waits)
    pool.terminate()
    pool.start()
    pool.submit(tasks.echo, {"n": 1})
    assert [res.ret for res in pool.results()] == [1]
    gate.set()
    assert finish(pool) == []


def test_a_task_that_is_still_out_does_not_keep_the_pool_alive() -> None:
    class Keeping(Executor):
        futures: list[Future[Any]] = []

        def submit(self, *args: Any, **kwargs: Any) -> Future[Any]:
            self.futures.append(Future())
            return self.futures[-1]

    pool = ExecutorPool(Keeping(), workers=1)
    pool.start()
    pool.submit(tasks.noop)
    gone = weakref.ref(pool)
    pool.terminate()
    del pool
    gc.collect()
    assert gone() is None
    Keeping.futures[0].set_exception(BrokenExecutor("late"))  # nobody is there to hear it


# -- whole runs --------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_a_graph_gives_the_same_as_on_our_own_pool(
    kind: str, seed: int, tmp_path: pathlib.Path
) -> None:
    told = {}
    for name, pool in (
        ("own", ThreadWorkerPool(2)),
        ("foreign", ExecutorPool(executor(kind, 2), spare=seed)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        steps = seeded_graph(seed, 60, folder)
        told[name] = run_graph(steps, pool)
        began = {repr(step): len(beginnings(step)) for step in steps}
        assert began == {name: int(len(told) > 1) for name, told in told[name].items()}
    assert told["own"] == told["foreign"]
    assert {"ok", "failed", "blocked"} <= {first for first, *_ in told["own"].values()}


def test_two_pools_share_an_executor(kind: str) -> None:
    place = executor(kind, 2)
    counts = []

    def run() -> None:
        bodies = [functools.partial(tasks.echo) for _ in range(50)]
        counts.append(sum(res.outcome == "ok" for res in Sched(bodies).run(ExecutorPool(place))))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [50, 50]


def test_submitting_in_one_thread_and_iterating_in_another(kind: str) -> None:
    pool = ExecutorPool(executor(kind, 2))
    pool.start()

    def submit() -> None:
        for n in range(200):
            pool.submit(tasks.echo, {"n": n})
        pool.shutdown()

    submitter = threading.Thread(target=submit)
    submitter.start()
    assert sorted(res.ret for res in pool.iter_results()) == list(range(200))
    submitter.join()


def test_a_thread_pool_that_ends_while_tasks_are_ahead_loses_those() -> None:
    opened, inside = threading.Event(), threading.Event()

    def wait() -> bool:
        inside.set()
        return opened.wait(30)

    place = ThreadPoolExecutor(1)
    pool = ExecutorPool(place, spare=3)
    pool.start()
    for body in (wait, tasks.noop, tasks.echo):
        pool.submit(body)
    assert inside.wait(30)
    place.shutdown(wait=False, cancel_futures=True)
    opened.set()
    results = finish(pool)
    assert [res.outcome for res in results].count("lost") == 2
    assert any("was cancelled, and not by the pool" in res.excinfo.text for res in results[1:])
