"""A child process, started by whatever method: its start, its end, and what it leaves behind."""

from __future__ import annotations

import contextlib
import os
import select
import signal
from collections.abc import Callable
from multiprocessing.context import BaseContext
from typing import Any

from . import descriptors, starting
from .ending import signal_group
from .worker import EXIT_PIPES_GONE

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGBUS, signal.SIGILL)


class Child:
    """A process that leads, or soon will, a group of its own."""

    def __init__(self, context: BaseContext, name: str) -> None:
        self._context = context
        self._name = name
        self._process: Any = None
        self.pid = 0
        self.end_fd = -1  # readable when it has ended
        self.crashed = False  # it was ended by a signal that faulthandler tells of
        self._reaped = False

    def start(self, target: Callable[..., None], args: tuple[Any, ...]) -> None:
        """Start it; OSError if the system refuses."""
        self._process = self._context.Process(  # type: ignore[attr-defined]  # made per context
            target=target, args=args, name=self._name
        )
        starting.start(self._process)
        self.pid = self._process.pid
        self.end_fd = _end_of(self._process)
        with descriptors.no_fork():
            descriptors.keep([self.end_fd])

    def discard(self) -> None:
        """Undo a start that failed, however far it got."""
        if self._process is not None and self._process.pid is not None:
            self._process.kill()
            self._process.join()
        self.close()

    def kill(self) -> None:
        """End it and its group at once."""
        if self.pid and not self._reaped:
            signal_group(self.pid, signal.SIGKILL)

    def wait(self, seconds: float) -> bool:
        """Wait for its end; returns whether it has come."""
        if self._reaped or self.end_fd < 0:
            return True
        poll = select.poll()
        poll.register(self.end_fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def reap(self) -> None:
        """It has ended. From here on its pid is only the number of its group, if that is left."""
        self._process.join()
        self._reaped = True

    def bury(self) -> str:
        """It has ended: end what is left of its group, and say how it did.

        May be called again, if it was interrupted.
        """
        if self._process is None:
            return "ended"
        with contextlib.suppress(ProcessLookupError, PermissionError):
            # Not signal_group: once it is reaped, its pid may be somebody else's.
            os.killpg(self.pid, signal.SIGKILL)
        self.reap()
        code = self._process.exitcode
        self.crashed = code is not None and -code in _CRASHES
        if code is None:
            # The system told somebody else, so multiprocessing thinks that it runs, and would
            # keep it, with its descriptors, for ever.
            self._process._popen.returncode = 0
        self._process.close()
        self._process = None
        self.close()
        return _how(code)

    def close(self) -> None:
        """Give the descriptor back."""
        fd, self.end_fd = self.end_fd, -1
        if fd >= 0:
            descriptors.close([fd])


def _how(code: int | None) -> str:
    if code is None:
        return "ended, and how was told to somebody else (SIGCHLD is ignored, maybe)"
    if code == EXIT_PIPES_GONE:
        return "ended, as a task closed or replaced its pipes"
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"was ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _end_of(process: Any) -> int:
    """A descriptor that is readable when the process has ended."""
    if hasattr(os, "pidfd_open"):
        with contextlib.suppress(OSError):  # an old kernel
            return os.pidfd_open(process.pid)
    # A pipe, which a process forked by a task holds open as well: here the end is only
    # noticed when that one ends.
    return os.dup(process.sentinel)
