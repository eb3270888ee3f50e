"""The processes below this one, as /proc shows them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pathlib
import signal
import time
from collections.abc import Iterator
from typing import NamedTuple

_PR_SET_CHILD_SUBREAPER = 36
_PR_GET_CHILD_SUBREAPER = 37


class Process(NamedTuple):
    """A process at one moment."""

    pid: int
    parent: int
    group: int
    state: str  # a letter as ps shows it; Z is a zombie
    command: str

    @property
    def dead(self) -> bool:
        """Whether it has ended, and only waits to be reaped."""
        return self.state in "ZX"

    def __str__(self) -> str:
        return (
            f"pid {self.pid} (state {self.state}, parent {self.parent}, group {self.group}): "
            f"{self.command}"
        )


def look_up(pid: int) -> Process | None:
    """The process with that number, None if there is none."""
    folder = pathlib.Path("/proc", str(pid))
    try:
        name, _, rest = (folder / "stat").read_text().rpartition(")")
        command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    state, parent, group = rest.split()[:3]
    # A zombie has no command line any more, but still its name.
    return Process(pid, int(parent), int(group), state, command.strip() or name.partition("(")[2])


def alive(pid: int) -> bool:
    """Whether the process runs. One that has ended and waits to be reaped doesn't."""
    process = look_up(pid)
    return process is not None and not process.dead


def descendants(pid: int) -> list[Process]:
    """All processes below that one, zombies included."""
    everyone = map(look_up, [int(entry) for entry in os.listdir("/proc") if entry.isdigit()])
    below: dict[int, list[Process]] = {}
    for process in everyone:
        if process is not None:
            below.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    todo = [pid]
    while todo:
        children = below.get(todo.pop(), [])
        found.extend(children)
        todo.extend(child.pid for child in children)
    return found


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Whose parent ends comes below this process, not below the first process of all."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    before = ctypes.c_int()
    prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(before), 0, 0, 0)
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "this process can't adopt orphans")
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, before.value, 0, 0, 0)


def reap_quietly(pid: int, flags: int = os.WNOHANG) -> None:
    """Reap a child, unless somebody else has."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, flags)


def gone(pid: int, seconds: float = 2.0) -> bool:
    """Whether the process runs no more, within the time that the system may take to end it."""
    end = time.monotonic() + seconds
    while alive(pid):
        if time.monotonic() >= end:
            return False
        time.sleep(0.005)
    return True


def end_for_good(process: Process) -> None:
    """Kill what a test left, and reap it if that is for us to do."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    if process.parent == os.getpid():
        reap_quietly(process.pid, flags=0)
