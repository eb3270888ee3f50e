"""A parametrised function is many tests, each with a name and arguments of its own."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pexen import task
from pexen.factory import AutoFactory, ModTreeFactory, ModuleFactory, get_callpath
from pexen.sched import every
from pexen.sched.meta import assign_val, get_provides, get_requires
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.suite import Suite, SuiteError, only_if, parametrize, select

METHODS = os.environ.get("PEXEN_START_METHODS", "fork forkserver spawn").split()
POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(2),
    **{name: functools.partial(ProcessWorkerPool, 2, start_method=name) for name in METHODS},
}


@task(provides=["sizes"])
@parametrize("size", [10, 2, 1])
def sizes(shared: dict[str, Any], size: int) -> int:
    shared[f"size {size}"] = True
    return size


@parametrize("left, right", [(1, "a"), (2, "b")])
@task(requires=[every("sizes")])
@parametrize(["deep"], [False, True])
def pairs(shared: dict[str, Any], *, left: int, right: str, deep: bool) -> tuple[Any, ...]:
    return left, right, deep, len(shared)


@only_if(False, "no disk")
@task
@parametrize("disk", [1])
def disks(disk: int) -> None:
    raise AssertionError("it was run")


class Sized:
    """Has the parameters of its function, bound."""

    @task
    @parametrize("size", [7])
    def method(self, size: int) -> int:
        return size


method = Sized().method


def found(factory: Callable[[Any], Any] = ModuleFactory()) -> dict[str, Any]:
    return {get_callpath(each)[-1]: each for each in factory(sys.modules[__name__])}


def names(*decorators: Any, of: Callable[..., Any] = lambda **arguments: None) -> list[str]:
    for decorate in decorators:
        of = decorate(of)
    return [suffix for suffix, _ in vars(of).pop("pexen_factory_cases_")]


@pytest.mark.parametrize("factory", [ModuleFactory(), ModTreeFactory(), AutoFactory()])
def test_each_value_is_a_task_in_the_order_given(factory: Callable[[Any], Any]) -> None:
    assert list(found(factory)) == [
        "disks[1]", "method[7]",
        "pairs[1-a-False]", "pairs[1-a-True]", "pairs[2-b-False]", "pairs[2-b-True]",
        "sizes[10]", "sizes[2]", "sizes[1]",
    ]  # fmt: skip


@pytest.mark.parametrize("make", POOLS.values(), ids=POOLS)
def test_each_is_called_with_its_own_and_has_the_metadata_of_all(
    make: Callable[[], WorkerPool],
) -> None:
    results = {get_callpath(res.task)[-1]: res for res in Suite(found().values()).run(make())}
    assert {name: res.ret for name, res in results.items()} == {
        "disks[1]": None, "method[7]": 7,
        "pairs[1-a-False]": (1, "a", False, 3), "pairs[1-a-True]": (1, "a", True, 3),
        "pairs[2-b-False]": (2, "b", False, 3), "pairs[2-b-True]": (2, "b", True, 3),
        "sizes[10]": 10, "sizes[2]": 2, "sizes[1]": 1,
    }  # fmt: skip
    assert results["disks[1]"].outcome == "skipped"


def test_one_can_be_selected() -> None:
    tasks = found()
    path = "/".join(get_callpath(tasks["pairs[1-a-True]"]))
    chosen = [each.task for each in select(tasks.values(), [path])]
    assert [get_callpath(each)[-1] for each in chosen] == [
        "pairs[1-a-True]", "sizes[10]", "sizes[2]", "sizes[1]"
    ]  # fmt: skip


def test_the_function_is_what_it_was_and_its_tasks_have_metadata_of_their_own() -> None:
    assert sizes({}, 3) == 3 and sizes.__name__ == "sizes"
    one, other = found()["sizes[10]"], found()["sizes[2]"]
    assign_val(one, provides=["mine"])
    assert get_provides(other) == get_provides(sizes) == {"sizes"}
    assert get_requires(found()["pairs[1-a-True]"]) == {every("sizes")}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1, 1.5, True, None, "a b", b"x"], ["1", "1.5", "True", "None", "a b", "b'x'"]),
        ([int, names], ["int", "names"]),
        ([[1], {}, "x" * 61, 10**5000], ["x0", "x1", "x2", "x3"]),
        ([1, "1", 1], ["1", "1#2", "1#3"]),
        (["a\nb", "\x1b[m", "\ud800", "é", "\0"], ["a\\nb", "\\x1b[m", "\\ud800", "é", "\\x00"]),
        ([], []),
    ],
)
def test_a_task_is_called_by_what_its_value_reads(values: list[Any], expected: list[str]) -> None:
    assert names(parametrize("x", values)) == [f"[{each}]" for each in expected]


def test_ids_may_be_given() -> None:
    decorator = parametrize("x", [1, 2, 3], ids=["one", "two", "one"])
    assert names(decorator) == ["[one]", "[two]", "[one#2]"]


def test_the_decorator_at_the_top_varies_slowest() -> None:
    below, top = parametrize("y", "ab"), parametrize("x", (1, 2))
    assert names(below, top) == ["[1-a]", "[1-b]", "[2-a]", "[2-b]"]


def by_position(shared: dict[str, Any], size: int) -> None:
    pass


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: parametrize("x", [1, 2], ids=["a"]), "has 1 ids for 2 values"),
        (lambda: parametrize("x, y", [(1, 2), (3,)]), r"given \(3,\) for x, y; give one each"),
        (lambda: parametrize("x, y", ["ab"]), "given 'ab' for x, y"),
        (lambda: parametrize("not a name", []), "the names 'not a name'"),
        (lambda: parametrize(["x", "x"], []), "each once"),
        (lambda: parametrize([], []), "each once"),
        (lambda: parametrize("sice", [1])(by_position), "'by_position' can't be given .* 'sice'"),
        (lambda: names(parametrize("x", [1]), parametrize("x", [2])), "given 'x' twice"),
        (lambda: parametrize("x", [1])(Sized().method), "'Sized.method' can't be given"),
        (lambda: parametrize("end", [""])(print), "takes no attributes"),
    ],
)
def test_what_does_not_fit_together_is_an_error(wrong: Callable[[], Any], error: str) -> None:
    with pytest.raises(SuiteError, match=error):
        wrong()
