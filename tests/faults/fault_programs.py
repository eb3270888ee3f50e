"""What the scripts in `programs/` have in common."""

from __future__ import annotations

import logging
from typing import Any

from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool


def make(kind: str, **arguments: Any) -> WorkerPool:
    """A pool by its kind: "threads", or a start method of processes."""
    if kind == "threads":
        # That a thread is abandoned is logged: true, and no concern of these tests.
        logging.getLogger("pexen").setLevel(logging.ERROR)
        return ThreadWorkerPool(**arguments)
    return ProcessWorkerPool(start_method=kind, **arguments)
