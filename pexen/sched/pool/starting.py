"""Starting a process of multiprocessing, around what that does at its start and shouldn't.

- A child that has not settled in yet would hear a Ctrl-C, and print a traceback.
- When multiprocessing gets only some of the descriptors it asks for, it loses them, and its
  fork server doesn't survive it.
- When the fork is refused, it loses what it has made for it.
- Python 3.12 warns when a process with threads forks.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator
from multiprocessing import popen_fork, resource_tracker
from typing import Any

# At least as many as any start method needs for a moment, its helpers' start included.
_DESCRIPTORS_TO_START = 12

# Where it makes pipes, and the variables that it has them in.
_LAUNCH = vars(popen_fork.Popen)["_launch"].__code__
_PIPES = ("parent_r", "child_w", "child_r", "parent_w")

# Filters of warnings belong to the whole process.
_one_at_a_time = threading.RLock()


def _after_in_child() -> None:
    global _one_at_a_time
    _one_at_a_time = threading.RLock()  # who forked holds the old one, for ever here


os.register_at_fork(after_in_child=_after_in_child)


def start(process: Any) -> None:
    """Start a process of a multiprocessing context; OSError if the system refuses."""
    _check_descriptors()
    if process._start_method != "fork":
        # It unblocks SIGINT when it starts; so it is to have started before.
        resource_tracker.ensure_running()
    try:
        with _one_at_a_time, _no_interrupt(), _no_warning():
            process.start()
    except OSError as exc:
        _close_pipes(exc)
        raise


def _check_descriptors() -> None:
    """OSError unless there are enough to start a process."""
    taken: list[int] = []
    try:
        while len(taken) < _DESCRIPTORS_TO_START:
            taken.extend(os.pipe())
    finally:
        for fd in taken:
            os.close(fd)


@contextlib.contextmanager
def _no_interrupt() -> Iterator[None]:
    """Whoever is started now has SIGINT blocked, until it sees to that itself."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _no_warning() -> Iterator[None]:
    """A worker forked here runs nothing of the parent's but tasks, and those who use locks of
    other threads are told to use another start method.
    """
    if sys.version_info < (3, 12):
        yield
        return
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
        yield


def _close_pipes(exc: BaseException) -> None:
    """Close what a start that failed has left open."""
    for frame, _ in traceback.walk_tb(exc.__traceback__):
        if frame.f_code is _LAUNCH:
            for name in _PIPES:
                if name in frame.f_locals:
                    os.close(frame.f_locals[name])
    # With these frames goes what closes the rest, as it is collected.
    traceback.clear_frames(exc.__traceback__)
