"""The contract of a pool, over every kind of pool."""

from __future__ import annotations

import functools
import threading
from typing import Any

import pool_tasks as tasks
import pytest
from pool_support import EXECUTOR_KINDS, KINDS, PROCESSES, ROWS, make

from pexen import task
from pexen.sched import Outcome, TaskFailError, TaskLostError, TaskTimeoutError
from pexen.sched.pool import PoolError, WorkerPool


@pytest.fixture(params=[*KINDS, ROWS, *EXECUTOR_KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    """Every kind of pool, those on foreign executors as well."""
    return str(request.param)


def started(kind: str, *known: Any, **kwargs: Any) -> WorkerPool:
    pool = make(kind, **kwargs)
    pool.register(known)
    pool.start()
    return pool


def finish(pool: WorkerPool) -> list[Any]:
    pool.shutdown()
    return list(pool.iter_results())


def test_a_result_has_the_task_its_dict_and_what_it_returned(kind: str) -> None:
    pool = started(kind, tasks.echo)
    pool.submit(tasks.echo, {"n": 5})
    (res,) = finish(pool)
    assert res == (tasks.echo, {"n": 5, "seen": True}, 5, None)
    assert res.outcome is Outcome.OK
    assert res.worker and res.started is not None and res.duration is not None


def test_a_pool_says_what_it_is_not_in_the_state_for(kind: str) -> None:
    pool = make(kind)
    pool.register([tasks.noop])
    with pytest.raises(PoolError, match="The pool is not running"):
        pool.submit(tasks.noop)
    pool.start()
    with pytest.raises(PoolError, match="Cannot re-start a running pool"):
        pool.start()
    pool.shutdown()
    with pytest.raises(PoolError, match="The pool is shutting down"):
        pool.submit(tasks.noop)
    with pytest.raises(PoolError, match="The pool is already shutting down"):
        pool.shutdown()
    assert list(pool.iter_results()) == []
    assert not pool.alive()


def test_only_processes_need_to_know_tasks_beforehand(kind: str) -> None:
    pool = started(kind, tasks.noop)
    if kind not in PROCESSES:
        pool.register([tasks.echo])
        pool.submit(tasks.echo)
    else:
        with pytest.raises(PoolError, match="Cannot register tasks while the pool is running"):
            pool.register([tasks.echo])
        with pytest.raises(PoolError, match="Cannot submit unregistered task"):
            pool.submit(tasks.echo)
    finish(pool)


def test_results_come_one_by_one_while_more_is_submitted(kind: str) -> None:
    pool = started(kind, tasks.echo)
    results = pool.iter_results()
    for n in range(5):
        pool.submit(tasks.echo, {"n": n})
        assert next(results).ret == n
    pool.shutdown()
    assert list(results) == []
    assert not pool.alive()


def test_results_are_delivered_after_waiting_for_the_shutdown(kind: str) -> None:
    pool = started(kind, tasks.echo, workers=2)
    for n in range(7):
        pool.submit(tasks.echo, {"n": n})
    pool.shutdown(wait=True)
    assert sorted(res.ret for res in pool.iter_results()) == list(range(7))


def test_large_results_do_not_block_the_shutdown(kind: str) -> None:
    pool = started(kind, tasks.large, workers=2)
    for _ in range(4):
        pool.submit(tasks.large)
    pool.shutdown(wait=True)
    assert [len(res.ret) for res in pool.iter_results()] == [5_000_000] * 4


def test_it_is_empty_when_all_results_are_fetched_and_full_with_the_spare(kind: str) -> None:
    pool = started(kind, tasks.noop, workers=2, spare=1)
    assert pool.empty() and not pool.full() and pool.idlecnt() == 3
    for _ in range(3):
        pool.submit(tasks.noop)
    assert pool.full() and pool.idlecnt() == 0 and not pool.empty()
    results = pool.iter_results()
    for _ in range(3):
        assert not pool.empty()
        next(results)
    assert pool.empty()
    finish(pool)


def test_a_pool_can_be_started_again_after_it_ended(kind: str) -> None:
    pool = started(kind, tasks.noop)
    for _ in range(3):
        pool.submit(tasks.noop)
        assert len(finish(pool)) == 1
        pool.start()
    pool.terminate()
    assert not pool.alive()


def test_what_a_task_raises_is_its_failure(kind: str) -> None:
    pool = started(kind, tasks.fail)
    pool.submit(tasks.fail, {"n": 1})
    (res,) = finish(pool)
    assert res.outcome is Outcome.FAILED and not res.deps_ok and not res.locks_ok
    assert res.shared == {"n": 1}
    assert res.excinfo.type is ValueError and res.excinfo.val.args == ("on purpose",)
    assert "raise ValueError" in res.excinfo.text


@pytest.mark.parametrize("body", [tasks.exit_python, tasks.interrupt_python])
def test_leaving_the_interpreter_is_a_failure_like_any_other(kind: str, body: Any) -> None:
    pool = started(kind, body, tasks.noop)
    pool.submit(body)
    pool.submit(tasks.noop)
    failed, fine = finish(pool)
    assert issubclass(failed.excinfo.type, (SystemExit, KeyboardInterrupt))
    assert fine.outcome is Outcome.OK


def test_a_task_can_say_itself_how_it_ended(kind: str) -> None:
    pool = started(kind, tasks.skip, tasks.fail_controlled)
    pool.submit(tasks.skip)
    pool.submit(tasks.fail_controlled)
    skipped, failed = finish(pool)
    assert skipped.outcome is Outcome.SKIPPED and skipped.excinfo.val.args == ("nothing to do",)
    assert not skipped.deps_ok and skipped.locks_ok
    assert failed.outcome is Outcome.FAILED and failed.excinfo.type is TaskFailError
    assert not failed.deps_ok and failed.locks_ok


def test_an_exception_that_cannot_be_rebuilt_keeps_its_type_and_text(kind: str) -> None:
    pool = started(kind, tasks.fail_with_two_arguments)
    pool.submit(tasks.fail_with_two_arguments)
    (res,) = finish(pool)
    assert res.excinfo.type is tasks.TwoArguments
    assert "fail_with_two_arguments" in res.excinfo.text


def test_an_exception_that_takes_no_attributes_is_one_task_s_failure(kind: str) -> None:
    pool = started(kind, tasks.fail_closed, tasks.noop)
    pool.submit(tasks.fail_closed)
    pool.submit(tasks.noop)
    failed, fine = finish(pool)
    assert failed.outcome is Outcome.FAILED and "fail_closed" in failed.excinfo.text
    assert fine.outcome is Outcome.OK


@pytest.mark.parametrize("name", ["fail_carelessly", "fail_unseen", "fail_strangely"])
def test_an_exception_that_is_not_as_it_should_be_is_one_task_s_failure(
    kind: str, name: str
) -> None:
    body = getattr(tasks, name)
    pool = started(kind, body, tasks.noop)
    pool.submit(body)
    pool.submit(tasks.noop)
    failed, fine = finish(pool)
    assert failed.outcome is Outcome.FAILED and fine.outcome is Outcome.OK


def test_what_cant_come_beside_a_result_is_one_task_s_failure(kind: str) -> None:
    body = tasks.returns_beside_what_cant_travel
    pool = started(kind, body, tasks.noop)
    pool.submit(body)
    pool.submit(tasks.noop)
    there, fine = finish(pool)
    came = there.outcome is Outcome.OK and there.extra is not None
    assert came or there.outcome is Outcome.FAILED and "pickle" in there.excinfo.text
    assert fine.outcome is Outcome.OK


def test_what_comes_beside_a_result_comes_whatever_comes_of_that(kind: str) -> None:
    bodies = [tasks.returns_beside, tasks.raises_beside]
    pool = started(kind, *bodies)
    for body in bodies:
        pool.submit(body)
    found = finish(pool)
    assert [res.extra for res in found] == ["returned", "raised"]
    assert found[1].outcome is Outcome.FAILED and found[1].excinfo.type is ValueError


def test_partials_methods_builtins_and_classes_are_tasks(kind: str) -> None:
    text = "a b"
    bodies = [functools.partial(tasks.echo), text.upper, task(len), dict]
    pool = started(kind, *bodies)
    for body in bodies:
        pool.submit(body, {"n": 1})
    assert [res.ret for res in finish(pool)] == [1, "A B", 1, {}]


@pytest.mark.abandons
def test_a_task_past_its_timeout_is_ended_or_abandoned(kind: str) -> None:
    pool = started(kind, tasks.never_ends, tasks.noop)
    pool.submit(tasks.never_ends)
    pool.submit(tasks.noop)
    late, fine = finish(pool)
    assert late.outcome is Outcome.TIMEOUT and late.excinfo.type is TaskTimeoutError
    assert "limit 0.2 s" in str(late.excinfo.val)
    assert late.abandoned == (kind not in PROCESSES)
    assert fine.outcome is Outcome.OK


def test_what_has_not_begun_can_be_taken_back(kind: str, event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = started(kind, waits, tasks.noop, tasks.echo, workers=1, spare=2)
    pool.submit(waits)
    begun(pool, waits)
    assert event.began()  # a worker that is ready still has to take it up
    pool.submit(tasks.noop)
    pool.submit(tasks.echo)
    assert pool.ahead() == [tasks.noop, tasks.echo]
    assert pool.withdraw() == [tasks.noop, tasks.echo]
    assert pool.withdraw() == [] and not pool.full()
    pool.submit(tasks.echo, {"n": 1})
    event.set()
    assert [res.task for res in finish(pool)] == [waits, tasks.echo]


def begun(pool: WorkerPool, body: Any) -> None:
    """Wait until a worker is at the task."""
    while not any(running.task is body for running in pool.running()):
        assert pool.results(0.01) == []


def test_one_handed_ahead_of_another_that_waits_for_it_is_run_elsewhere(
    kind: str, event: Any
) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    sets = task(functools.partial(tasks.set_it), kwargs={"event": event})
    pool = started(kind, waits, tasks.noop, sets, workers=2, spare=1)
    for body in (waits, tasks.noop, sets):
        pool.submit(body)
    assert {id(res.task) for res in finish(pool)} == {id(waits), id(tasks.noop), id(sets)}


@pytest.mark.abandons
def test_a_killed_task_is_lost_and_the_others_go_on(kind: str, event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = started(kind, waits, tasks.noop)
    pool.submit(waits)
    begun(pool, waits)
    pool.submit(tasks.noop)
    pool.kill([waits])
    results = finish(pool)
    assert {res.task: res.outcome for res in results} == {waits: "lost", tasks.noop: "ok"}
    lost = next(res for res in results if res.task is waits)
    assert lost.excinfo.type is TaskLostError and lost.abandoned == (kind not in PROCESSES)
    event.set()


@pytest.mark.abandons
def test_terminating_does_not_wait_for_tasks(kind: str, event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = started(kind, waits, workers=2)
    pool.submit(waits)
    pool.submit(waits)
    begun(pool, waits)
    pool.terminate()
    assert not pool.alive()
    event.set()


def test_waiting_for_results_ends_with_the_time_or_when_woken(kind: str) -> None:
    pool = started(kind, tasks.noop)
    assert pool.results(0.001) == []
    waker = threading.Thread(target=pool.wake)
    waker.start()
    assert pool.results(None) == []
    waker.join()
    finish(pool)


def test_it_tells_when_a_task_begins(kind: str) -> None:
    begins = []
    pool = make(kind)
    pool.on_begin = lambda body, time: begins.append(body)
    pool.register([tasks.noop, tasks.echo])
    pool.start()
    pool.submit(tasks.noop)
    pool.submit(tasks.echo)
    finish(pool)
    assert begins == [tasks.noop, tasks.echo]


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"workers": 1.5}, {"spare": -1}])
def test_senseless_sizes_are_refused(kind: str, arguments: Any) -> None:
    with pytest.raises(ValueError, match="give a whole number"):
        make(kind, **arguments)
