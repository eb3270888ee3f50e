"""Pools: what executes tasks. `base` is the contract, the others are kinds of it."""

from ..common import PoolError
from .base import Running, WorkerPool
from .executor import ExecutorPool
from .process import ProcessWorkerPool
from .thread import ThreadWorkerPool

__all__ = [
    "ExecutorPool",
    "PoolError",
    "ProcessWorkerPool",
    "Running",
    "ThreadWorkerPool",
    "WorkerPool",
]
