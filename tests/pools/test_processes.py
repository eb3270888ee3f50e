"""What only pools of processes promise."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import os
from typing import Any

import pool_tasks as tasks
import pytest
from pool_support import make
from test_contract import begun, finish, started

from pexen import Sched, task
from pexen.sched import Outcome, TaskLostError
from pexen.sched.pool import PoolError, ProcessWorkerPool
from pexen.sched.pool.crew import Crew


def run_one(start_method: str, body: Any, **kwargs: Any) -> Any:
    pool = started(start_method, body, **kwargs)
    pool.submit(body)
    (res,) = finish(pool)
    return res


@pytest.mark.parametrize(
    ("body", "how"), [(tasks.die, "was ended by signal SIGKILL"), (tasks.exit_now, "code 7")]
)
def test_a_dead_worker_loses_its_task_and_no_other(start_method: str, body: Any, how: str) -> None:
    pool = started(start_method, body, tasks.noop, workers=2, spare=4)
    for _ in range(3):
        pool.submit(body)
        pool.submit(tasks.noop)
    results = finish(pool)
    assert sorted(res.outcome for res in results) == ["lost"] * 3 + ["ok"] * 3
    lost = next(res for res in results if res.outcome is Outcome.LOST)
    assert lost.excinfo.type is TaskLostError and how in str(lost.excinfo.val)


def test_a_forked_worker_runs_closures() -> None:
    secret = object()
    res = run_one("fork", lambda: id(secret))
    assert res.ret == id(secret)


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_without_fork_a_closure_is_refused_by_name(method: str) -> None:
    def local() -> None:
        pass

    pool = make(method)
    pool.register([tasks.noop, local])
    with pytest.raises(PoolError, match=r"task '.*local' can't be sent .* top level of a module"):
        pool.start()
    assert not pool.alive()


def test_keyword_arguments_may_be_what_can_only_be_inherited(start_method: str) -> None:
    queue = multiprocessing.get_context(start_method).Queue()
    body = task(functools.partial(tasks.put), kwargs={"queue": queue})
    res = run_one(start_method, body)
    assert res.outcome is Outcome.OK
    assert queue.get(timeout=20) == "from the task"
    queue.close()
    queue.join_thread()


def unpicklable_return() -> Any:
    return lambda: None


def generator_return() -> Any:
    return (n for n in range(3))


def unpicklable_shared(shared: dict[str, Any]) -> None:
    shared["x"] = lambda: None


@pytest.mark.parametrize("body", [unpicklable_return, generator_return, unpicklable_shared])
def test_what_cannot_be_pickled_is_the_tasks_failure(start_method: str, body: Any) -> None:
    res = run_one(start_method, body)
    assert res.outcome is Outcome.FAILED
    assert res.excinfo.type is AttributeError and "Can't pickle" in str(res.excinfo.val)


class BreaksWhenLoaded:
    def __reduce__(self) -> Any:
        return exit_in_parent, (os.getpid(),)


def exit_in_parent(pid: int) -> None:
    raise SystemExit(f"loaded outside of {pid}")


def return_what_breaks() -> Any:
    return BreaksWhenLoaded()


def test_what_raises_while_being_unpickled_is_the_tasks_failure(start_method: str) -> None:
    res = run_one(start_method, return_what_breaks)
    assert res.outcome is Outcome.FAILED and "SystemExit: loaded outside" in res.excinfo.text


def test_a_shared_dict_that_cannot_be_sent_is_the_tasks_failure(start_method: str) -> None:
    pool = started(start_method, tasks.echo)
    pool.submit(tasks.echo, {"n": lambda: None})
    (res,) = finish(pool)
    assert res.outcome is Outcome.FAILED and "Can't pickle" in str(res.excinfo.val)


def test_an_exception_of_a_local_class_arrives_as_its_nearest_base() -> None:
    def raises() -> None:
        class Local(ValueError):
            pass

        raise Local("details")

    res = run_one("fork", raises)
    assert res.excinfo.type is ValueError and res.excinfo.val is None
    assert "Local: details" in res.excinfo.text


def test_a_worker_can_be_fresh_for_each_task(start_method: str) -> None:
    pool = started(start_method, tasks.whoami, workers=2, tasks_per_worker=1)
    for _ in range(6):
        pool.submit(tasks.whoami)
    assert len({res.ret for res in finish(pool)}) == 6


NOT_FROZEN_BY_US = 500  # more than some Pythons have frozen at their start


def count_frozen_and_collect() -> tuple[int, int]:
    cycle: list[Any] = []
    cycle.append(cycle)
    del cycle
    return gc.get_freeze_count(), gc.collect()


def test_a_worker_collects_what_it_made_and_not_what_it_inherited(start_method: str) -> None:
    gc.unfreeze()  # what the session has frozen itself
    try:
        frozen, collected = run_one(start_method, count_frozen_and_collect).ret
    finally:
        gc.freeze()
    assert frozen > NOT_FROZEN_BY_US + 1000 and collected >= 1


def test_the_initializer_runs_in_each_worker_first(start_method: str) -> None:
    res = run_one(start_method, tasks.get_env, initializer=tasks.set_env)
    assert res.ret == "yes" and "PEXEN_INITIALISED" not in os.environ


def test_an_initializer_that_fails_ends_the_pool_with_its_reason(start_method: str) -> None:
    pool = started(start_method, tasks.noop, initializer=tasks.fail_to_initialise)
    pool.submit(tasks.noop)
    with pytest.raises(PoolError, match="(?s)the initializer failed.*no database"):
        pool.results(None)
    pool.terminate()


def test_workers_that_die_at_their_start_are_given_up(start_method: str) -> None:
    pool = started(start_method, tasks.noop, workers=2, initializer=tasks.exit_now)
    pool.submit(tasks.noop)
    with pytest.raises(PoolError, match="workers die before they are ready.*exited with code 7"):
        while True:
            pool.results(None)
    pool.terminate()


def test_a_worker_has_no_input_and_a_group_of_its_own(start_method: str) -> None:
    assert run_one(start_method, tasks.read_stdin).ret == ""
    assert run_one(start_method, tasks.group).ret is True


def test_a_pool_that_cannot_have_a_worker_more_goes_on_with_fewer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add = Crew.add

    def refuse(self: Crew, *args: Any) -> None:
        if len(self.workers) >= 1:
            raise BlockingIOError(11, "Resource temporarily unavailable")
        add(self, *args)

    monkeypatch.setattr(Crew, "add", refuse)
    pool = started("fork", tasks.noop, workers=3)
    for _ in range(5):
        pool.submit(tasks.noop)
    assert len(finish(pool)) == 5
    assert "going on with fewer" in caplog.text


def test_a_pool_that_can_have_no_worker_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Crew, *args: Any) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(Crew, "add", refuse)
    with pytest.raises(PoolError, match="no worker process can be started.*unavailable"):
        started("fork", tasks.noop)


def test_closures_that_come_about_on_the_way_reach_forked_workers() -> None:
    seen = []
    sched = Sched([tasks.noop])
    pool = ProcessWorkerPool(workers=2)
    for res in sched.run(pool):
        seen.append(res.ret)
        if len(seen) < 6:
            number = len(seen)
            sched.add_tasks([lambda *, number=number: number])
    assert seen == [None, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_without_fork_what_comes_about_on_the_way_must_be_picklable(method: str) -> None:
    sched = Sched([tasks.noop])
    outcomes = []
    for res in sched.run(ProcessWorkerPool(start_method=method)):
        outcomes.append(res.outcome)
        if len(outcomes) == 1:
            with pytest.raises(PoolError, match="can't be sent to a worker process"):
                sched.add_tasks([tasks.echo, lambda: None])
            sched.add_tasks([tasks.whoami])
    assert outcomes == ["ok", "ok"] and len(sched.outcomes) == 2


def test_a_task_whose_worker_is_told_to_end_may_ignore_it_for_a_while_only(event: Any) -> None:
    def stubborn() -> None:
        import signal

        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        event.set()
        signal.pause()

    pool = started("fork", stubborn)
    pool.submit(stubborn)
    begun(pool, stubborn)
    assert event.wait(30)
    pool.kill([stubborn])
    (res,) = finish(pool)
    assert res.outcome is Outcome.LOST


@pytest.mark.parametrize("arguments", [{"start_method": "thread"}, {"tasks_per_worker": 0}])
def test_senseless_options_are_refused(arguments: Any) -> None:
    with pytest.raises(ValueError, match="is '?(thread|0)"):
        ProcessWorkerPool(**arguments)
