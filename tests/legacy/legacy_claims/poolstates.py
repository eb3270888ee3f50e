"""pexen.sched.pool: what a pool says of its state, and what it refuses in which."""

from __future__ import annotations

from pexen.sched import TaskRes
from pexen.sched.pool import PoolError, ProcessWorkerPool, ThreadWorkerPool

from . import claim, fail, pool_claim, raises
from .pools import PoolClass, other, started, three

# -- counts ------------------------------------------------------------------------------------


@pool_claim
def a_pool_is_alive_from_start_until_its_results_end(pool: PoolClass) -> None:
    made = pool()
    assert not made.alive()
    made.register([three])
    made.start()
    assert made.alive()
    made.submit(three)
    assert made.alive()
    made.shutdown()
    list(made.iter_results())
    assert not made.alive()


@pool_claim
def a_pool_counts_what_was_submitted_and_not_fetched(pool: PoolClass) -> None:
    made = started(pool, three, workers=2, spare=1)
    assert (made.empty(), made.full(), made.idlecnt()) == (True, False, 3)
    made.submit(three)
    assert (made.empty(), made.full(), made.idlecnt()) == (False, False, 2)
    made.submit(three)
    made.submit(three)
    assert (made.empty(), made.full(), made.idlecnt()) == (False, True, 0)
    results = made.iter_results()
    next(results)
    assert (made.empty(), made.full(), made.idlecnt()) == (False, False, 1)
    next(results)
    next(results)
    assert (made.empty(), made.full(), made.idlecnt()) == (True, False, 3)
    made.shutdown()
    assert list(results) == []


@pool_claim
def more_may_be_submitted_than_fits(pool: PoolClass) -> None:
    made = started(pool, three, workers=1, spare=1)
    for _ in range(5):
        made.submit(three)
    assert made.full()
    assert made.idlecnt() <= 0
    made.shutdown()
    assert len(list(made.iter_results())) == 5


@pool_claim
def without_spare_only_workers_count(pool: PoolClass) -> None:
    made = started(pool, three, workers=1, spare=0)
    assert (made.full(), made.idlecnt()) == (False, 1)
    made.submit(three)
    assert (made.full(), made.idlecnt()) == (True, 0)
    made.shutdown()
    assert len(list(made.iter_results())) == 1


@pool_claim
def a_new_pool_has_room_whatever_its_spare(pool: PoolClass) -> None:
    made = started(pool, three)
    assert (made.empty(), made.full()) == (True, False)
    assert made.idlecnt() >= 1
    made.shutdown()
    assert list(made.iter_results()) == []


# -- what is refused ---------------------------------------------------------------------------


@pool_claim
def a_pool_that_runs_is_not_started_again(pool: PoolClass) -> None:
    made = started(pool, three)
    with raises(PoolError, "Cannot re-start a running pool"):
        made.start()
    made.submit(three)
    made.shutdown()
    assert len(list(made.iter_results())) == 1


@pool_claim
def a_pool_that_was_not_started_takes_nothing(pool: PoolClass) -> None:
    made = pool()
    made.register([three])
    with raises(PoolError, "The pool is not running"):
        made.submit(three)
    assert not made.alive()


@pool_claim
def a_pool_that_was_not_started_has_no_results(pool: PoolClass) -> None:
    made = pool()
    made.register([three])
    assert list(made.iter_results()) == []
    assert made.empty()


@pool_claim
def a_pool_that_was_shut_down_takes_nothing(pool: PoolClass) -> None:
    made = started(pool, three)
    made.shutdown()
    with raises(PoolError, "The pool is shutting down"):
        made.submit(three)
    assert list(made.iter_results()) == []
    with raises(PoolError, "The pool is shutting down"):
        made.submit(three)


@pool_claim
def a_pool_is_shut_down_once(pool: PoolClass) -> None:
    made = started(pool, three)
    made.shutdown()
    with raises(PoolError, "The pool is already shutting down"):
        made.shutdown()
    assert list(made.iter_results()) == []
    with raises(PoolError, "The pool is already shutting down"):
        made.shutdown(wait=True)


@claim
def processes_know_the_tasks_that_were_registered_before_the_start() -> None:
    made = started(ProcessWorkerPool, three)
    with raises(PoolError, "Cannot register tasks while the pool is running"):
        made.register([other])
    with raises(PoolError, "Cannot submit unregistered task"):
        made.submit(other)
    made.submit(three)
    made.shutdown()
    assert list(made.iter_results()) == [TaskRes(three, {}, 3)]


@claim
def threads_accept_any_task_at_any_time() -> None:
    made = ThreadWorkerPool()
    made.start()
    made.submit(three)
    made.register([other])
    made.submit(other)
    made.submit(fail)
    made.shutdown()
    assert [res.task for res in made.iter_results()] == [three, other, fail]
