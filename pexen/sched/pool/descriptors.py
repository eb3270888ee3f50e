"""Descriptors that belong to this process alone, and are closed in whatever it forks.

A fork copies all descriptors. A process that held the writing end of another's lifeline
would keep that one alive after its parent; one that held the writing end of a pipe would
hide the writer's end. A task, the caller or any library may fork at any time, in any
thread, so it is seen to here: a forked process closes what is `kept` before it runs
anything else. What is started by exec loses it anyway, as Python's descriptors aren't inherited.

Within `no_fork()`, no other thread forks. So a descriptor that is made and kept in one such block
never gets into a process that doesn't know of it. Nothing else is done there: whoever forks may
hold locks of others, which are to be had only before this one.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterable, Iterator

_lock = threading.RLock()
_kept: set[int] = set()
_spared = threading.local()


@contextlib.contextmanager
def no_fork() -> Iterator[None]:
    """No other thread forks meanwhile."""
    with _lock:
        yield


def keep(fds: Iterable[int]) -> None:
    """From now on, the descriptors are closed in forked processes; call it within `no_fork`."""
    _kept.update(fds)


def forget(fds: Iterable[int]) -> None:
    """They are about to be closed by others; to be called within `no_fork`."""
    _kept.difference_update(fds)


@contextlib.contextmanager
def handed_over(fds: Iterable[int]) -> Iterator[None]:
    """What this thread forks meanwhile gets these, although they are kept."""
    _spared.fds = frozenset(fds)
    try:
        yield
    finally:
        _spared.fds = frozenset()


def close(fds: Iterable[int]) -> None:
    """Close descriptors, those that are kept among them."""
    with no_fork():
        for fd in fds:
            _kept.discard(fd)
            os.close(fd)


def _before() -> None:
    _lock.acquire()


def _after_in_parent() -> None:
    _lock.release()


def _after_in_child() -> None:
    global _lock
    for fd in _kept - getattr(_spared, "fds", frozenset()):
        with contextlib.suppress(OSError):
            os.close(fd)
    _kept.clear()
    _lock = threading.RLock()


os.register_at_fork(
    before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child
)
