"""What holds whatever goes wrong: nothing of a run stays behind.

An `Oracle` looks at the test process before and after a test. What must be as it was: the
processes below it, its descriptors, its threads. Orphans come below it as well, as it adopts
them. One that is dead is reaped, since in real life the first process of all would do that; a
dead child that this process started itself, and that nobody waited for, is left behind.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import pathlib
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import _posixsubprocess
import process_tree
import pytest

# Seconds that what is ending anyway may take, before it counts as left behind.
PATIENCE = 2.0

_LOOK_AGAIN = 0.005


class Oracle:
    """Compares the process's surroundings with what they were when it was made."""

    def __init__(self) -> None:
        self._started: set[int] = set()  # children that this process started itself
        # Of what was there before, tests are not to blame for.
        self._processes = {process.pid for process in process_tree.descendants(os.getpid())}
        self._descriptors = descriptors()
        self._threads = set(threads())

    @contextlib.contextmanager
    def watching(self) -> Iterator[None]:
        """Adopt orphans, and tell them from children by noting each child."""
        with process_tree.adopting_orphans(), pytest.MonkeyPatch.context() as patch:
            for owner, name in (
                (os, "fork"),
                (os, "posix_spawn"),
                (_posixsubprocess, "fork_exec"),
                (subprocess, "_fork_exec"),
            ):
                if hasattr(owner, name):
                    patch.setattr(owner, name, self._noting(getattr(owner, name)))
            yield

    def _noting(self, start: Callable[..., int]) -> Callable[..., int]:
        @functools.wraps(start)
        def noting(*args: Any, **kwargs: Any) -> int:
            pid = start(*args, **kwargs)
            if pid != 0:
                self._started.add(pid)
            return pid

        return noting

    def judge(self) -> list[str]:
        """What is not as it was, a sentence each; afterwards no process of it is left."""
        end = time.monotonic() + PATIENCE
        while True:
            self._reap_dead_orphans()
            found = self._complaints()
            if not found or time.monotonic() >= end:
                break
            time.sleep(_LOOK_AGAIN)
        for process in self._left():
            process_tree.end_for_good(process)
        return found

    def _left(self) -> list[process_tree.Process]:
        now = process_tree.descendants(os.getpid())
        return [process for process in now if process.pid not in self._processes]

    def _reap_dead_orphans(self) -> None:
        for process in self._left():
            adopted = process.parent == os.getpid() and process.pid not in self._started
            if process.dead and adopted:
                process_tree.reap_quietly(process.pid)

    def _complaints(self) -> list[str]:
        found = [f"a process is left: {process}" for process in self._left()]
        fds = descriptors()
        for fd in sorted(fds.items() - self._descriptors.items()):
            found.append(f"a descriptor is left: {fd[0]} -> {fd[1]}")
        for number in sorted(self._descriptors.keys() - fds.keys()):
            target = self._descriptors[number]
            found.append(f"a descriptor was closed that is none of ours: {number} -> {target}")
        for tid, name in threads().items():
            if tid not in self._threads:
                found.append(f"a thread is left: {tid} {name!r}")
        return found


def descriptors() -> dict[int, str]:
    """The open descriptors of this process, and what each is of."""
    found = {}
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself
            found[int(name)] = os.readlink(f"/proc/self/fd/{name}")
    return found


def threads() -> dict[int, str]:
    """The threads of this process that the system knows, and their names."""
    names = {thread.native_id: thread.name for thread in threading.enumerate()}
    found = {}
    for folder in pathlib.Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            tid = int(folder.name)
            found[tid] = names.get(tid) or (folder / "comm").read_text().strip()
    return found


@functools.cache
def start_servers() -> None:
    """Start multiprocessing's own helpers, which stay until the interpreter exits."""
    for method in ("forkserver", "spawn"):
        context: Any = multiprocessing.get_context(method)
        process = context.Process(target=int)
        process.start()
        process.join()
        process.close()
