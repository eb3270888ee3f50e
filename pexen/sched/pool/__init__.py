"""Pools: what executes tasks. `base` is the contract, the others are kinds of it."""

from typing import TYPE_CHECKING

from ...util import late_names
from ..common import PoolError
from .base import Running, WorkerPool
from .thread import ThreadWorkerPool

if TYPE_CHECKING:
    from .executor import ExecutorPool
    from .process import ProcessWorkerPool
else:
    # The one takes multiprocessing, the other concurrent.futures; threads take neither.
    __getattr__, __dir__ = late_names(
        globals(),
        {
            "ExecutorPool": "executor",
            "ProcessWorkerPool": "process",
            "executor": "executor",
            "process": "process",
        },
    )

__all__ = [
    "ExecutorPool",
    "PoolError",
    "ProcessWorkerPool",
    "Running",
    "ThreadWorkerPool",
    "WorkerPool",
]
