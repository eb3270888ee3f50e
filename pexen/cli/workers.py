"""The workers that a command line asks for."""

from __future__ import annotations

import sys
from argparse import Namespace

from ..sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool


def pool_of(args: Namespace, workers: int) -> WorkerPool:
    """A pool of so many, of the kind that is asked for."""
    if args.threads:
        return ThreadWorkerPool(workers)
    return ProcessWorkerPool(
        workers,
        start_method=args.start_method,
        initializer=_write_whole_lines,
        tasks_per_worker=1 if args.isolate else None,
    )


def _write_whole_lines() -> None:
    """In a worker: have what tasks print come out as it is printed, line by line."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
