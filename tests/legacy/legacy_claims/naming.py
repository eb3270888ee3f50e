"""pexen and pexen.sched: the names, and the two named tuples."""

from __future__ import annotations

import pickle

import pexen
import pexen.sched
import pexen.util
from pexen.sched import ExceptionInfo, Sched, TaskRes

from . import claim, ours_only, raises


def task() -> int:
    return 3


def other() -> None:
    pass


@claim
def the_two_base_names_are_an_exception_and_a_user_warning() -> None:
    assert issubclass(pexen.PexenError, Exception)
    assert issubclass(pexen.PexenWarning, UserWarning)


@claim
def the_two_base_names_are_in_util_as_well() -> None:
    assert pexen.util.PexenError is pexen.PexenError
    assert pexen.util.PexenWarning is pexen.PexenWarning


@claim
def all_names_of_the_scheduler_are_in_pexen_sched() -> None:
    for name in (
        "Sched",
        "TaskRes",
        "ExceptionInfo",
        "SchedulerError",
        "DepcheckError",
        "MutexError",
        "TaskFailError",
        "meta",
        "pool",
    ):
        assert hasattr(pexen.sched, name), name


@claim
@ours_only("came after the wheel")
def task_fail_wrap_is_in_pexen_sched() -> None:
    assert callable(pexen.sched.task_fail_wrap)


@claim
def all_names_of_the_pools_are_in_pexen_sched_pool() -> None:
    for name in "ThreadWorkerPool", "ProcessWorkerPool", "PoolError":
        assert hasattr(pexen.sched.pool, name), name


@claim
def errors_of_the_scheduler_are_pexen_errors() -> None:
    sched = pexen.sched
    assert issubclass(sched.SchedulerError, pexen.PexenError)
    for error in sched.DepcheckError, sched.MutexError, sched.pool.PoolError:
        assert issubclass(error, sched.SchedulerError)


@claim
def task_fail_error_is_an_exception_and_no_error_of_pexen() -> None:
    assert issubclass(pexen.sched.TaskFailError, Exception)
    assert not issubclass(pexen.sched.TaskFailError, pexen.PexenError)


# -- TaskRes ------------------------------------------------------------------------------


@claim
def a_result_has_exactly_four_fields() -> None:
    assert TaskRes._fields == ("task", "shared", "ret", "excinfo")
    assert issubclass(TaskRes, tuple)


@claim
def a_result_has_defaults_for_all_but_its_task() -> None:
    res = TaskRes(task)
    assert (res.task, res.shared, res.ret, res.excinfo) == (task, {}, None, None)
    with raises(TypeError):
        TaskRes()  # type: ignore[call-arg]


@claim
def a_result_is_made_by_position_and_by_keyword() -> None:
    info = ExceptionInfo(ValueError)
    by_keyword = TaskRes(task=task, shared={"a": 1}, ret=2, excinfo=info)
    assert by_keyword == TaskRes(task, {"a": 1}, 2, info)


@claim
def a_result_equals_the_plain_tuple() -> None:
    assert TaskRes(task, {"a": 1}, 2) == (task, {"a": 1}, 2, None)
    assert TaskRes(task) != TaskRes(other)
    assert TaskRes(task) != TaskRes(task, {}, 3)


@claim
def the_results_of_a_run_compare_with_results_made_by_hand() -> None:
    assert list(Sched([other]).run()) == [TaskRes(other)]
    assert list(Sched([task]).run()) == [TaskRes(task, ret=3)]


@claim
def the_result_of_a_run_has_no_more_than_the_four_fields() -> None:
    (res,) = Sched([task]).run()
    assert isinstance(res, TaskRes)
    assert len(res) == 4
    a_task, shared, ret, excinfo = res
    assert (a_task, shared, ret, excinfo) == (task, {}, 3, None)


@claim
def a_result_is_a_named_tuple_in_all_it_can_do() -> None:
    res = TaskRes(task, {"a": 1}, 2)
    assert res._replace(ret=4) == TaskRes(task, {"a": 1}, 4)
    assert res._asdict() == {"task": task, "shared": {"a": 1}, "ret": 2, "excinfo": None}
    assert TaskRes._make([task, {}, 5, None]) == TaskRes(task, ret=5)
    assert repr(TaskRes(other)) == f"TaskRes(task={other!r}, shared={{}}, ret=None, excinfo=None)"
    assert pickle.loads(pickle.dumps(res)) == res


# -- ExceptionInfo ------------------------------------------------------------------------


@claim
def exception_info_has_exactly_three_fields_that_default_to_none() -> None:
    assert ExceptionInfo._fields == ("type", "val", "tb")
    assert ExceptionInfo() == (None, None, None)
    error = ValueError("x")
    info = ExceptionInfo(type=ValueError, val=error, tb=None)
    assert (info.type, info.val, info.tb) == (ValueError, error, None)
    assert info == ExceptionInfo(ValueError, error)
    assert info == (ValueError, error, None)


@claim
def a_failed_task_has_type_value_and_traceback_in_its_result() -> None:
    error = ValueError("x")

    def fails() -> None:
        raise error

    (res,) = Sched([fails]).run()
    assert isinstance(res.excinfo, ExceptionInfo)
    assert res.excinfo.type is ValueError
    assert res.excinfo.val is error
    assert res.excinfo.tb is not None
    assert res.ret is None
    assert len(res.excinfo) == 3
