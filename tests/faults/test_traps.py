"""What goes wrong while arguments and results are pickled and loaded is their task's fault.

In the parent that holds for whatever is raised. What ends a process is only tried where it is
a worker that comes to it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import fault_traps as tasks
import pytest
from fault_runs import Account, faulty, make_pool, run_through
from fault_traps import ENDS, LOADED, LOADED_AT_HOME, PICKLED, RAISES, RAISES_AT_HOME, Trap

from pexen import task
from pexen.sched import TaskRes
from pexen.sched.common import Task
from pexen.sched.pool import PoolError


def sending_traps_home(when: str, hows: Iterable[str]) -> Iterator[tuple[str, Task]]:
    """How each goes off, and the task: as return value, in the shared dict, in an exception."""
    for how in hows:
        trap = when, how, os.getpid()
        yield how, faulty(tasks.return_trap, *trap)
        yield how, faulty(tasks.share_trap, kwargs={"trap": trap})
        yield how, faulty(tasks.raise_trap, *trap)


@pytest.mark.parametrize("when", [PICKLED, LOADED, LOADED_AT_HOME])
def test_what_a_result_raises_on_its_way_fails_its_task(start_method: str, when: str) -> None:
    sending = [(each, how) for how, each in sending_traps_home(when, RAISES)]
    account = run_through(make_pool(start_method), {each: "failed" for each, _ in sending})
    for number, (each, how) in enumerate(sending):
        info = account.results[each].excinfo
        assert info is not None
        if number % 3 == 2:
            assert info.type is LookupError
        else:
            assert f"{how}: the trap, {how}" in info.text


@pytest.mark.parametrize("when", [PICKLED, LOADED])
def test_a_result_that_ends_the_worker_on_its_way_is_lost(start_method: str, when: str) -> None:
    sending = {each: how for how, each in sending_traps_home(when, ENDS)}
    account = run_through(make_pool(start_method), dict.fromkeys(sending, "lost"))
    for each, how in sending.items():
        assert ENDS[how] in account.text_of(each)


def run_given(
    start_method: str, traps: Iterable[Trap], outcome: str
) -> list[tuple[str, TaskRes]]:
    """Hand each trap to a task by its shared dict; how each was to go off, and the result."""
    givers = {faulty(int, provides=[n]): (n, trap) for n, trap in enumerate(traps)}
    takers = {faulty(tasks.take, requires=[n]): trap.how for n, trap in givers.values()}

    def give(res: TaskRes) -> None:
        if res.task in givers:
            res.shared["trap"] = givers[res.task][1]

    expected = dict.fromkeys(givers, "ok") | dict.fromkeys(takers, outcome)
    account = run_through(make_pool(start_method), expected, consume=give)
    return [(how, account.results[each]) for each, how in takers.items()]


@pytest.mark.parametrize("when", [PICKLED, LOADED])
def test_what_an_argument_raises_on_its_way_fails_its_task(start_method: str, when: str) -> None:
    hows = RAISES_AT_HOME if when == PICKLED else RAISES
    traps = [Trap(when, how, os.getpid()) for how in hows]
    for how, res in run_given(start_method, traps, "failed"):
        assert res.excinfo is not None and f"{how}: the trap, {how}" in res.excinfo.text


def test_an_argument_that_ends_the_worker_on_its_way_loses_its_task(start_method: str) -> None:
    traps = [Trap(LOADED, how, os.getpid()) for how in ENDS]
    for how, res in run_given(start_method, traps, "lost"):
        assert res.excinfo is not None and ENDS[how] in res.excinfo.text


def test_an_argument_that_is_no_trap_arrives(start_method: str) -> None:
    (given,) = run_given(start_method, [Trap("never", "ValueError", os.getpid())], "ok")
    assert given[1].ret == "took ValueError"


@pytest.mark.parametrize("when", [PICKLED, LOADED])
def test_an_error_without_a_text_fails_its_task_too(start_method: str, when: str) -> None:
    sending = [each for _, each in sending_traps_home(when, ["BrokenText"])]
    account = run_through(make_pool(start_method), dict.fromkeys(sending, "failed"))
    assert all("BrokenText" in account.text_of(each) for each in sending[:2])
    ((_, res),) = run_given(start_method, [Trap(when, "BrokenText", os.getpid())], "failed")
    assert res.excinfo is not None and "BrokenText" in res.excinfo.text


def keyword_traps(when: str, hows: Iterable[str]) -> dict[Task, str]:
    traps = [Trap(when, how, os.getpid()) for how in hows]
    return {faulty(tasks.take_keyword, kwargs={"trap": trap}): trap.how for trap in traps}


def test_forked_workers_inherit_keyword_arguments_as_they_are() -> None:
    takers = keyword_traps(PICKLED, [*RAISES, *ENDS]) | keyword_traps(LOADED, [*RAISES, *ENDS])
    account = run_through(make_pool("fork"), dict.fromkeys(takers, "ok"))
    for each, how in takers.items():
        assert account.results[each].ret == f"took {how}"


PICKLING_METHODS = pytest.mark.parametrize("method", ["forkserver", "spawn"])


@PICKLING_METHODS
def test_what_a_keyword_argument_raises_when_loaded_fails_its_task(method: str) -> None:
    takers = keyword_traps(LOADED, RAISES)
    account = run_through(make_pool(method), dict.fromkeys(takers, "failed"))
    for each, how in takers.items():
        assert f"{how}: the trap, {how}" in account.text_of(each)


@PICKLING_METHODS
def test_a_keyword_argument_that_ends_the_worker_when_loaded_loses_its_task(method: str) -> None:
    takers = keyword_traps(LOADED, ENDS)
    account = run_through(make_pool(method), dict.fromkeys(takers, "lost"))
    for each, how in takers.items():
        assert ENDS[how] in account.text_of(each)


@PICKLING_METHODS
@pytest.mark.parametrize("how", ["ValueError", "SystemExit"])
def test_a_keyword_argument_that_raises_when_pickled_is_refused_by_its_tasks_name(
    method: str, how: str
) -> None:
    (taker,) = keyword_traps(PICKLED, [how])
    with pytest.raises(PoolError, match=f"'take_keyword' can't be sent .*the trap, {how}"):
        run_through(make_pool(method), {taker: "ok"})


def run_added(start_method: str, added: dict[Task, str], expected: str) -> Account:
    """Add tasks on the way, one with each result."""
    waiting = list(added)
    account = Account([task(faulty(int)) for _ in range(len(added))])

    def add_one(res: TaskRes) -> None:
        if waiting:
            account.add(waiting.pop())

    account.run(make_pool(start_method), add_one)
    assert account.error is None, repr(account.error)
    account.check(dict.fromkeys(added, expected))
    return account


@pytest.mark.parametrize("when", [PICKLED, LOADED])
def test_a_task_added_on_the_way_reaches_a_fresh_fork_if_it_raises_on_its_way(when: str) -> None:
    takers = keyword_traps(when, RAISES_AT_HOME if when == PICKLED else RAISES)
    account = run_added("fork", takers, "ok")
    for each, how in takers.items():
        assert account.results[each].ret == f"took {how}"


@PICKLING_METHODS
def test_a_task_added_on_the_way_fails_if_it_raises_when_loaded(method: str) -> None:
    takers = keyword_traps(LOADED, RAISES)
    account = run_added(method, takers, "failed")
    for each, how in takers.items():
        assert f"{how}: the trap, {how}" in account.text_of(each)


def test_a_task_added_on_the_way_is_lost_if_it_ends_the_worker_when_loaded(
    start_method: str,
) -> None:
    takers = keyword_traps(LOADED, ENDS)
    account = run_added(start_method, takers, "lost")
    for each, how in takers.items():
        assert ENDS[how] in account.text_of(each)


@PICKLING_METHODS
@pytest.mark.parametrize("how", ["ValueError", "SystemExit"])
def test_a_task_added_on_the_way_is_refused_if_it_raises_when_pickled(
    method: str, how: str
) -> None:
    (taker,) = keyword_traps(PICKLED, [how])
    first = faulty(int)
    refusals: list[BaseException] = []

    def add(res: TaskRes) -> Any:
        if res.task is first:
            try:
                account.sched.add_tasks([taker])
            except BaseException as exc:
                refusals.append(exc)

    account = Account([first])
    account.run(make_pool(method), add)
    assert account.error is None
    (refusal,) = refusals
    assert isinstance(refusal, PoolError) and f"the trap, {how}" in str(refusal)
    assert "task 'take_keyword' can't be sent" in str(refusal)
    account.check({})
