"""Every kind of pool, and the means to see that none leaves anything behind."""

from __future__ import annotations

import functools
import gc
import multiprocessing
import pathlib
import threading
from collections.abc import Iterator

import pytest
from pool_support import (
    EXECUTOR_KINDS,
    KINDS,
    START_METHODS,
    Gate,
    NamedGate,
    children,
    close_executors,
    descriptors,
)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=START_METHODS)
def start_method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def nothing_is_left_behind(request: pytest.FixtureRequest) -> Iterator[None]:
    """No child process, descriptor or (unless marked) thread more than before."""
    _start_servers()
    if "event" in request.fixturenames:
        request.getfixturevalue("event")
    gc.collect()
    before = descriptors(), threading.active_count()
    yield
    abandons = request.node.get_closest_marker("abandons") is not None
    close_executors(wait=not abandons)
    gc.collect()
    assert children() == set()
    assert descriptors() == before[0]
    if not abandons:
        assert threading.active_count() <= before[1]  # those abandoned earlier may have ended


@functools.cache
def _start_servers() -> None:
    """Start multiprocessing's own helpers, which stay until the interpreter exits."""
    for method in ("forkserver", "spawn"):
        process = multiprocessing.get_context(method).Process(target=int)
        process.start()
        process.join()
        process.close()


@pytest.fixture
def event(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Iterator[Gate | NamedGate]:
    kind = request.getfixturevalue("kind") if "kind" in request.fixturenames else ""
    gate = NamedGate(tmp_path) if kind in EXECUTOR_KINDS else Gate()
    yield gate
    gate.close()
