"""Which tasks are run, and what comes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from pexen import Sched, task
from pexen.sched import DepcheckError, every, unique
from pexen.sched.common import CALLPATH_ATTR_NAME, identity, task_name
from pexen.sched.meta import meta_of
from pexen.suite import Selected, parse, select
from pexen.suite.selection import unprovided, with_dependents


def make(name: str, **fields: Any) -> Callable[[], None]:
    def body() -> None:
        pass

    setattr(body, CALLPATH_ATTR_NAME, name.split("/"))
    return task(body, **fields)


def names(selected: Iterable[Selected]) -> list[str]:
    return [task_name(each.task) for each in selected]


TREE = [
    make("db/start", provides=["db"]),
    make("db/fill", requires=["db"], provides=["rows"]),
    make("db/spare", provides=["rows"]),
    make("db/stop", after=["db"], teardown=True),
    make("net/tcp/open", requires=["rows"], provides=["socket"]),
    make("net/tcp/close", after=["socket"]),
    make("net/udp"),
    make("report", after=["socket", "rows"]),
]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], [task_name(each) for each in TREE]),
        (["net/udp"], ["net/udp"]),
        (["net/udp/"], ["net/udp"]),
        (["net/u"], []),
        (["db"], ["db/start", "db/fill", "db/spare", "db/stop"]),
        (["net/tcp/o*"], ["db/start", "db/fill", "db/spare", "db/stop", "net/tcp/open"]),
        (["net/tcp/close"], ["net/tcp/close"]),
        (["db/start"], ["db/start", "db/stop"]),
        (["db/spare", "report"], ["db/spare", "report"]),
    ],
)
def test_what_is_required_comes_along_and_teardown_but_not_what_is_merely_after(
    wanted: list[str], found: list[str]
) -> None:
    assert names(select(TREE, wanted)) == found


def test_an_expression_and_other_conditions_all_have_to_fit() -> None:
    assert names(select(TREE, ["net"], parse("udp"))) == ["net/udp"]
    assert names(select(TREE, expression=parse("socket and net"), deps=False)) == [
        "net/tcp/open",
        "net/tcp/close",
    ]
    assert names(select(TREE, wanted=lambda each: each is TREE[6])) == ["net/udp"]
    assert select(TREE, ["net"], parse("none")) == []


def test_what_is_selected_can_be_run() -> None:
    for each in TREE:
        for deps in (True, False):
            chosen = select(TREE, [task_name(each)], deps=deps)
            copies = [make(task_name(t), **m.given()) for t, m in chosen]
            assert all(res.outcome == "ok" for res in Sched(copies).run())


def test_without_dependencies_a_task_is_run_as_if_they_were_there() -> None:
    chosen = select(TREE, ["db/fill", "net/tcp/open"], deps=False)
    assert names(chosen) == ["db/fill", "net/tcp/open"]
    assert [each.meta.requires for each in chosen] == [set(), {"rows"}]
    assert meta_of(TREE[1]).requires == {"db"}  # the task's own stays


def test_metadata_stays_the_tasks_own_where_nothing_is_left_out() -> None:
    assert all(each.meta is meta_of(each.task) for each in select(TREE))


def test_all_kinds_of_tags_bring_their_providers() -> None:
    tree = [
        make("one", provides=["x"]),
        make("two", provides=[unique("y"), "x"]),
        make("needs", requires=[every("x"), "y"]),
    ]
    assert names(select(tree, ["needs"])) == ["one", "two", "needs"]


def test_what_nothing_provides_is_left_for_the_scheduler_to_complain_of() -> None:
    for fields in ({"after": ["nowhere"]}, {"requires": ["nowhere"]}):
        (chosen,) = select([make("a", **fields)], deps=False)
        with pytest.raises(DepcheckError, match="nowhere"):
            Sched([make("a", **chosen.meta.given())])


def test_tasks_without_metadata_are_told_apart_and_the_defaults_stay_as_they_are() -> None:
    plain = [lambda: 1, lambda: 2]
    assert [each.task for each in select(plain, wanted=lambda each: each is plain[1])] == plain[1:]
    assert not vars(meta_of(len))


def test_a_name_is_not_a_pattern_as_well() -> None:
    tasks = [task(lambda: None), task(lambda: None)]
    for each, name in zip(tasks, ("test_x[1]", "test_x1")):
        each.__qualname__ = name
    assert [chosen.task for chosen in select(tasks, ["test_x[1]"])] == tasks[:1]
    assert [chosen.task for chosen in select(tasks, ["test_x[0-9]"])] == tasks[1:]


def named(identities: Iterable[Any], tasks: Iterable[Any]) -> list[str]:
    wanted = set(identities)
    return [task_name(each) for each in tasks if identity(each) in wanted]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("db/start", ["db/start", "db/fill", "net/tcp/open"]),
        ("db/spare", ["db/spare", "net/tcp/open"]),
        ("db/stop", ["db/stop"]),
        ("net/tcp/open", ["net/tcp/open"]),
    ],
)
def test_dependents_are_those_that_require_and_not_those_that_are_merely_after(name, found):
    (wanted,) = [identity(each) for each in TREE if task_name(each) == name]
    assert named(with_dependents(TREE, {wanted}), TREE) == found


def test_dependents_are_found_around_a_circle_and_through_every_and_unique():
    circle = [
        make("a", provides=[unique("a")], requires=["b"]),
        make("b", provides=["b"], requires=[every("a")]),
        make("c"),
    ]
    assert named(with_dependents(circle, {identity(circle[0])}), circle) == ["a", "b"]


def test_a_task_that_requires_what_nothing_provides_is_unprovided():
    tasks = [*TREE, make("x", requires=["db", every("nowhere")]), make("y", after=["nowhere"])]
    assert named(unprovided(tasks), tasks) == ["x"]
