"""How a task is called, and how shared dicts travel between tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pexen.sched import Sched, TaskFailError, TaskRes
from pexen.sched.meta import assign_val, func_meta
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

from . import claim, fail, heard, names, pool_claim

Shared = dict[str, Any]
PoolClass = Callable[..., Any]


def run(pool: PoolClass, *tasks: Callable[..., Any], **presets: Any) -> dict[str, TaskRes]:
    """Run tasks; their results by name."""
    sched = Sched(tasks)
    sched.add_shared(**presets)
    with heard():
        return {res.task.__name__: res for res in sched.run(pool())}


# -- arguments --------------------------------------------------------------------------------


@pool_claim
def a_positional_parameter_gets_the_tasks_dict(pool: PoolClass) -> None:
    def takes(box: Shared) -> list[str]:
        box["new"] = 1
        return sorted(box)

    res = run(pool, takes, preset=0)["takes"]
    assert res == (takes, {"preset": 0, "new": 1}, ["new", "preset"], None)


@pool_claim
def a_positional_parameter_with_a_default_gets_the_dict(pool: PoolClass) -> None:
    def takes(box: Any = 7) -> Any:
        return box

    assert run(pool, takes, preset=0)["takes"].ret == {"preset": 0}


@pool_claim
def a_lambda_gets_the_dict(pool: PoolClass) -> None:
    (res,) = Sched([lambda shared: shared.setdefault("a", 1)]).run(pool())
    assert (res.shared, res.ret) == ({"a": 1}, 1)


@pool_claim
def without_a_positional_parameter_nothing_is_passed(pool: PoolClass) -> None:
    def none() -> str:
        return "none"

    def only_keywords(*, key: int = 3) -> int:
        return key

    def star(*args: Any) -> Any:
        return args

    def stars(**kwargs: Any) -> Any:
        return kwargs

    results = run(pool, none, only_keywords, star, stars, preset=0)
    assert [results[name].ret for name in ("none", "only_keywords")] == ["none", 3]
    assert [results[name].ret for name in ("star", "stars")] == [(), {}]
    assert [res.shared for res in results.values()] == [{"preset": 0}] * 4


@pool_claim
def kwargs_are_passed_by_name(pool: PoolClass) -> None:
    @func_meta(kwargs={"b": 4})
    def takes(shared: Shared, a: int = 1, b: int = 2) -> list[int]:
        return [a, b]

    @func_meta(kwargs={"a": 5})
    def only(*, a: int) -> int:
        return a

    @func_meta(kwargs={"a": 6, "b": 7})
    def stars(shared: Shared, **kwargs: int) -> dict[str, int]:
        return kwargs

    results = run(pool, takes, only, stars)
    assert results["takes"].ret == [1, 4]
    assert results["only"].ret == 5
    assert results["stars"].ret == {"a": 6, "b": 7}


@pool_claim
def kwargs_that_the_task_does_not_take_are_its_own_type_error(pool: PoolClass) -> None:
    @func_meta(kwargs={"bogus": 4})
    def takes(shared: Shared) -> None:
        pass

    res = run(pool, takes)["takes"]
    assert res.excinfo is not None
    assert res.excinfo.type is TypeError
    assert "bogus" in str(res.excinfo.val)


@pool_claim
def what_a_task_returns_or_raises_is_in_its_result(pool: PoolClass) -> None:
    def returns() -> list[int]:
        return [1, 2]

    def raises(shared: Shared) -> None:
        shared["before"] = 1
        raise KeyError("x", 2)

    results = run(pool, returns, raises)
    assert results["returns"] == TaskRes(returns, {}, [1, 2])
    task, shared, ret, excinfo = results["raises"]
    assert (task, shared, ret) == (raises, {"before": 1}, None)
    assert excinfo is not None
    assert excinfo.type is KeyError
    assert excinfo.val is not None and excinfo.val.args == ("x", 2)


# -- shared state ------------------------------------------------------------------------------


@pool_claim
def the_dict_of_a_task_reaches_its_direct_dependents(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first(shared: Shared) -> None:
        shared["first"] = 1

    @func_meta(requires=["one"])
    def second(shared: Shared) -> None:
        shared["second"] = 2

    def beside(shared: Shared) -> None:
        pass

    results = run(pool, first, second, beside, preset=0)
    assert results["first"].shared == {"preset": 0, "first": 1}
    assert results["second"].shared == {"preset": 0, "first": 1, "second": 2}
    assert results["beside"].shared == {"preset": 0}


@pool_claim
def a_task_without_parameters_relays_the_dict(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first(shared: Shared) -> None:
        shared["first"] = 1

    @func_meta(requires=["one"], provides=["two"])
    def second() -> None:
        pass

    @func_meta(requires=["two"])
    def third(shared: Shared) -> Any:
        return shared["first"]

    results = run(pool, first, second, third)
    assert results["second"].shared == {"first": 1}
    assert results["third"].ret == 1


@pool_claim
def dicts_of_several_providers_are_merged(pool: PoolClass) -> None:
    def provider(name: str) -> Callable[[Shared], None]:
        def task(shared: Shared) -> None:
            shared[name] = name

        task.__name__ = name
        assign_val(task, provides=[name])
        return task

    @func_meta(requires=["a", "b", "c"])
    def last(shared: Shared) -> list[str]:
        return sorted(shared)

    results = run(pool, provider("a"), provider("b"), provider("c"), last)
    assert results["last"].ret == ["a", "b", "c"]


@pool_claim
def tasks_beside_each_other_have_dicts_of_their_own(pool: PoolClass) -> None:
    def writer(name: str) -> Callable[[Shared], None]:
        def task(shared: Shared) -> None:
            shared[name] = name

        task.__name__ = name
        assign_val(task, requires=["one"])
        return task

    @func_meta(provides=["one"])
    def first(shared: Shared) -> None:
        shared["first"] = 1

    results = run(pool, first, writer("a"), writer("b"))
    assert results["first"].shared == {"first": 1}
    assert results["a"].shared == {"first": 1, "a": "a"}
    assert results["b"].shared == {"first": 1, "b": "b"}


@pool_claim
def a_provider_overwrites_presets_of_its_dependents(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first(shared: Shared) -> None:
        shared["preset"] = "changed"

    @func_meta(requires=["one"])
    def second(shared: Shared) -> None:
        pass

    assert run(pool, first, second, preset=0)["second"].shared == {"preset": "changed"}


@pool_claim
def the_dict_of_a_task_that_failed_under_control_is_handed_on(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first(shared: Shared) -> None:
        shared["first"] = 1
        raise TaskFailError()

    @func_meta(requires=["one"])
    def second(shared: Shared) -> None:
        pass

    assert run(pool, first, second)["second"].shared == {"first": 1}


@pool_claim
def a_return_value_is_not_handed_on(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first() -> dict[str, int]:
        return {"first": 1}

    @func_meta(requires=["one"])
    def second(shared: Shared) -> None:
        pass

    assert run(pool, first, second)["second"].shared == {}


@pool_claim
def a_result_is_yielded_first_and_applied_after(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first(shared: Shared) -> None:
        shared.update(kept=1, dropped=2)

    @func_meta(requires=["one"])
    def second(shared: Shared) -> None:
        pass

    seen = []
    for res in Sched([second, first]).run(pool()):
        seen.append(dict(res.shared))
        res.shared["consumer"] = 3
        res.shared.pop("dropped", None)
    assert seen == [{"kept": 1, "dropped": 2}, {"kept": 1, "consumer": 3}]


@pool_claim
def dependents_of_a_task_that_failed_do_not_run(pool: PoolClass) -> None:
    @func_meta(provides=["one"])
    def first() -> None:
        fail()

    @func_meta(requires=["one"], provides=["two"])
    def second() -> None:
        pass

    @func_meta(requires=["two"])
    def third() -> None:
        pass

    with heard():
        assert names(Sched([first, second, third]).run(pool())) == ["first"]


@claim
def a_thread_changes_the_very_objects_of_its_caller() -> None:
    calls: list[int] = []

    def task() -> None:
        calls.append(1)

    list(Sched([task]).run(ThreadWorkerPool()))
    list(Sched([task]).run(ProcessWorkerPool()))
    assert calls == [1]
