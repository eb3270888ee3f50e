"""The scheduler: metadata on callables, `Sched`, and the pools that execute tasks."""

from . import events, meta, pool
from .call import task_fail_wrap
from .common import (
    DepcheckError,
    ExceptionInfo,
    InternalError,
    MutexError,
    Outcome,
    Reason,
    SchedulerError,
    TaskEnd,
    TaskFailError,
    TaskLostError,
    TaskRes,
    TaskSkip,
    TaskTimeoutError,
)
from .metacheck import every, unique
from .planner import Sched
from .snapshot import HeldLock, Snapshot, Waiting
from .taskmap import TaskMap

__all__ = [
    "DepcheckError",
    "ExceptionInfo",
    "HeldLock",
    "InternalError",
    "MutexError",
    "Outcome",
    "Reason",
    "Sched",
    "SchedulerError",
    "Snapshot",
    "TaskEnd",
    "TaskFailError",
    "TaskLostError",
    "TaskMap",
    "TaskRes",
    "TaskSkip",
    "TaskTimeoutError",
    "Waiting",
    "events",
    "every",
    "meta",
    "pool",
    "task_fail_wrap",
    "unique",
]
