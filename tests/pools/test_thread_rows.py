"""Rows of tasks through threads: one worker runs them one after the other."""

from __future__ import annotations

import functools
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence

import pool_tasks as tasks
import pytest
from pool_support import submissions

from pexen import Sched, task
from pexen.sched import TaskFailError, TaskSkip
from pexen.sched.common import PoolError, TaskRes
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.row import Row, Submission
from pexen.sched.pool.spare import Spare

pytestmark = pytest.mark.abandons


@pytest.fixture
def pool() -> Iterator[ThreadWorkerPool]:
    before = {*threading.enumerate()}
    pool = ThreadWorkerPool(2)
    pool.start()
    yield pool
    pool.terminate()
    for thread in {*threading.enumerate()} - before:
        thread.join(60)  # its descriptors go with it


def row_of(*bodies: Callable[..., object]) -> Row:
    row = Row(submissions([(body, {}) for body in bodies]))
    row.until = 1e18  # however slow the machine
    return row


def fetch(pool: ThreadWorkerPool, count: int) -> list[TaskRes]:
    got: list[TaskRes] = []
    while len(got) < count:
        got += pool.results(60)
    return got


def numbers(count: int) -> list[Callable[[], int]]:
    return [functools.partial(int, n) for n in range(count)]


def test_the_tasks_of_a_row_come_in_order_and_never_two_at_once(pool: ThreadWorkerPool) -> None:
    at_work: list[None] = []

    def body(number: int) -> int:
        at_work.append(None)
        assert len(at_work) == 1
        at_work.pop()
        return number

    pool.submit_rows([row_of(*[functools.partial(body, n) for n in range(300)])])
    assert [res.ret for res in fetch(pool, 300)] == [*range(300)]
    assert pool.empty()


def test_what_is_handed_in_with_a_row_is_run_beside_it(pool: ThreadWorkerPool) -> None:
    first, second = threading.Event(), threading.Event()

    def meets(mine: threading.Event, other: threading.Event) -> bool:
        mine.set()
        return other.wait(60)

    row = row_of(tasks.noop, functools.partial(meets, first, second), tasks.noop)
    [beside] = submissions([(functools.partial(meets, second, first), {})])
    pool.submit_rows([row, beside])
    assert [res.outcome for res in fetch(pool, 4)] == ["ok"] * 4


def fails() -> None:
    raise ValueError


def skips() -> None:
    raise TaskSkip("not now")


def fails_in_order() -> None:
    raise TaskFailError("fine", locks_ok=True)


@pytest.mark.parametrize(("body", "left"), [(fails, 2), (skips, 0), (fails_in_order, 0)])
def test_a_row_goes_on_where_locks_are_released(
    pool: ThreadWorkerPool, body: Callable[[], None], left: int
) -> None:
    row = row_of(tasks.noop, body, tasks.noop, tasks.noop)
    pool.submit_rows([row])
    got = fetch(pool, 4 - left)
    assert got[1].task is body
    assert pool.withdraw_rest(row) == [tasks.noop] * left
    assert pool.empty()


def test_a_row_that_has_taken_long_goes_no_further(pool: ThreadWorkerPool) -> None:
    row = row_of(tasks.noop, tasks.echo)
    row.until = 0.0  # has long been
    pool.submit_rows([row])
    assert fetch(pool, 1)[0].task is tasks.noop
    assert row.over and pool.withdraw_rest(row) == [tasks.echo] and pool.empty()


def test_how_long_a_row_may_take_counts_from_its_first_task() -> None:
    row = Row(submissions([(tasks.noop, {})] * 2))
    assert row.note(TaskRes(tasks.noop), 1000.0, 1000.001) and 1000.002 < row.until < 1000.1


def running(pool: ThreadWorkerPool, *behind: Callable[..., object]) -> threading.Event:
    """A row of which the first task runs until the event is set; ended by what is behind."""
    began, leave = threading.Event(), threading.Event()

    def waits() -> bool:
        began.set()
        return leave.wait(60)

    pool.submit_rows([row_of(waits, *behind)])
    assert began.wait(60)
    return leave


def test_what_has_not_begun_of_a_row_can_be_taken_back(pool: ThreadWorkerPool) -> None:
    behind = numbers(3)
    leave = running(pool, *behind)
    assert pool.ahead() == behind
    assert pool.withdraw() == behind
    assert pool.ahead() == pool.withdraw() == [] and pool.due == 1
    leave.set()
    assert [res.ret for res in fetch(pool, 1)] == [True]


def test_a_row_that_no_worker_has_taken_up_can_be_taken_back(pool: ThreadWorkerPool) -> None:
    leaves = [running(pool), running(pool)]
    pool.submit_rows([row_of(tasks.noop, tasks.echo)])
    assert pool.withdraw() == [tasks.noop, tasks.echo]
    for leave in leaves:
        leave.set()
    assert [res.ret for res in fetch(pool, 2)] == [True, True] and pool.empty()


def test_what_is_behind_in_a_row_keeps_no_other_worker_from_being_given_work(
    pool: ThreadWorkerPool,
) -> None:
    pool._spare.depth = pool._spare.low = 1
    assert pool.room() == 2 + pool._spare.depth
    leave = running(pool, *numbers(50))
    assert pool.room() == 2
    leave.set()
    fetch(pool, 51)
    assert pool.room() == 2 + pool._spare.depth


def test_a_worker_that_is_abandoned_goes_no_further_in_its_row(pool: ThreadWorkerPool) -> None:
    began: list[int] = []
    leave = running(pool, functools.partial(began.append, 1))
    [at_work] = [item.task for item in pool.running()]
    pool.kill([at_work])
    [res] = fetch(pool, 1)
    assert res.outcome == "lost" and res.abandoned
    leave.set()
    [row] = pool._rows
    assert len(pool.withdraw_rest(row)) == 1 and pool.empty()
    pool.submit(tasks.noop)
    assert fetch(pool, 1)[0].task is tasks.noop and began == []


def test_one_of_a_row_that_is_to_be_killed_is_so_when_it_begins(pool: ThreadWorkerPool) -> None:
    second = threading.Event()
    body = functools.partial(second.wait, 60)
    leave = running(pool, body)
    pool.kill([body])
    leave.set()
    assert [res.outcome for res in fetch(pool, 2)] == ["ok", "lost"]
    second.set()


def test_a_pool_that_is_terminated_ends_its_rows(pool: ThreadWorkerPool) -> None:
    began: list[int] = []
    leave = running(pool, functools.partial(began.append, 1))
    [worker] = pool._at_work.values()
    pool.terminate()
    leave.set()
    worker[0].join(60)
    assert began == []


def test_no_row_is_kept_when_it_has_ended(pool: ThreadWorkerPool) -> None:
    row, body = row_of(tasks.noop), functools.partial(int)
    seen = weakref.ref(body)
    pool.submit_rows([row, row_of(body)])
    fetch(pool, 2)
    pool.submit(tasks.noop)  # so that the worker is past it
    fetch(pool, 1)
    del body
    assert seen() is None
    pool.submit_rows([row_of(tasks.noop)])
    assert len(pool._rows) == 1


def test_rows_are_taken_as_long_as_the_spare_is_deep() -> None:
    pool = ThreadWorkerPool(2)
    assert pool.longest_row() == 1
    pool._spare.depth = 100
    assert pool.longest_row() == 50
    pool.timeout = 5
    assert pool.longest_row() == 1
    pool.timeout, pool.on_begin = None, lambda task, time: None
    assert pool.longest_row() == 1


def test_no_rows_are_taken_with_a_spare_of_the_users_or_by_other_pools() -> None:
    assert ThreadWorkerPool(2, spare=100).longest_row() == 1
    processes = ProcessWorkerPool(2)
    processes._spare = Spare(2, None)
    processes._spare.depth = 100
    assert processes.longest_row() == 1
    with pytest.raises(NotImplementedError, match="ProcessWorkerPool takes no rows"):
        processes.submit_rows([row_of(tasks.noop)])


def test_a_row_is_refused_by_a_pool_that_does_not_run() -> None:
    with pytest.raises(PoolError, match="not running"):
        ThreadWorkerPool(2).submit_rows([row_of(tasks.noop)])


# -- in a run --------------------------------------------------------------------------------


class Noting(ThreadWorkerPool):
    """Notes how many rows it was given."""

    rows = 0

    def submit_rows(self, batch: Sequence[Submission | Row]) -> None:
        self.rows += sum(isinstance(handed, Row) for handed in batch)
        super().submit_rows(batch)


def test_short_tasks_that_claim_the_same_run_one_at_a_time_in_rows() -> None:
    inside: list[None] = []
    most = 0

    def body() -> None:
        nonlocal most
        inside.append(None)
        most = max(most, len(inside))
        inside.pop()

    bodies = [task(functools.partial(body), claims=["disk"]) for _ in range(3000)]
    pool = Noting(2)
    assert sum(res.outcome == "ok" for res in Sched(bodies).run(pool)) == 3000
    assert most == 1 and 0 < pool.rows < 1000


def test_a_task_in_a_row_may_wait_for_one_that_becomes_ready_meanwhile() -> None:
    """Handed ahead behind others, it has not to keep the other worker from its task."""
    met = threading.Event()
    calls = itertools.count()

    def body() -> bool:
        return met.wait(60) if next(calls) == 1500 else True

    bodies = [task(functools.partial(body), claims=["disk"]) for _ in range(3000)]
    task(bodies[5], provides=["go"])
    setter = task(functools.partial(met.set), requires=["go"], priority=5)
    results = list(Sched([*bodies, setter]).run(Noting(2)))
    assert all(res.ret is not False for res in results)


def test_a_failure_in_a_row_ends_those_that_need_what_it_has_damaged() -> None:
    calls = itertools.count()

    def body() -> None:
        if next(calls) == 2000:
            raise ValueError("the disk is full")

    bodies = [task(functools.partial(body), claims=["disk"]) for _ in range(3000)]
    sched = Sched(bodies)
    with pytest.warns(Warning, match="1 locks still held"):
        outcomes = [res.outcome for res in sched.run(Noting(2))]
    assert outcomes == ["ok"] * 2000 + ["failed"]
    assert list(sched.outcomes.values()).count("blocked") == 999 and next(calls) == 2001


def test_nothing_of_a_row_begins_after_stop() -> None:
    calls = itertools.count()
    bodies = [task(functools.partial(next, calls), claims=["disk"]) for _ in range(3000)]
    sched = Sched(bodies)
    count = 0
    for count, _ in enumerate(sched.run(Noting(2)), start=1):
        if count == 1500:
            sched.stop()
    assert 1500 <= count < 3000 and next(calls) == count
    assert list(sched.outcomes.values()).count("cancelled") == 3000 - count


def test_the_rest_of_a_row_is_asked_back_from_a_worker_that_was_abandoned() -> None:
    hold, began, leave = threading.Event(), threading.Event(), threading.Event()
    either = threading.Lock()  # a body holds on, or it is told no more to

    def body() -> None:
        with either:
            holds_on = hold.is_set() and not began.is_set()
            if holds_on:
                began.set()
        if holds_on:
            leave.wait(60)

    bodies = [task(functools.partial(body), claims=["disk"]) for _ in range(20_000)]
    sched, pool = Sched(bodies), Noting(2)
    outcomes, left = [], 0
    with pytest.warns(Warning, match="1 locks still held"):
        for res in sched.run(pool):
            outcomes.append(res.outcome)
            if left or pool.ahead() == []:
                continue
            hold.set()
            began.wait(0.05)  # in vain if the row ended meanwhile, and nothing else was handed in
            with either:
                hold.clear()
            if began.is_set():
                left = len(pool.ahead())
                if left:
                    pool.kill([running.task for running in pool.running()])
                else:  # it was the last one of its row
                    leave.set()
                    began.clear()
                    leave.clear()
    leave.set()
    assert left, "never at work in a row"
    assert outcomes.count("lost") == 1 and outcomes[-1] == "lost"
    assert set(outcomes[:-1]) == {"ok"}
    assert list(sched.outcomes.values()).count("blocked") == 20_000 - len(outcomes) >= left
