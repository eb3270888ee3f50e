"""A lifeline: a pipe whose breaking ends a process and its group.

The parent has the only writing end, and writes nothing; it breaks when the parent ends, in
whatever way, or closes it. On Linux the kernel then sends SIGKILL to the group (F_SETOWN,
F_SETSIG and O_ASYNC of fcntl(2)), so it needs no help of the process, which may be stopped
or busy in C code. Elsewhere a thread of the process waits for it.

A child process that has left the group escapes, and so does a worker whose task has closed
the descriptor.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import threading


def hold(fd: int) -> None:
    """End this process and its group when the lifeline breaks, whose reading end is `fd`."""
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(fd, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgid(0))
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
        fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_ASYNC)
        if _is_broken(fd, 0):  # before there was somebody to tell
            _end()
    else:
        threading.Thread(target=_wait, args=(fd,), name="pexen-lifeline", daemon=True).start()


def _is_broken(fd: int, milliseconds: int | None) -> bool:
    poll = select.poll()
    poll.register(fd, 0)
    return bool(poll.poll(milliseconds))


def _wait(fd: int) -> None:
    while not _is_broken(fd, None):
        pass
    _end()


def _end() -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpgid(0), signal.SIGKILL)
