"""Rows 19 to 21 of the fault matrix: workers that can't be started, or don't live to work.

Each single descriptor that a start asks for is refused once, or, of those start methods that
take long, one in so many of them.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
from typing import Any

import busy_tasks
import nested_tasks
import pytest
import start_tasks
from busy_tasks import count_marks
from fault_programs import make
from scarce import (
    descriptors_left,
    free_numbers,
    highest_descriptor,
    leaking_nothing,
    refusing,
)

from pexen import Sched, task
from pexen.sched import Outcome
from pexen.sched.pool import PoolError

WORKERS = 2
TASKS = 6

# Of the processes that a pool wants to start, counted from 0.
REFUSED_AT_START = [range(1), range(1, 2), range(1, 3), range(1000)]
REFUSED_LATER = [range(2, 3), range(2, 4), range(2, 1000)]

pytestmark = pytest.mark.filterwarnings("ignore:.* locks still held")


def works(count: int = TASKS) -> list[Any]:
    return [functools.partial(busy_tasks.do_nothing) for _ in range(count)]


def pool_of(start_method: str, **options: Any) -> Any:
    return make(start_method, **{"workers": WORKERS, **options})


def check_works(sched: Sched, pool: Any) -> None:
    assert [res.outcome for res in sched.run(pool)] == [Outcome.OK] * TASKS


# One of so many descriptors is refused at a time.
STEPS = {"fork": 1, "forkserver": 7, "spawn": 7}


def test_descriptors_that_run_out_at_the_start_are_named_or_done_without(
    start_method: str, caplog: pytest.LogCaptureFixture
) -> None:
    failed = went_on = 0
    left = 0
    while True:
        sched, pool = Sched(works()), pool_of(start_method)
        caplog.clear()
        with leaking_nothing():
            try:
                with descriptors_left(left):
                    check_works(sched, pool)
            except PoolError as exc:
                assert "Too many open files" in str(exc)
                assert isinstance(exc.__cause__, OSError)
                failed += 1
            else:
                if not caplog.text:
                    break
                assert "going on with fewer: [Errno 24] Too many open files" in caplog.text
                went_on += 1
        left += STEPS[start_method]
    assert failed and went_on


def test_a_pool_that_could_not_be_started_works_when_there_is_room(start_method: str) -> None:
    sched, pool = Sched(works()), pool_of(start_method)
    for left in (0, 1, 5):
        with descriptors_left(left), pytest.raises(PoolError, match="Too many open files"):
            list(sched.run(pool))
    check_works(sched, pool)


def test_tasks_of_a_run_that_could_not_start_are_cancelled(start_method: str) -> None:
    sched = Sched(works())
    with descriptors_left(0), pytest.raises(PoolError):
        list(sched.run(pool_of(start_method)))
    assert list(sched.outcomes.values()) == [Outcome.CANCELLED] * TASKS


def dies() -> Any:
    return task(functools.partial(nested_tasks.die), priority=-1)


def run_short_of_descriptors(start_method: str, below: int, workers: int) -> list[str]:
    """A run in which a worker dies when there are no descriptors from that number on."""
    sched = Sched([task(functools.partial(busy_tasks.do_nothing), priority=-2)])
    outcomes: list[str] = []
    with contextlib.ExitStack() as stack:
        for res in sched.run(pool_of(start_method, workers=workers)):
            if not outcomes:
                sched.add_tasks([dies(), *works()])
                stack.enter_context(highest_descriptor(below))
            outcomes.append(res.outcome.value)
    return outcomes


WITH_ONE_LOST = ["lost"] + ["ok"] * (TASKS + 1)


def limits(start_method: str) -> list[int]:
    """Below every descriptor there is, and below those that a small pool makes."""
    first = next(free_numbers())
    return [3, *range(first, first + 36, 3 * STEPS[start_method])]


def test_a_worker_that_cannot_be_replaced_for_want_of_descriptors_is_done_without(
    start_method: str,
) -> None:
    for below in limits(start_method):
        with leaking_nothing():
            outcomes = run_short_of_descriptors(start_method, below, workers=2)
        assert sorted(outcomes) == WITH_ONE_LOST, below


def test_the_last_worker_that_cannot_be_replaced_ends_the_run_with_the_cause(
    start_method: str,
) -> None:
    failed = 0
    for below in limits(start_method):
        with leaking_nothing():
            try:
                outcomes = run_short_of_descriptors(start_method, below, workers=1)
            except PoolError as exc:
                assert "Too many open files" in str(exc)
                failed += 1
            else:
                assert sorted(outcomes) == WITH_ONE_LOST, below
    assert failed


def check_comes_back(start_method: str, scarcity: Any, mark: pathlib.Path) -> None:
    """A pool that was short of a worker for a while has two again, who can meet."""
    first = task(functools.partial(busy_tasks.do_nothing), priority=-2)
    sched = Sched([first])
    results = sched.run(pool_of(start_method))
    assert next(results).outcome is Outcome.OK
    with scarcity:
        sched.add_tasks([dies(), *works()])
        assert sorted(next(results).outcome.value for _ in range(TASKS + 1))[0] == "lost"
    meet = [task(functools.partial(start_tasks.meet), kwargs={"mark": str(mark)}) for _ in "ab"]
    sched.add_tasks(meet)
    assert [res.ret for res in results] == [True, True]


def test_when_descriptors_are_free_again_the_worker_is_replaced(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    check_comes_back(start_method, highest_descriptor(3), tmp_path / "mark")


def test_when_processes_may_be_started_again_the_worker_is_replaced(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    check_comes_back(start_method, refusing(start_method, range(1000)), tmp_path / "mark")


@pytest.mark.parametrize("refused", REFUSED_AT_START, ids=str)
def test_processes_refused_at_the_start_are_named_or_done_without(
    start_method: str, refused: range, caplog: pytest.LogCaptureFixture
) -> None:
    sched, pool = Sched(works()), pool_of(start_method, workers=3)
    with leaking_nothing():
        with refusing(start_method, refused) as wanted:
            try:
                check_works(sched, pool)
            except PoolError as exc:
                assert 0 in refused  # else there is one worker at least
                assert "Resource temporarily unavailable" in str(exc)
                assert isinstance(exc.__cause__, BlockingIOError)
            else:
                assert "going on with fewer: [Errno 11] Resource temporarily" in caplog.text
            assert 1 <= wanted() <= 10
        check_works(sched, pool)


@pytest.mark.parametrize("refused", REFUSED_LATER, ids=str)
def test_a_process_refused_at_replacement_is_done_without(
    start_method: str, refused: range
) -> None:
    sched, pool = Sched([dies(), *works()]), pool_of(start_method)
    results = sched.run(pool)
    with leaking_nothing():
        with refusing(start_method, refused):  # the first two are the pool's first workers
            outcomes = [res.outcome.value for res in results]
    assert sorted(outcomes) == ["lost"] + ["ok"] * TASKS


def test_the_last_worker_that_is_refused_ends_the_run_with_the_cause(start_method: str) -> None:
    sched, pool = Sched([dies(), *works()]), pool_of(start_method, workers=1)
    with leaking_nothing(), refusing(start_method, range(1, 1000)) as wanted:
        with pytest.raises(PoolError, match="Resource temporarily unavailable") as caught:
            list(sched.run(pool))
        assert isinstance(caught.value.__cause__, BlockingIOError)
        assert wanted() <= 10
        del caught  # its traceback holds what the start that failed had made
    assert len(sched.outcomes) == TASKS + 1


def test_workers_that_all_die_at_their_start_are_given_up_soon(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "mark"
    options = {"initializer": start_tasks.initializer(mark, start_tasks.always)}
    sched = Sched(works())
    with pytest.raises(PoolError, match="die before they are ready.*SIGKILL"):
        list(sched.run(pool_of(start_method, workers=4, **options)))
    assert set(sched.outcomes.values()) <= {Outcome.CANCELLED, Outcome.LOST}
    assert len(sched.outcomes) == TASKS
    assert 1 <= count_marks(mark) <= 10


def test_workers_of_which_some_die_at_their_start_do_all_there_is(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "mark"
    options = {"initializer": start_tasks.initializer(mark, start_tasks.every_other)}
    pool = pool_of(start_method, tasks_per_worker=2, **options)
    check_works(Sched(works()), pool)
    assert count_marks(mark) >= TASKS // 2


def test_replacements_that_all_die_at_their_start_are_given_up_soon(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "mark"
    options = {"initializer": start_tasks.initializer(mark, start_tasks.all_but_two)}
    last = [task(dies(), provides=["last worker dead"]) for _ in range(2)]
    sched = Sched([*last, *(task(work, after=["last worker dead"]) for work in works(40))])
    with pytest.raises(PoolError, match="die before they are ready.*SIGKILL"):
        list(sched.run(pool_of(start_method, **options)))
    assert len(sched.outcomes) == 42
    assert 3 <= count_marks(mark) <= 10
