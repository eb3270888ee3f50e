"""pexen.sched.pool: what crosses between processes, and what becomes of what can't."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from typing import Any

from pexen.sched import Sched, TaskFailError, TaskRes
from pexen.sched.meta import assign_val, func_meta
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

from . import about, claim, heard, make, names, ours_only
from .pools import results_of, started, three


class HoldsLambda(Exception):
    """Can be pickled but for what it holds."""


class NeedsTwo(Exception):
    """Can be pickled and not be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


class ControlledNeedsTwo(TaskFailError):
    def __init__(self, first: str, second: str, **flags: bool) -> None:
        super().__init__(first, **flags)
        self.second = second


class Unspeakable(Exception):
    """Has no text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")

    __repr__ = __str__


# -- tasks and what they return ----------------------------------------------------------------


@claim
def closures_and_lambdas_are_tasks_of_processes() -> None:
    here = {"number": 5}

    def closure() -> int:
        return here["number"]

    by_lambda = lambda: here["number"] + 1  # noqa: E731
    results = results_of(ProcessWorkerPool, closure, by_lambda)
    assert [res.ret for res in results] == [5, 6]
    assert [res.task for res in results] == [closure, by_lambda]


@claim
def kwargs_that_cannot_be_pickled_reach_processes() -> None:
    queue: Any = multiprocessing.SimpleQueue()
    big: Any = multiprocessing.Queue()

    @func_meta(kwargs={"queue": queue, "big": big, "call": lambda: 7})
    def puts(shared: dict[str, Any], queue: Any, big: Any, call: Any) -> None:
        queue.put(call())
        big.put(8)
        big.close()
        big.join_thread()

    assert results_of(ProcessWorkerPool, puts) == [TaskRes(puts)]
    assert queue.get() == 7
    assert big.get(timeout=10) == 8
    queue.close()
    big.close()
    big.join_thread()


@claim
def a_return_value_that_cannot_be_pickled_is_the_tasks_failure() -> None:
    def returns() -> Any:
        return lambda: 1

    def generates() -> Any:
        return (n for n in "abc")

    for res in results_of(ProcessWorkerPool, returns, generates):
        assert res.ret is None
        assert res.excinfo is not None
        assert res.excinfo.type is AttributeError
        assert "Can't pickle" in str(res.excinfo.val)


@claim
def shared_state_that_cannot_be_pickled_is_the_tasks_failure() -> None:
    @func_meta(provides=["one"])
    def shares(shared: dict[str, Any]) -> None:
        shared["a"] = lambda: 1

    @func_meta(requires=["one"])
    def needs() -> None:
        pass

    with heard():
        (res,) = Sched([shares, needs]).run(ProcessWorkerPool())
    assert res.excinfo is not None
    assert res.excinfo.type is AttributeError
    assert "Can't pickle" in str(res.excinfo.val)


@claim
def a_worker_goes_on_after_what_cannot_be_pickled() -> None:
    def returns() -> Any:
        return lambda: 1

    made = started(ProcessWorkerPool, returns, three)
    made.submit(returns)
    made.submit(three)
    made.submit(returns)
    made.submit(three)
    made.shutdown()
    assert [res.ret for res in made.iter_results()] == [None, 3, None, 3]


def large() -> bytes:
    return b"x" * (1 << 21)


@claim
def large_results_of_threads_do_not_block_shutdown() -> None:
    made = started(ThreadWorkerPool, large)
    for _ in range(3):
        made.submit(large)
    made.shutdown(wait=True)
    assert [len(res.ret) for res in made.iter_results()] == [1 << 21] * 3


@claim
@ours_only("it hangs", hangs=True)
def large_results_of_processes_do_not_block_shutdown() -> None:
    made = started(ProcessWorkerPool, large)
    for _ in range(3):
        made.submit(large)
    made.shutdown(wait=True)
    assert [len(res.ret) for res in made.iter_results()] == [1 << 21] * 3


# -- exceptions --------------------------------------------------------------------------------


def raising(error: Callable[[], BaseException], name: str = "raises") -> Callable[..., Any]:
    """A task that makes and raises an exception."""

    def task(shared: dict[str, Any]) -> None:
        raise error()

    task.__name__ = name
    return task


@claim
def an_exception_of_a_process_has_no_traceback() -> None:
    (res,) = results_of(ProcessWorkerPool, raising(lambda: ValueError("x", 1)))
    assert res.excinfo is not None
    assert (res.excinfo.type, res.excinfo.tb) == (ValueError, None)
    assert res.excinfo.val is not None and res.excinfo.val.args == ("x", 1)


@claim
def an_exception_with_parts_that_cannot_travel_keeps_its_type() -> None:
    (res,) = results_of(ProcessWorkerPool, raising(lambda: HoldsLambda(lambda: 1)))
    assert res.excinfo == (HoldsLambda, None, None)


@claim
@ours_only("the TypeError is raised to who asks for results")
def an_exception_that_cannot_be_unpickled_keeps_its_type() -> None:
    (res,) = results_of(ProcessWorkerPool, raising(lambda: NeedsTwo("a", "b")))
    assert res.excinfo is not None
    assert res.excinfo.type is NeedsTwo and res.excinfo.tb is None


@claim
@ours_only("the result never arrives", hangs=True)
def an_exception_of_a_local_class_arrives_as_its_nearest_base() -> None:
    class Local(LookupError):
        pass

    class Deeper(Local):
        pass

    (res,) = results_of(ProcessWorkerPool, raising(lambda: Deeper("why")))
    assert res.excinfo is not None
    assert (res.excinfo.type, res.excinfo.val, res.excinfo.tb) == (LookupError, None, None)
    assert "Deeper" in res.excinfo.text
    assert "why" in res.excinfo.text


@claim
def a_failed_task_always_has_excinfo() -> None:
    for error in (Unspeakable, lambda: Unspeakable(lambda: 1)):
        (res,) = results_of(ProcessWorkerPool, raising(error))
        assert res.excinfo is not None
        assert res.excinfo.type is Unspeakable


@claim
def a_controlled_failure_in_a_process_lets_dependents_run() -> None:
    def fails(shared: dict[str, Any]) -> None:
        shared["a"] = 1
        raise TaskFailError("x")

    assign_val(fails, provides=["one"], claims=["lock"], priority=-1)
    with heard() as texts:
        tasks = [fails, make("b", requires=["one"]), make("c", claims=["lock"])]
        results = list(Sched(tasks).run(ProcessWorkerPool()))
    assert sorted(names(results)) == ["b", "c", "fails"]
    assert {res.task.__name__: res.shared for res in results}["b"] == {"a": 1}
    assert texts == []


@claim
@ours_only("came after the wheel")
def deps_ok_and_locks_ok_travel_beside_the_exception() -> None:
    class Local(TaskFailError):
        pass

    for kind in Local, lambda **flags: ControlledNeedsTwo("a", "b", **flags):
        for deps_ok, locks_ok, ran in (
            (True, True, {"b", "c"}),
            (True, False, {"b"}),
            (False, True, {"c"}),
            (False, False, set()),
        ):
            fails = raising(lambda: kind(deps_ok=deps_ok, locks_ok=locks_ok), "a")
            assign_val(fails, provides=["one"], claims=["lock"], priority=-1)
            tasks = [fails, make("b", requires=["one"]), make("c", claims=["lock"])]
            with heard() as texts:
                results = list(Sched(tasks).run(ProcessWorkerPool()))
            assert set(names(results)) == {"a"} | ran
            assert bool(about("skipped", texts)) is not deps_ok
            assert bool(about("held", texts)) is not locks_ok
