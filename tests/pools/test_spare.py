"""How many tasks are handed ahead, and what that follows from."""

from __future__ import annotations

import functools
import threading
import time

import pytest
from pool_support import make

from pexen import Sched, task
from pexen.sched.common import Task, TaskRes
from pexen.sched.pool import ThreadWorkerPool
from pexen.sched.pool.spare import AHEAD_SECONDS, MOST, Spare


def results(*durations: float | None) -> list[TaskRes]:
    made = []
    for duration in durations:
        res = TaskRes(len)
        res.duration = duration
        made.append(res)
    return made


def depths(spare: Spare, seconds: float, batches: int = 20) -> list[int]:
    found = []
    for _ in range(batches):
        spare.note(results(seconds))
        found.append(spare.depth)
    return found


def test_of_tasks_that_take_long_one_is_handed_ahead() -> None:
    assert set(depths(Spare(4, None), 0.02)) == {1}


def test_of_short_tasks_more_and_more_are_handed_ahead() -> None:
    assert depths(Spare(2, None), 1e-6)[:9] == [2, 4, 8, 16, 32, 64, 128, 256, MOST]


def test_as_much_is_handed_ahead_as_lasts_for_a_moment() -> None:
    spare = Spare(2, None)
    depths(spare, AHEAD_SECONDS / 10)
    assert spare.depth == 2 * 10


def test_long_tasks_after_short_ones_are_not_handed_ahead_for_long() -> None:
    spare = Spare(2, None)
    assert depths(spare, 1e-6)[-1] == MOST
    assert depths(spare, 0.02)[:2] == [1, 1]
    assert depths(spare, 1e-6)[-1] == MOST


def test_tasks_that_did_not_live_to_tell_count_as_short() -> None:
    spare = Spare(2, None)
    spare.note(results(None, None))
    assert spare.depth == 2


def test_when_something_was_taken_back_it_begins_anew() -> None:
    spare = Spare(2, None)
    depths(spare, 1e-6)
    spare.note_taken_back()
    assert (spare.depth, spare.low) == (1, 1)
    assert depths(spare, 1e-6)[0] == 2


def test_a_number_stays_what_it_is() -> None:
    for fixed in (0, 1, 3):
        spare = Spare(2, fixed)
        spare.note_taken_back()
        assert set(depths(spare, 1e-6)) == {fixed} and spare.low == fixed


def test_a_pool_is_deep_with_short_tasks_and_shallow_with_long_ones() -> None:
    pool = ThreadWorkerPool(2)
    tasks = [functools.partial(int) for _ in range(2000)]
    # The most of all, as one task that lost the processor meanwhile counts as a long one.
    assert max(pool.due + pool.idlecnt() for _ in Sched(tasks).run(pool)) > 2 + 8
    pool.start()
    assert pool.idlecnt() == 2 + 1
    pool.shutdown(wait=True)


@pytest.mark.parametrize("workers", [1, 2])
def test_the_result_of_a_short_task_does_not_wait_for_a_long_one(workers: int) -> None:
    """The pool waits for many results at a time where tasks are short."""
    heard = threading.Event()
    tasks: list[Task] = [functools.partial(int) for _ in range(2000)]
    last = tasks[1000]
    tasks[1001:1001] = [functools.partial(heard.wait, 60) for _ in range(workers)]
    for res in Sched(tasks).run(ThreadWorkerPool(workers)):
        if res.task is last:
            heard.set()
        assert res.ret is not False


@pytest.mark.parametrize("kind", ["threads", "fork"])
def test_an_urgent_task_overtakes_what_was_handed_ahead_when_tasks_were_short(kind: str) -> None:
    """There was room in the pool, so nobody looked whether something was to be taken back."""
    short = [functools.partial(int) for _ in range(1500)]
    provides = task(functools.partial(int), priority=5, provides=["x"])
    urgent = task(functools.partial(int), requires=["x"])
    long = [task(functools.partial(time.sleep, 0.01), priority=10) for _ in range(50)]
    sched = Sched([*short, provides, urgent, *long])
    ended = [res.task for res in sched.run(make(kind))]
    assert sum(ended.index(each) < ended.index(urgent) for each in long) <= 5


def test_an_urgent_task_overtakes_however_much_is_ahead() -> None:
    """Each of 300 short tasks makes one ready that is to run before all the others."""
    log: list[str] = []
    tasks = []
    for number in range(300):
        usual = functools.partial(log.append, f"usual {number}")
        urgent = functools.partial(log.append, f"urgent {number}")
        tasks.append(task(usual, provides=[number], priority=1))
        tasks.append(task(urgent, requires=[number], priority=0))
    list(Sched(tasks).run(ThreadWorkerPool(1)))
    late = [log.index(f"urgent {n}") - log.index(f"usual {n}") for n in range(300)]
    assert len(log) == 600 and sorted(late)[150] <= 8 and max(late) <= MOST // 4
