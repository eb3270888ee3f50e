"""pexen.sched.pool: either kind of pool, used without a scheduler."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pathlib
import threading
from collections.abc import Callable
from typing import Any

from pexen.sched import TaskFailError, TaskRes
from pexen.sched.meta import func_meta
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

from . import claim, ours_only, pool_claim

PoolClass = Callable[..., Any]


def three() -> int:
    return 3


def other() -> None:
    pass


def started(pool: PoolClass, *tasks: Callable[..., Any], **kwargs: Any) -> Any:
    """A pool that runs and knows the tasks."""
    made = pool(**kwargs)
    made.register(tasks)
    made.start()
    return made


def results_of(pool: PoolClass, *tasks: Callable[..., Any]) -> list[TaskRes]:
    """The results of tasks submitted once each, in that order."""
    made = started(pool, *tasks)
    for task in tasks:
        made.submit(task, {})
    made.shutdown()
    results = list(made.iter_results())
    return sorted(results, key=lambda res: tasks.index(res.task))


def children() -> set[int]:
    """The processes that this one has made and that are still there, as far as can be told."""
    found = {child.pid or 0 for child in multiprocessing.active_children()}
    for path in pathlib.Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has ended
            found.update(map(int, path.read_text().split()))
    return found


# -- what is run, where and how ---------------------------------------------------------------


@pool_claim
def a_pool_is_used_without_a_scheduler(pool: PoolClass) -> None:
    made = pool(workers=2, spare=1)
    made.register(task for task in (three, other))
    made.start()
    made.submit(three)
    made.submit(other, {"a": 1})
    made.submit(other, shared={"b": 2})
    made.submit(task=three, shared={"c": 3})
    made.shutdown()
    results = list(made.iter_results())
    wanted = [TaskRes(three, {}, 3), TaskRes(other, {"a": 1})]
    wanted += [TaskRes(other, {"b": 2}), TaskRes(three, {"c": 3}, 3)]
    assert len(results) == 4
    assert all(res in wanted for res in results)
    assert all(res in results for res in wanted)


@pool_claim
@ours_only("in threads they all have the same one")
def each_submission_has_a_dict_of_its_own(pool: PoolClass) -> None:
    def counts(shared: dict[str, int]) -> None:
        shared["count"] = shared.get("count", 0) + 1

    made = started(pool, counts)
    for _ in range(3):
        made.submit(counts)
    made.shutdown()
    assert list(made.iter_results()) == [TaskRes(counts, {"count": 1})] * 3


@pool_claim
def workers_and_spare_are_given_by_position_or_keyword(pool: PoolClass) -> None:
    for made in pool(2, 1), pool(workers=2, spare=1), pool(spare=1, workers=2):
        made.start()
        assert made.idlecnt() == 3
        made.shutdown()
        assert list(made.iter_results()) == []


@pool_claim
def a_pool_has_one_worker_unless_told_otherwise(pool: PoolClass) -> None:
    def where() -> tuple[int, int]:
        return os.getpid(), threading.get_ident()

    made = started(pool, where)
    for _ in range(4):
        made.submit(where)
    made.shutdown()
    assert len({res.ret for res in made.iter_results()}) == 1


@claim
def threads_run_in_this_process_and_processes_do_not() -> None:
    def where() -> int:
        return os.getpid()

    assert [res.ret for res in results_of(ThreadWorkerPool, where)] == [os.getpid()]
    assert [res.ret for res in results_of(ProcessWorkerPool, where)] != [os.getpid()]


@pool_claim
def one_task_is_handed_ahead_unless_told_otherwise(pool: PoolClass) -> None:
    made = pool()
    made.start()
    assert made.idlecnt() == 2
    made.shutdown()
    assert list(made.iter_results()) == []


@pool_claim
def as_many_tasks_run_at_a_time_as_there_are_workers(pool: PoolClass) -> None:
    kind: Any = threading if pool is ThreadWorkerPool else multiprocessing
    barrier = kind.Barrier(3, timeout=10)

    def meet() -> None:
        barrier.wait()

    made = started(pool, meet, workers=3)
    for _ in range(3):
        made.submit(meet)
    made.shutdown(wait=True)
    assert list(made.iter_results()) == [TaskRes(meet)] * 3


@pool_claim
def kwargs_of_a_tasks_metadata_are_passed(pool: PoolClass) -> None:
    @func_meta(kwargs={"a": 4})
    def takes(shared: dict[str, Any], a: int = 0) -> int:
        return a

    assert results_of(pool, takes) == [TaskRes(takes, {}, 4)]


@pool_claim
def a_failure_is_a_result_like_others(pool: PoolClass) -> None:
    def fails(shared: dict[str, Any]) -> None:
        shared["before"] = 1
        raise ValueError("x", 2)

    def in_control() -> None:
        raise TaskFailError("y")

    first, second, third = results_of(pool, fails, in_control, three)
    assert first.excinfo is not None and second.excinfo is not None
    assert (first.shared, first.excinfo.type) == ({"before": 1}, ValueError)
    assert first.excinfo.val is not None and first.excinfo.val.args == ("x", 2)
    assert second.excinfo.type is TaskFailError
    assert third == TaskRes(three, {}, 3)


# -- results -----------------------------------------------------------------------------------


@pool_claim
def results_come_one_by_one_while_more_is_submitted(pool: PoolClass) -> None:
    made = started(pool, three)
    results = made.iter_results()
    for number in range(4):
        made.submit(three, {"number": number})
        assert next(results) == TaskRes(three, {"number": number}, 3)
    made.submit(three)
    made.submit(three)
    assert next(results) == next(results) == TaskRes(three, {}, 3)
    made.shutdown()
    assert list(results) == []


@pool_claim
def results_are_waited_for_while_another_thread_submits(pool: PoolClass) -> None:
    made = started(pool, three)
    got: list[TaskRes] = []
    reader = threading.Thread(target=lambda: got.extend(made.iter_results()), daemon=True)
    reader.start()
    for _ in range(5):
        made.submit(three)
    made.shutdown()
    reader.join(10)
    assert not reader.is_alive()
    assert got == [TaskRes(three, {}, 3)] * 5


@pool_claim
def results_are_there_after_shutdown_has_waited(pool: PoolClass) -> None:
    made = started(pool, three, workers=2)
    for _ in range(4):
        made.submit(three)
    made.shutdown(wait=True)
    assert not made.alive()
    assert not made.empty()
    assert list(made.iter_results()) == [TaskRes(three, {}, 3)] * 4
    assert made.empty()


@pool_claim
def all_results_are_delivered_after_shutdown(pool: PoolClass) -> None:
    made = started(pool, three, workers=2)
    for _ in range(20):
        made.submit(three)
    made.shutdown()
    assert len(list(made.iter_results())) == 20


@pool_claim
def nothing_is_left_when_results_end(pool: PoolClass) -> None:
    before = children()
    made = started(pool, three, workers=2)
    made.submit(three)
    made.shutdown()
    assert len(list(made.iter_results())) == 1
    assert not made.alive()
    assert made.empty()
    assert children() <= before


@pool_claim
def a_pool_of_which_nothing_was_asked_ends_as_well(pool: PoolClass) -> None:
    for wait in True, False:
        made = started(pool, three)
        made.shutdown(wait=wait)
        assert list(made.iter_results()) == []
        assert not made.alive()


@pool_claim
def a_pool_is_started_again_after_it_ended(pool: PoolClass) -> None:
    made = started(pool, three)
    made.submit(three)
    made.shutdown()
    assert len(list(made.iter_results())) == 1
    made.register([other])
    made.start()
    assert made.alive()
    made.submit(other)
    made.submit(three)
    made.shutdown(wait=True)
    assert sorted(res.ret or 0 for res in made.iter_results()) == [0, 3]
    assert not made.alive()
