"""What a run hands to its user: outcomes, results, reasons and errors.

Knows nothing of graphs, locks or pools.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from ..util import PexenError

Task = Callable[..., Any]
Tag = Hashable
Shared = dict[str, Any]

# Where a factory notes a task's place in its tree; read here only to name tasks.
CALLPATH_ATTR_NAME = "pexen_factory_callpath_"

# Of a callable that stands for several tasks: a list with, for each of them, what follows its name,
# and a dict of keyword arguments.
CASES_ATTR_NAME = "pexen_factory_cases_"

# A method of a stream in the place of sys.stdout: the descriptor to which programs started in this
# context are to write, None for the usual one.
PROGRAM_FD_ATTR_NAME = "pexen_program_fd_"


class SchedulerError(PexenError):
    """Base of the errors raised by `Sched` and by the pools."""


class DepcheckError(SchedulerError):
    """Tags that can't be provided, or tasks that require each other in a cycle.

    `remain` maps each unsatisfied tag to the list of tasks that need it.
    """

    def __init__(self, msg: str, remain: Mapping[Tag, list[Task]]) -> None:
        super().__init__(msg)
        self.remain = remain


class MutexError(SchedulerError):
    """A request for locks or resources that could never be granted; `task` made it."""

    def __init__(self, msg: str, task: Task) -> None:
        super().__init__(msg)
        self.task = task


class PoolError(SchedulerError):
    """A pool used in a state that doesn't allow it, or a pool that can't go on."""


class TaskLostError(SchedulerError):
    """The worker that ran the task ended before the task did."""


class TaskTimeoutError(SchedulerError):
    """The task ran longer than its `timeout`."""


class InternalError(SchedulerError):
    """A broken invariant of pexen itself; the text lists every unfinished task."""


class Outcome(StrEnum):
    """How a task ended; each task ends in exactly one of these."""

    OK = "ok"
    FRESH = "fresh"  # a guard found that it needn't run
    SKIPPED = "skipped"  # it said so itself, with TaskSkip or unittest.SkipTest
    FAILED = "failed"  # it raised
    TIMEOUT = "timeout"  # it ran longer than allowed and was ended or abandoned
    LOST = "lost"  # its worker ended under it, or abort() ended it
    CANCELLED = "cancelled"  # never started: the run was stopped
    BLOCKED = "blocked"  # never started: something it needs can't come any more

    @property
    def succeeded(self) -> bool:
        """Whether what the task provides is there without the task saying so."""
        return self is Outcome.OK or self is Outcome.FRESH


class TaskEnd(Exception):
    """An exception with which a task itself says how it ended.

    `outcome` is what the task is recorded as, `deps_ok` whether what it provides
    counts as provided, `locks_ok` whether its uses and claims are released,
    `ret` what its result carries as return value.
    """

    outcome = Outcome.FAILED
    # Of one whose class has an __init__ that doesn't call this one.
    deps_ok = locks_ok = True
    ret: Any = None

    def __init__(
        self, *args: object, deps_ok: bool = True, locks_ok: bool = True, ret: Any = None
    ) -> None:
        super().__init__(*args)
        self.deps_ok = deps_ok
        self.locks_ok = locks_ok
        self.ret = ret


class TaskFailError(TaskEnd):
    """The task failed, under control.

    Unless told otherwise its dependents still run (`deps_ok`) and its locks are
    released (`locks_ok`).
    """


class TaskSkip(TaskEnd):
    """The task had nothing to do here; its locks are always released.

    Its dependents are blocked unless `deps_ok=True`.
    """

    outcome = Outcome.SKIPPED
    deps_ok = False

    def __init__(self, *args: object, deps_ok: bool = False, ret: Any = None) -> None:
        super().__init__(*args, deps_ok=deps_ok, locks_ok=True, ret=ret)


class _ExcFields(NamedTuple):
    type: type[BaseException] | None = None
    val: BaseException | None = None
    tb: types.TracebackType | None = None


class ExceptionInfo(_ExcFields):
    """What a task raised: type, value, traceback; None for a part that couldn't travel.

    `text` is the formatted traceback. It is there also when `val` and `tb` had to
    stay behind in a worker process.
    """

    _text: str | None = None

    @property
    def text(self) -> str:
        """The traceback as Python would print it, chained exceptions included."""
        if self._text is None:
            import traceback  # only where something failed; it is no light import

            if self.val is not None:
                lines = traceback.format_exception(self.type, self.val, self.tb)
            else:
                lines = [self.type.__name__ if self.type else "no exception"]
            self._text = "".join(lines)
        return self._text

    @classmethod
    def of(cls, exc: BaseException, text: str | None = None) -> ExceptionInfo:
        """Describe `exc`, with `text` as its traceback where it was formatted elsewhere."""
        info = cls(type(exc), exc, exc.__traceback__)
        info._text = text
        return info


class _ResFields(NamedTuple):
    task: Task
    shared: Shared
    ret: Any = None
    excinfo: ExceptionInfo | None = None


class TaskRes(_ResFields):
    """The result of one task: a named tuple of task, shared, ret, excinfo.

    It is compared as that tuple. What else it carries are attributes:

    `outcome`
        how the task ended, an `Outcome` (which is a str).
    `started`, `duration`
        seconds; `started` on the pool's clock (`time.monotonic` but for virtual
        time). None when the worker didn't live to tell.
    `attempts`, `errors`
        how often the task was started, and the ExceptionInfo of each attempt
        that was followed by a retry.
    `worker`
        the name of the worker that ran it.
    `deps_ok`, `locks_ok`
        whether what it provides counts as provided, and whether its uses and
        claims are released.
    `abandoned`
        True where the task may still run, as nothing can end its thread.
    `extra`
        what came beside the result from a task that calls another; None without one.
    """

    outcome: Outcome = Outcome.OK
    started: float | None = None
    duration: float | None = None
    attempts: int = 1
    errors: tuple[ExceptionInfo, ...] = ()
    worker: str = ""
    deps_ok: bool = True
    locks_ok: bool = True
    abandoned: bool = False
    extra: Any = None

    def __new__(
        cls,
        task: Task,
        shared: Shared | None = None,
        ret: Any = None,
        excinfo: ExceptionInfo | None = None,
    ) -> TaskRes:
        return super().__new__(cls, task, {} if shared is None else shared, ret, excinfo)

    def _replace(self, **fields: Any) -> TaskRes:
        new = super()._replace(**fields)
        new.__dict__.update(self.__dict__)
        return new

    @classmethod
    def failed(
        cls, task: Task, shared: Shared, info: ExceptionInfo | None, worker: str = ""
    ) -> TaskRes:
        """The result of a task that failed out of control."""
        res = cls(task, shared, None, info)
        res.outcome = Outcome.FAILED
        res.deps_ok = res.locks_ok = False
        res.worker = worker
        return res

    @classmethod
    def unfinished(
        cls, task: Task, shared: Shared, outcome: Outcome, error: BaseException, worker: str
    ) -> TaskRes:
        """The result of a task that didn't come back: lost, or out of time."""
        res = cls.failed(task, shared, ExceptionInfo.of(error), worker)
        res.outcome = outcome
        return res


class Reason(NamedTuple):
    """Why a task didn't run. `str()` of it is a sentence for people.

    `kind` is 'requires', 'lock' or 'stopped'; `key` the tag or lock (None when
    stopped); `culprits` the tasks at fault: those that failed to provide the tag,
    or that left the lock held.
    """

    kind: str
    text: str
    key: Any = None
    culprits: tuple[Task, ...] = ()

    def __str__(self) -> str:
        return self.text


def identity(task: Task) -> Any:
    """A key that is equal for what counts as the same task.

    A task is an object, hashable or not; a bound method is made anew at each
    access and counts by its instance and function. Valid as long as the task lives.
    """
    if type(task) is types.MethodType:
        return id(task.__self__), id(task.__func__)
    return id(task)


def identities(tasks: Sequence[Task]) -> list[Any]:
    """The identity of each."""
    return [*map(identity if types.MethodType in {*map(type, tasks)} else id, tasks)]


def task_name(task: Task) -> str:
    """What a task is called in messages."""
    path = getattr(task, CALLPATH_ATTR_NAME, None)
    if path and isinstance(path, list):
        return "/".join(map(str, path))
    if isinstance(task, functools.partial):
        return task_name(task.func)
    name = getattr(task, "__qualname__", None)
    return name if isinstance(name, str) else repr(task)
