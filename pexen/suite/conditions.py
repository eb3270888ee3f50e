"""What a test needs of the place where it runs: conditions, looked at when a suite is made."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from ..sched.common import Task, TaskSkip, task_name
from ..sched.meta import SchedMeta, assign_meta, has_meta, meta_of
from ..sched.pool.exceptions import describe
from .findings import SuiteError
from .selection import tag_of

F = TypeVar("F", bound=Callable[..., Any])

_ATTR_NAME = "pexen_suite_conditions_"


class _Condition(NamedTuple):
    condition: object
    reason: str


def only_if(condition: object, reason: str) -> Callable[[F], F]:
    """Decorator: the task is only run where the condition holds, and else skipped with the reason.

    `condition` is a bool, or a callable without arguments that returns one; other values count as
    true or false. It is looked at once, when the `Suite` is made. What requires the task is
    blocked, as by any task that is skipped. If the condition raises, the task fails with the error.

    Of several, which are looked at from the top, the first that doesn't hold gives the reason. The
    callable stays the one it was; one that refuses attributes comes back as a partial of it.
    """

    def decorate(func: F) -> F:
        own = _Condition(condition, reason)
        try:
            setattr(func, _ATTR_NAME, (own, *_shown(func)))
        except (AttributeError, TypeError):
            meta = meta_of(func).__copy__() if has_meta(func) else None
            func = functools.partial(func)  # type: ignore[assignment]  # same to its caller
            setattr(func, _ATTR_NAME, (own,))
            if meta is not None:
                assign_meta(func, meta)
        return func

    return decorate


def end_without(task: Task) -> BaseException | None:
    """With what the task ends that isn't to be run; None for one that is."""
    for condition, reason in _conditions(task):
        try:
            if not (condition() if callable(condition) else condition):
                return TaskSkip(reason)
        except Exception as exc:
            return _portable(exc, task)
    return None


def meta_without(meta: SchedMeta) -> SchedMeta:
    """The metadata of a task that isn't to be run: it ends so whatever its requirements do."""
    after = {*meta.after, *map(tag_of, meta.requires)}
    return SchedMeta(provides=meta.provides, after=after, teardown=meta.teardown)


def _conditions(task: Task) -> tuple[_Condition, ...]:
    if isinstance(task, functools.partial):
        return _shown(task) + _conditions(task.func)
    return _shown(task)


def _shown(task: Task) -> tuple[_Condition, ...]:
    found = getattr(task, _ATTR_NAME, None)
    return found if isinstance(found, tuple) else ()  # a mock shows any attribute


def _portable(exc: Exception, task: Task) -> Exception:
    """The exception, or one in its place if it can't be sent to a worker process."""
    try:
        if type(pickle.loads(pickle.dumps(exc))) is type(exc):
            return exc
    except Exception:
        pass  # an `__init__` that needs more than `args`, an attribute that can't be pickled
    return SuiteError(f"condition of {task_name(task)!r} raised {describe(exc)}")
