"""pexen.sched: controlled failures, by TaskFailError and by task_fail_wrap."""

from __future__ import annotations

import inspect
from typing import Any

from pexen.sched import Sched, TaskFailError
from pexen.sched.meta import assign_val, func_meta

from . import about, claim, fail, heard, make, names, ours_only


def fail_under_control() -> None:
    raise TaskFailError("under control")


@claim
def a_controlled_failure_satisfies_deps_and_releases_locks() -> None:
    tasks = [make("a", fail_under_control, provides=["one"], claims=["lock"], priority=-1)]
    tasks += [make("b", requires=["one"]), make("c", claims=["lock"])]
    with heard() as texts:
        results = list(Sched(tasks).run())
    assert sorted(names(results)) == ["a", "b", "c"]
    assert results[0].excinfo is not None and results[0].excinfo.type is TaskFailError
    assert texts == []


@claim
def task_fail_error_may_be_subclassed_and_keeps_its_args() -> None:
    class Mine(TaskFailError):
        pass

    def fails() -> None:
        raise Mine("text", 4)

    with heard() as texts:
        tasks = [make("a", fails, provides=["one"]), make("b", requires=["one"])]
        results = list(Sched(tasks).run())
    assert names(results) == ["a", "b"]
    assert results[0].excinfo is not None and results[0].excinfo.type is Mine
    assert results[0].excinfo.val.args == ("text", 4)  # type: ignore[union-attr]
    assert TaskFailError().args == ()
    assert texts == []


@claim
@ours_only("came after the wheel")
def deps_ok_says_whether_dependents_run() -> None:
    def fails() -> None:
        raise TaskFailError("x", deps_ok=False)

    tasks = [make("a", fails, provides=["one"], claims=["lock"], priority=-1)]
    tasks += [make("b", requires=["one"]), make("c", claims=["lock"])]
    with heard() as texts:
        results = list(Sched(tasks).run())
    assert names(results) == ["a", "c"]
    assert results[0].excinfo is not None
    assert results[0].excinfo.val.args == ("x",)  # type: ignore[union-attr]
    assert len(texts) == 1
    assert about("1 tasks skipped due to unmet deps", texts)


@claim
@ours_only("came after the wheel")
def locks_ok_says_whether_locks_are_released() -> None:
    def fails() -> None:
        raise TaskFailError("x", locks_ok=False)

    tasks = [make("a", fails, provides=["one"], claims=["lock"], priority=-1)]
    tasks += [make("b", requires=["one"]), make("c", claims=["lock"])]
    with heard() as texts:
        assert names(Sched(tasks).run()) == ["a", "b"]
    assert len(texts) == 1
    assert about("1 locks still held at exit", texts)


@claim
@ours_only("came after the wheel")
def task_fail_wrap_makes_any_exception_a_controlled_failure() -> None:
    from pexen.sched import task_fail_wrap

    @task_fail_wrap
    def bare(shared: dict[str, Any]) -> None:
        shared["a"] = 1
        raise ValueError("x", 1)

    assign_val(bare, provides=["one"])
    with heard() as texts:
        results = list(Sched([bare, make("b", requires=["one"])]).run())
    assert [res.shared for res in results] == [{"a": 1}] * 2
    assert results[0].excinfo is not None
    assert results[0].excinfo.type is TaskFailError
    assert texts == []


@claim
@ours_only("came after the wheel")
def task_fail_wrap_raises_the_class_it_is_given_with_its_arguments() -> None:
    from pexen.sched import task_fail_wrap

    class Mine(TaskFailError):
        pass

    @task_fail_wrap(reraise=Mine, deps_ok=False, locks_ok=True)
    def given() -> None:
        fail()

    assign_val(given, provides=["one"], claims=["lock"], priority=-1)
    tasks = [given, make("b", requires=["one"]), make("c", claims=["lock"])]
    with heard() as texts:
        results = list(Sched(tasks).run())
    assert names(results) == ["given", "c"]
    assert results[0].excinfo is not None
    assert results[0].excinfo.type is Mine
    assert len(texts) == 1


@claim
@ours_only("came after the wheel")
def task_fail_wrap_keeps_name_signature_and_metadata() -> None:
    from pexen.sched import meta, task_fail_wrap

    @func_meta(priority=5, requires=["x"])
    def wrapped(shared: dict[str, Any], key: int = 4) -> int:
        """A docstring."""
        shared["key"] = key
        return key

    for wrapper in task_fail_wrap(wrapped), task_fail_wrap(reraise=TaskFailError)(wrapped):
        assert wrapper.__name__ == "wrapped"
        assert wrapper.__doc__ == "A docstring."
        assert inspect.signature(wrapper) == inspect.signature(wrapped)
        assert meta.get_priority(wrapper) == 5
        assert meta.get_requires(wrapper) == {"x"}
        assert wrapper({}, key=6) == 6


@claim
@ours_only("came after the wheel")
def task_fail_wrap_leaves_success_and_no_dict_as_they_are() -> None:
    from pexen.sched import task_fail_wrap

    @task_fail_wrap
    def succeeds() -> int:
        return 3

    assert [(res.ret, res.excinfo) for res in Sched([succeeds]).run()] == [(3, None)]
