"""What a task is called with."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import pytest

from pexen import Sched, task
from pexen.sched import TaskFailError, TaskSkip, meta, task_fail_wrap
from pexen.sched.call import takes_shared


class Callable:
    def __call__(self, shared: Any) -> Any:
        return shared

    def method(self, shared: Any) -> Any:
        return shared

    def nothing(self) -> None:
        pass

    @classmethod
    def of_class(cls, shared: Any) -> Any:
        return shared

    @staticmethod
    def static(shared: Any) -> Any:
        return shared


class Made:
    def __init__(self, shared: Any) -> None:
        pass


def positional_only(shared: Any, /) -> Any:
    return shared


@functools.wraps(positional_only)
def wrapper_of_one(*args: Any, **kwargs: Any) -> Any:
    return positional_only(*args, **kwargs)


def with_signature(*args: Any) -> Any:
    return args


with_signature.__signature__ = inspect.signature(lambda shared: None)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "body",
    [
        lambda shared: None,
        lambda i=3: i,
        positional_only,
        wrapper_of_one,
        with_signature,
        Callable(),
        Callable().method,
        Callable.of_class,
        Callable.static,
        Made,
        functools.partial(lambda a, b: None, 1),
        len,
    ],
)
def test_a_named_positional_parameter_gets_the_dict(body: Any) -> None:
    assert takes_shared(body)


@pytest.mark.parametrize(
    "body",
    [
        lambda: None,
        lambda *args: None,
        lambda **kwargs: None,
        lambda *, i=3: i,
        Callable().nothing,
        Callable,
        functools.partial(lambda a: None, 1),
        functools.partial(lambda a: None, a=1),
        print,
        dict,
    ],
)
def test_without_one_or_without_a_signature_there_is_no_dict(body: Any) -> None:
    assert not takes_shared(body)


def test_kwargs_are_passed_and_those_not_taken_are_the_tasks_own_error() -> None:
    def body(shared: dict[str, Any], *, n: int) -> int:
        return n

    (res,) = Sched([task(body, kwargs={"n": 4})]).run()
    assert res.ret == 4
    meta.assign_val(body, kwargs={"m": 4})
    (res,) = Sched([body]).run()
    assert res.excinfo is not None and res.excinfo.type is TypeError


def test_a_wrapped_failure_is_controlled_and_keeps_what_the_task_was() -> None:
    @task_fail_wrap
    @task(provides=["x"])
    def one(shared: dict[str, Any]) -> None:
        raise ValueError("one", 1)

    class Mine(TaskFailError):
        pass

    @task_fail_wrap(reraise=Mine, deps_ok=False)
    def two() -> None:
        raise ValueError("two")

    assert one.__name__ == "one" and takes_shared(one) and meta.get_provides(one) == {"x"}
    needs = task(lambda: "ran", requires=["x"])
    results = {res.task: res for res in Sched([one, two, needs]).run()}
    assert results[one].excinfo.val.args == ("one", 1) and results[needs].ret == "ran"
    assert results[one].excinfo.type is TaskFailError
    assert isinstance(results[one].excinfo.val.__cause__, ValueError)
    assert results[two].excinfo.type is Mine and not results[two].deps_ok


def test_a_wrapped_task_may_still_say_itself_how_it_ended() -> None:
    @task_fail_wrap
    def skips() -> None:
        raise TaskSkip("no")

    (res,) = Sched([skips]).run()
    assert res.outcome == "skipped"


def test_the_traceback_begins_in_the_task() -> None:
    def deep() -> None:
        raise KeyError("deep")

    (res,) = Sched([deep]).run()
    assert res.excinfo.tb.tb_frame.f_code is deep.__code__ and "run_task" not in res.excinfo.text
