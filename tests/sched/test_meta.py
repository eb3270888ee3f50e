"""Metadata on callables."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any
from unittest import mock

import pytest

import pexen
from pexen import Sched, task
from pexen.sched import MutexError, every, meta, unique
from pexen.sched.meta import SchedMeta
from pexen.sched.pool import ThreadWorkerPool


def body() -> None:
    pass


@task(requires=["a"], priority=2)
def annotated() -> None:
    pass


def test_the_decorator_works_bare_with_fields_and_as_a_call() -> None:
    @task
    def bare() -> None:
        pass

    def plain() -> None:
        pass

    assert meta.has_meta(bare) and meta.get_requires(bare) == set()
    assert meta.get_requires(annotated) == {"a"} and meta.get_priority(annotated) == 2
    assert task(plain, claims=["x"]) is plain and meta.get_claims(plain) == {"x"}
    assert pexen.task is meta.func_meta


def test_a_decorator_that_is_used_again_gives_each_task_metadata_of_its_own() -> None:
    given, kwargs = ["a"], {"n": 1}
    decorate = task(requires=given, resources={"cpu": 1}, kwargs=kwargs)
    one, other = decorate(lambda: 1), decorate(lambda: 2)
    meta.get_requires(one).add("b")
    meta.retrieve_meta(one).resources["cpu"] = 2
    assert meta.get_requires(other) == {"a"} and given == ["a"]
    assert meta.retrieve_meta(other).resources == {"cpu": 1}
    assert meta.get_kwargs(one) is meta.get_kwargs(other) is kwargs


def test_a_field_given_again_replaces_what_it_was_and_leaves_the_others() -> None:
    again = task(task(lambda: 0, requires=["a"], priority=1), requires=["b"])
    assert meta.retrieve_meta(again) == SchedMeta(requires=["b"], priority=1)


@pytest.mark.parametrize("name", ["requires", "provides", "after", "uses", "claims", "resources"])
def test_a_field_given_as_empty_replaces_what_it_was_and_else_needs_no_memory(name: str) -> None:
    full: Any = {"a": 1} if name == "resources" else ["a"]
    replaced = task(task(lambda: None, **{name: full}), **{name: type(full)()})
    assert getattr(meta.retrieve_meta(replaced), name) == type(meta.FIELDS[name](name, full))()
    new = meta.retrieve_meta(task(lambda: None, **{name: type(full)()}))
    assert name not in vars(new) and new == meta.SchedMeta()
    getattr(new, name).update(full)
    assert getattr(new, name) and new == meta.retrieve_meta(task(lambda: None, **{name: full}))


def test_what_an_instance_says_is_empty_is_not_what_its_class_said() -> None:
    class Body:
        def __call__(self) -> None: ...

    task(Body, requires=["a"])
    assert meta.retrieve_meta(task(Body(), requires=[])).requires == set()
    assert meta.retrieve_meta(Body).requires == {"a"}


def test_a_callable_without_metadata_has_the_defaults() -> None:
    assert not meta.has_meta(body)
    for get in ("requires", "provides", "uses", "claims"):
        assert getattr(meta, f"get_{get}")(body) == set()
    assert meta.get_priority(body) == 0 and meta.get_kwargs(body) == {}
    with pytest.raises(AttributeError):
        meta.retrieve_meta(body)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("requires", "x", r"<class 'str'> cannot be used for requires"),
        ("provides", 5, r"<class 'int'> cannot be used for provides"),
        ("claims", ("a", "b"), r"<class 'tuple'> .* write \[\('a', 'b'\)\]"),
        ("requires", [["x"]], r"requires \[\['x'\]\] has a member that can't be one"),
        ("requires", [unique("x")], r"unique\(\) belongs in provides"),
        ("provides", [every("x")], r"every\(\) belongs in requires"),
        ("after", [every("x")], r"every\(\) belongs in requires"),
        ("requires", [every(every("x"))], "give every\\(\\) a plain tag"),
        ("uses", [()], "an empty tuple names no lock"),
        ("priority", "high", r"<class 'str'> cannot be used for priority"),
        ("priority", float("nan"), "cannot be used for priority"),
        ("kwargs", [1], r"<class 'list'> cannot be used for kwargs"),
        ("kwargs", {1: 2}, "kwargs has the key 1"),
        ("teardown", 1, r"<class 'int'> cannot be used for teardown"),
        ("exclusive", "no", "cannot be used for exclusive"),
        ("resources", ["cpu"], r"<class 'list'> cannot be used for resources"),
        ("resources", {"cpu": 0}, "resources has 0 of 'cpu'"),
        ("resources", {"cpu": True}, "resources has True of 'cpu'"),
        ("timeout", 0, "timeout is 0; give seconds above 0"),
        ("retries", -1, "retries is -1"),
        ("retries", 1.5, "retries is 1.5"),
        ("retry_delay", -1, "retry_delay is -1"),
        ("bogus", 1, "bogus is not a valid metadata field"),
    ],
)
def test_a_wrong_value_is_named_where_it_is_set(field: str, value: Any, text: str) -> None:
    for attempt in (
        lambda: SchedMeta(**{field: value}),
        lambda: task(**{field: value}),
        lambda: meta.assign_val(body, **{field: value}),
        lambda: setattr(SchedMeta(), field, value),
        lambda: SchedMeta().update({field: value}),
    ):
        with pytest.raises(AttributeError, match=text):
            attempt()
    assert not meta.has_meta(body)


def test_an_update_with_a_wrong_value_changes_nothing() -> None:
    data = SchedMeta(priority=1)
    with pytest.raises(AttributeError):
        data.update({"priority": 2, "retries": -1})
    assert data.priority == 1


def test_metadata_is_copied_and_pickled_and_compared_by_value() -> None:
    data = SchedMeta(requires=["a", every("b")], provides=[unique("c")], timeout=1.5)
    for other in (copy.copy(data), copy.deepcopy(data), pickle.loads(pickle.dumps(data))):
        assert other == data and other is not data
        other.requires.add("x")
        assert other != data and "x" not in data.requires
    assert SchedMeta(priority=0) == SchedMeta()


def test_a_default_set_belongs_to_its_task_only() -> None:
    data = SchedMeta()
    data.requires.add("x")
    assert data.requires == {"x"} and SchedMeta().requires == set()


def _set_one_by_one(func: Any, fields: dict[str, Any]) -> None:
    data = meta.assign_meta(func)
    for name, value in fields.items():
        setattr(data, name, value)


def _change_the_defaults(func: Any, fields: dict[str, Any]) -> None:
    data = meta.assign_meta(func)
    for name, value in fields.items():
        getattr(data, name).update(value)


def _load_what_was_pickled_before(func: Any, fields: dict[str, Any]) -> None:
    data = meta.assign_meta(func, SchedMeta.__new__(SchedMeta))
    data.__setstate__(fields)  # all that a pickle had when there were no bits


def _travel(func: Any, fields: dict[str, Any]) -> None:
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        empty = pickle.loads(pickle.dumps(SchedMeta(), protocol))
        empty.update(fields)
        meta.assign_meta(func, pickle.loads(pickle.dumps(empty, protocol)))


WAYS = {
    "the decorator": lambda func, fields: task(func, **fields),
    "assign_val": lambda func, fields: meta.assign_val(func, **fields),
    "the constructor": lambda func, fields: meta.assign_meta(func, SchedMeta(**fields)),
    "a copy": lambda func, fields: meta.assign_meta(func, copy.copy(SchedMeta(**fields))),
    "a deep copy": lambda func, fields: meta.assign_meta(func, copy.deepcopy(SchedMeta(**fields))),
    "a pickle": _travel,
    "an older pickle": _load_what_was_pickled_before,
    "what another one has": lambda func, fields: task(func, **vars(SchedMeta(**fields))),
    "update": lambda func, fields: meta.assign_meta(func).update(fields),
    "attributes": _set_one_by_one,
    "the default that was asked for": _change_the_defaults,
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_field_counts_in_whatever_way_it_was_given(way: Any) -> None:
    ran: list[Any] = []

    def first() -> None:
        ran.append("first")

    def second(*, n: int = 0) -> None:
        ran.append(n)

    way(first, {"provides": {"tag"}, "resources": {"seat": 1}})
    way(second, {"requires": {"tag"}, "kwargs": {"n": 2}})
    list(Sched([second, first], resources={"seat": 1}).run(ThreadWorkerPool(2)))
    assert ran == ["first", 2]
    with pytest.raises(MutexError, match="resource 'seat'"):
        Sched([first])


CHANGES: dict[str, Callable[[SchedMeta], object]] = {
    "an attribute is set": lambda data: setattr(data, "requires", {"x"}),
    "several fields are": lambda data: data.update({"requires": {"x"}, "claims": {"y"}}),
    "a default is asked for": lambda data: data.requires,
    "it is copied": lambda data: data.__setstate__({"requires": {"x"}}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_field_that_is_there_counts_wherever_an_interrupt_came(change: Any) -> None:
    class Stopped(BaseException):
        pass

    stops, stopped = 0, True
    while stopped:
        data, left = SchedMeta(), stops

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename != meta.__file__:
                return None
            left -= event in ("call", "line")
            if left < 0:
                sys.settrace(None)
                raise Stopped
            return trace

        sys.settrace(trace)
        try:
            change(data)
            stopped = False
        except Stopped:
            pass
        finally:
            sys.settrace(None)
        for name in vars(data).keys() - {"stored_bits"}:
            assert data.stored_bits & meta.BITS[name], f"stopped at step {stops}"
        stops += 1
    assert stops > 2


@pytest.mark.parametrize("mocked", [mock.Mock(spec=SchedMeta), mock.create_autospec(SchedMeta)])
def test_a_mock_of_metadata_is_none(mocked: Any) -> None:
    def func() -> None:
        pass

    setattr(func, meta.SCHED_ATTR_NAME, mocked)
    assert not meta.has_meta(func) and meta.meta_of(func) is meta.DEFAULTS
    assert [res.outcome for res in Sched([func]).run()] == ["ok"]


@pytest.mark.parametrize("refusing", [len, [].append, "x".upper])
def test_what_refuses_attributes_gets_a_partial_that_carries_metadata(refusing: Any) -> None:
    made = task(refusing, priority=3)
    assert isinstance(made, functools.partial) and made.func == refusing
    assert meta.get_priority(made) == 3
    with pytest.raises(AttributeError, match=r"use the partial that task\(.*\) returns"):
        meta.assign_val(refusing, priority=3)


class Suite:
    @task(priority=4)
    def method(self) -> str:
        return "called"


def test_a_bound_method_has_its_functions_metadata_and_may_get_its_own() -> None:
    suite = Suite()
    assert meta.get_priority(suite.method) == 4
    own = task(suite.method, claims=["x"])
    assert meta.get_priority(own) == 4 and meta.get_claims(own) == {"x"}
    assert meta.get_claims(Suite.method) == set()
    assert [res.ret for res in Sched([suite.method, own]).run()] == ["called", "called"]


def test_an_object_does_not_change_the_metadata_of_its_class() -> None:
    @task(priority=1)
    class Work:
        def __call__(self) -> None:
            pass

    one = Work()
    meta.assign_val(one, priority=2)
    assert (meta.get_priority(one), meta.get_priority(Work), meta.get_priority(Work())) == (2, 1, 1)
