"""Means to have descriptors or processes run out in the test's own process."""

from __future__ import annotations

import contextlib
import errno
import gc
import itertools
import multiprocessing.forkserver
import multiprocessing.util
import os
import resource
from collections.abc import Callable, Container, Iterator
from typing import Any

import oracle
import pytest

# The function that each start method starts a process by.
FORKS: dict[str, tuple[object, str]] = {
    "fork": (os, "fork"),
    "forkserver": (multiprocessing.forkserver, "connect_to_new_process"),
    "spawn": (multiprocessing.util, "spawnv_passfds"),
}


@contextlib.contextmanager
def highest_descriptor(below: int) -> Iterator[None]:
    """Within, no descriptor of this number or above can be made."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (below, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def free_numbers() -> Iterator[int]:
    """The numbers that new descriptors will have, in order."""
    taken = oracle.descriptors()
    return (number for number in itertools.count() if number not in taken)


def descriptors_left(count: int) -> contextlib.AbstractContextManager[None]:
    """Within, so many descriptors can be made and no more."""
    numbers = free_numbers()
    return highest_descriptor(next(itertools.islice(numbers, count, None)))


@contextlib.contextmanager
def refusing(start_method: str, calls: Container[int]) -> Iterator[Callable[[], int]]:
    """Within, the system refuses these processes, counted from 0; gives how many were wanted."""
    owner, name = FORKS[start_method]
    start = getattr(owner, name)
    wanted = 0

    def start_or_refuse(*args: Any, **kwargs: Any) -> Any:
        nonlocal wanted
        wanted += 1
        if wanted - 1 in calls:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return start(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, start_or_refuse)
        yield lambda: wanted


@contextlib.contextmanager
def leaking_nothing() -> Iterator[None]:
    """Fail if there are other descriptors afterwards than before."""
    gc.collect()
    before = oracle.descriptors()
    yield
    gc.collect()
    more = oracle.descriptors().items() - before.items()
    assert not more, f"descriptors are left: {sorted(more)}"
