"""Pools: what executes tasks. `base` is the contract, the others are kinds of it."""

from ..common import PoolError
from .base import Running, WorkerPool
from .process import ProcessWorkerPool
from .thread import ThreadWorkerPool

__all__ = ["PoolError", "ProcessWorkerPool", "Running", "ThreadWorkerPool", "WorkerPool"]
