"""How a task is called, in whatever worker, and how what it does becomes a result."""

from __future__ import annotations

import copy
import functools
import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, NamedTuple, TypeVar, overload

from .common import ExceptionInfo, Outcome, Shared, Task, TaskEnd, TaskFailError, TaskRes
from .meta import SCHED_ATTR_NAME

F = TypeVar("F", bound=Callable[..., Any])

# What TaskRes(…) comes to in the end, in 0.16 µs in place of 0.34.
make_result = tuple.__new__

# The files of those who call tasks, whose frames tell the reader of a traceback nothing.
callers = {__file__}


class WithExtra(NamedTuple):
    """What a task returns that calls another one: how that ended, and something beside it.

    `error` is what the other raised, or None. `extra` becomes that of the result, whatever comes of
    the rest: what the other returned or raised may be nothing that can travel.
    """

    ret: Any
    error: BaseException | None
    extra: Any


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def function_takes_shared(task: Task) -> bool | None:
    """What `takes_shared` says of a plain function, at once; None for anything else."""
    if type(task) is not FunctionType:
        return None
    attrs = task.__dict__
    if "__wrapped__" in attrs or "__signature__" in attrs:
        return None
    return task.__code__.co_argcount > 0


def takes_shared(task: Task) -> bool:
    """Whether the task gets the shared dict: it has a named positional parameter.

    A default doesn't matter (`lambda i=i: …` receives the dict); `*args` alone or
    a signature that can't be had means no.
    """
    takes = function_takes_shared(task)
    if takes is not None:
        return takes
    try:
        parameters = inspect.signature(task).parameters
    except (TypeError, ValueError):
        return False
    return any(p.kind in _POSITIONAL for p in parameters.values())


def run_task(
    task: Task,
    shared: Shared,
    kwargs: dict[str, Any],
    clock: Callable[[], float],
    started: float | None = None,
    takes: bool | None = None,
) -> TaskRes:
    """Call the task and describe how it ended; raises nothing, whatever the task does.

    `started` is the time on the clock, where the caller has just looked at it; `takes` whether the
    task gets the shared dict, where that is known.
    """
    error: BaseException | None = None
    if started is None:
        started = clock()
    try:
        if takes_shared(task) if takes is None else takes:
            ret = task(shared, **kwargs)
        elif kwargs:
            ret = task(**kwargs)
        else:
            ret = task()
    except BaseException as exc:
        ret, error = None, exc
    ended = clock()
    if error is not None or type(ret) is WithExtra:
        return result_of_call(task, shared, ret, error, started, ended)
    # As most are; the same without a call.
    res = make_result(TaskRes, (task, shared, ret, None))
    res.started = started
    res.duration = ended - started
    return res


def result_of_call(
    task: Task,
    shared: Shared,
    ret: Any,
    error: BaseException | None,
    started: float,
    ended: float,
) -> TaskRes:
    """Describe how a call of the task ended: what it returned, or raised, and when.

    The outermost frame of the traceback is that of who called.
    """
    extra = None
    if type(ret) is WithExtra:
        ret, error, extra = ret
    if error is None:
        res = make_result(TaskRes, (task, shared, ret, None))
    else:
        res = _result_of(error, task, shared)
    if extra is not None:
        res.extra = extra
    res.started = started
    res.duration = ended - started
    return res


def _is_skip_test(error: BaseException) -> bool:
    # Who raises SkipTest has imported unittest; importing it here would cost everyone 20 ms.
    case = sys.modules.get("unittest.case")
    return case is not None and isinstance(error, case.SkipTest)


def _result_of(error: BaseException, task: Task, shared: Shared) -> TaskRes:
    try:
        return _described(error, task, shared)
    except BaseException as exc:  # an exception of the user's that can't even be looked at
        return TaskRes.failed(task, shared, ExceptionInfo.of(exc))


def _described(error: BaseException, task: Task, shared: Shared) -> TaskRes:
    # The outermost frame is that of who called the task.
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
        if trace.tb_frame.f_code.co_filename not in callers:
            break
    else:  # of a caller that isn't ours, which raised it itself
        if trace is not error.__traceback__:
            trace = None
    BaseException.with_traceback(error, trace)  # an assignment may be refused by its class
    info = ExceptionInfo.of(error)
    if isinstance(error, TaskEnd):
        res = TaskRes(task, shared, error.ret, info)
        res.outcome = Outcome(error.outcome)
        res.deps_ok, res.locks_ok = bool(error.deps_ok), bool(error.locks_ok)
        return res
    res = TaskRes.failed(task, shared, info)
    if _is_skip_test(error):
        res.outcome, res.locks_ok = Outcome.SKIPPED, True
    return res


@overload
def task_fail_wrap(func: F, /) -> F: ...
@overload
def task_fail_wrap(
    func: None = None, /, *, reraise: type[Exception] = TaskFailError, **kwargs: Any
) -> Callable[[F], F]: ...
def task_fail_wrap(
    func: F | None = None, /, *, reraise: type[Exception] = TaskFailError, **kwargs: Any
) -> F | Callable[[F], F]:
    """Decorator: any Exception of the task becomes a controlled failure.

    That is `reraise(*args of the exception, **kwargs)`, chained to it. A TaskEnd
    (TaskFailError, TaskSkip, …) and unittest.SkipTest already say how the task ended,
    and pass. Name, signature and metadata of the task stay.
    """

    def decorate(func: F) -> F:
        @functools.wraps(func)
        def wrapper(*args: Any, **kw: Any) -> Any:
            try:
                return func(*args, **kw)
            except TaskEnd:
                raise
            except Exception as exc:
                if _is_skip_test(exc):
                    raise
                raise reraise(*exc.args, **kwargs) from exc

        meta = getattr(func, SCHED_ATTR_NAME, None)
        if meta is not None:
            setattr(wrapper, SCHED_ATTR_NAME, copy.copy(meta))
        return wrapper  # type: ignore[return-value]  # called just as func

    return decorate if func is None else decorate(func)
