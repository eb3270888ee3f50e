"""A test is only run where its conditions hold."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any
from unittest.mock import MagicMock

import pytest

from pexen import PexenWarning, task
from pexen.factory import BaseFactory
from pexen.sched import every
from pexen.sched.meta import get_provides, meta_of
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.suite import Suite, SuiteError, SuiteRes, only_if, select

METHODS = os.environ.get("PEXEN_START_METHODS", "fork forkserver spawn").split()
POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(2),
    **{name: functools.partial(ProcessWorkerPool, 2, start_method=name) for name in METHODS},
}


def never() -> None:
    raise AssertionError("it was run")


def says(shared: dict[str, Any]) -> str:
    return "ran"


def one(*tasks: Any) -> SuiteRes:
    (res,) = Suite(tasks).run()
    return res


def reason(*tasks: Any) -> str:
    info = one(*tasks).excinfo
    return "" if info is None else str(info.val)


class Unportable(Exception):
    def __init__(self, one: int, other: int) -> None:
        super().__init__("not portable")


def raises() -> bool:
    raise LookupError("no such host")


def raises_worse() -> bool:
    raise Unportable(1, 2)


@only_if(False, "no disk")
def no_disk() -> None:
    never()


@only_if(lambda: True, "no net")
def net() -> str:
    return "ran"


no_net = only_if(raises, "no net")(functools.partial(never))
worse = only_if(raises_worse, "no net")(functools.partial(never))


@pytest.fixture(params=POOLS.values(), ids=POOLS)
def pool(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_it_is_the_same_in_every_pool(pool: WorkerPool) -> None:
    found = {res.task: res for res in Suite([no_disk, no_net, worse]).run(pool)}
    ends = {each: (str(res.outcome), type(res.excinfo.val), str(res.excinfo.val))
            for each, res in found.items() if res.excinfo}  # fmt: skip
    assert ends[no_disk][::2] == ("skipped", "no disk")
    assert ends[no_net] == ("failed", LookupError, "no such host")
    assert ends[worse][:2] == ("failed", SuiteError)
    assert "condition of 'never' raised" in ends[worse][2] and "not portable" in ends[worse][2]


@pytest.mark.parametrize("condition", [True, lambda: True, "/bin/git", lambda: [1]])
def test_where_the_condition_holds_the_test_is_run(condition: object) -> None:
    assert one(only_if(condition, "why")(lambda: "ran")).ret == "ran"


@pytest.mark.parametrize("condition", [False, lambda: False, None, lambda: []])
def test_where_it_does_not_the_test_is_skipped(condition: object) -> None:
    skipped = only_if(condition, "why")(lambda: never())
    assert (one(skipped).outcome, reason(skipped)) == ("skipped", "why")


def test_of_several_the_first_from_the_top_gives_the_reason() -> None:
    @only_if(True, "first")
    @only_if(False, "second")
    @only_if(raises, "third")
    def stacked() -> None:
        never()

    assert reason(stacked) == "second"


def test_a_condition_is_looked_at_once_when_the_suite_is_made() -> None:
    looked: list[bool] = []

    def look() -> bool:
        looked.append(True)
        return True

    @only_if(look, "why")
    def counted() -> None:
        pass

    assert looked == []
    suite = Suite(select([counted]))
    assert looked == [True]
    for _ in range(2):
        (res,) = suite.run()
        assert res.outcome == "ok"
    assert looked == [True]


def test_what_requires_the_test_is_blocked_and_is_itself_by_nothing() -> None:
    @task(provides=["disk"], requires=[every("plug")], claims=["bus"], kwargs={"a": 1})
    @only_if(False, "no disk")
    def disk() -> None:
        never()

    @task(requires=["disk"])
    def reads() -> None:
        never()

    @task(provides=["plug"])
    def breaks() -> None:
        raise OSError

    suite = Suite([breaks, disk, reads])
    with pytest.warns(PexenWarning, match="unmet deps"):
        found = {res.task: res.outcome for res in suite.run()}
    assert found == {breaks: "failed", disk: "skipped"}
    assert get_provides(disk) == {"disk"} and meta_of(disk).requires == {every("plug")}


class Machine:
    def starts(self) -> None:
        never()

    @only_if(False, "no machine")
    def stops(self) -> None:
        never()

    def __call__(self) -> None:
        never()


class Slotted:
    __slots__ = ()

    def __call__(self) -> None:
        never()


def test_the_callable_stays_the_one_it_was_with_its_metadata() -> None:
    partial = functools.partial(functools.partial, never)
    for make in (lambda: lambda: never(), Machine, partial):
        for one_way in (True, False):
            made = decorated = make()
            for decorate in (task(priority=3), only_if(0, "no"))[:: 1 if one_way else -1]:
                decorated = decorate(decorated)
            assert decorated is made and meta_of(made).priority == 3
            assert one(made).outcome == "skipped"


@pytest.mark.parametrize("make", [lambda: Machine().starts, Slotted, lambda: len])
def test_of_what_refuses_attributes_a_partial_comes_back(make: Any) -> None:
    first, second = task(priority=3), only_if(0, "no")
    for made in (second(first(make())), first(second(make()))):
        assert meta_of(made).priority == 3 and one(made).outcome == "skipped"


def test_a_condition_is_seen_through_what_others_make_of_the_callable() -> None:
    method = BaseFactory().callpath_wrap(Machine().stops, "stops")
    assert isinstance(method, functools.partial)
    for each in (method, functools.partial(functools.partial(no_disk)), task(Machine().stops)):
        assert one(each).outcome == "skipped"
    twice = only_if(True, "more")(functools.partial(no_disk))
    assert reason(twice) == "no disk"


def test_a_decorator_may_be_used_again_and_instances_have_their_own() -> None:
    needs = only_if(False, "no")
    assert [one(needs(lambda: never())).outcome for _ in range(2)] == ["skipped"] * 2
    machine = needs(Machine())
    assert one(machine).outcome == "skipped" and one(only_if(True, "x")(says)).ret == "ran"
    assert not hasattr(Machine(), "pexen_suite_conditions_")


def test_a_mock_that_shows_any_attribute_has_no_condition() -> None:
    assert one(MagicMock(return_value=3)).ret == 3
