"""Every kind of pool, and the means to see that none leaves anything behind."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import os
import pathlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool

START_METHODS = ["fork", "forkserver", "spawn"]
KINDS = ["threads", *START_METHODS]


def make(kind: str, *args: Any, **kwargs: Any) -> WorkerPool:
    if kind == "threads":
        return ThreadWorkerPool(*args, **kwargs)
    return ProcessWorkerPool(*args, start_method=kind, **kwargs)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=START_METHODS)
def start_method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


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


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """No child process, descriptor or (unless marked) thread more than before."""
    _start_servers()
    if "event" in request.fixturenames:
        request.getfixturevalue("event")
    gc.collect()
    before = descriptors(), threading.active_count()
    yield
    gc.collect()
    assert children() == set()
    assert descriptors() == before[0]
    if request.node.get_closest_marker("abandons") is None:
        assert threading.active_count() == before[1]


@functools.cache
def _start_servers() -> None:
    """Start multiprocessing's own helpers, which stay until the interpreter exits."""
    for method in ("forkserver", "spawn"):
        process = multiprocessing.get_context(method).Process(target=int)
        process.start()
        process.join()
        process.close()


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


@pytest.fixture
def event() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()
