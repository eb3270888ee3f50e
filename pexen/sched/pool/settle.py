"""What a worker process does first: become a process of its own.

Whatever start method made it, it has its own process group, a lifeline to the parent,
signals as a fresh Python has them, and its stacks go to the parent. (multiprocessing has
made stdin the null device.)
"""

from __future__ import annotations

import faulthandler
import fcntl
import os
import resource
import signal

from . import lifeline
from .ending import LOOK_SIGNAL


def settle(lifeline_fd: int, stacks_fd: int) -> None:
    """Settle in; `stacks_fd` is what crashes are described to."""
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    lifeline.hold(lifeline_fd)
    _reset_signals()
    high_fd = _copied_high(stacks_fd)
    faulthandler.enable(high_fd)
    if LOOK_SIGNAL is not None:
        faulthandler.register(LOOK_SIGNAL, high_fd)


def _copied_high(fd: int) -> int:
    """A copy of the descriptor with a number that no file gets which a task opens.

    faulthandler writes to that number whatever it is by then, and a task may have closed all
    that there was. New files get the lowest numbers; a thousand costs nothing.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = 1000 if limit == resource.RLIM_INFINITY else max(fd, min(1000, limit - 16))
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, lowest)


def _reset_signals() -> None:
    """Forget the parent's handlers, timers and mask, and signals that were meant for it."""
    signal.set_wakeup_fd(-1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # also where the parent ignores it
    # Ignoring a signal discards one that is pending: a Ctrl-C before the worker was in a
    # group of its own is the parent's affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.default_int_handler)
