"""Every kind of pool, and the means to see what a run leaves behind."""

from __future__ import annotations

import multiprocessing
import os
import pathlib
from typing import Any

from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool

START_METHODS = ["fork", "forkserver", "spawn"]
KINDS = ["threads", *START_METHODS]


def make(kind: str, *args: Any, **kwargs: Any) -> WorkerPool:
    if kind == "threads":
        return ThreadWorkerPool(*args, **kwargs)
    return ProcessWorkerPool(*args, start_method=kind, **kwargs)


def children() -> set[int]:
    """Processes whose parent we are, but for the helpers that multiprocessing keeps."""
    kept = set()
    for name in ("forkserver", "resource_tracker"):
        module = getattr(multiprocessing, name, None)
        if module is not None:
            inner = getattr(module, f"_{name}")
            kept.add(getattr(inner, "_forkserver_pid", None) or getattr(inner, "_pid", None))
    found = set()
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found - kept


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


class Gate:
    """An event that survives the death of who waits for it, in whatever worker."""

    def __init__(self) -> None:
        self._reader, self._writer = multiprocessing.Pipe(duplex=False)
        self._began_reader, self._began_writer = multiprocessing.Pipe(duplex=False)

    def wait(self, seconds: float) -> bool:
        self._began_writer.send(None)
        return self._reader.poll(seconds)

    def began(self, seconds: float = 30) -> bool:
        """Whether somebody has come to wait."""
        return self._began_reader.poll(seconds)

    def set(self) -> None:
        self._writer.send(None)

    def close(self) -> None:
        for end in (self._reader, self._writer, self._began_reader, self._began_writer):
            end.close()
