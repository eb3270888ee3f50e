"""The scheduler: metadata on callables, `Sched`, and the pools that execute tasks."""

from typing import TYPE_CHECKING

from ..util import late_names
from . import meta
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
from .taskmap import TaskMap

if TYPE_CHECKING:
    from . import events, pool
    from .bounds import Bound
    from .call import task_fail_wrap
    from .critical import Step
    from .plan import Contention, Plan, Planned
    from .planner import Sched
    from .snapshot import HeldLock, Snapshot, Waiting
else:
    # What is needed to annotate and collect tasks is imported in 17 ms, what runs them in 30 more.
    __getattr__, __dir__ = late_names(
        globals(),
        {
            "Bound": "bounds",
            "Contention": "plan",
            "HeldLock": "snapshot",
            "Plan": "plan",
            "Planned": "plan",
            "Sched": "planner",
            "Snapshot": "snapshot",
            "Step": "critical",
            "Waiting": "snapshot",
            "call": "call",
            "events": "events",
            "planner": "planner",
            "pool": "pool",
            "snapshot": "snapshot",
            "task_fail_wrap": "call",
        },
    )

__all__ = [
    "Bound",
    "Contention",
    "DepcheckError",
    "ExceptionInfo",
    "HeldLock",
    "InternalError",
    "MutexError",
    "Outcome",
    "Plan",
    "Planned",
    "Reason",
    "Sched",
    "SchedulerError",
    "Snapshot",
    "Step",
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
