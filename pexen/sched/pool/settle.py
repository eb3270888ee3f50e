"""What a worker process does first: become a process of its own.

Whatever start method made it, it has its own process group and a lifeline to the parent,
the parent's signal handlers, timers and blocked signals don't count, and its stacks go to the
parent. (multiprocessing has made stdin the null device.)
"""

from __future__ import annotations

import faulthandler
import fcntl
import gc
import os
import resource
import signal
from multiprocessing.connection import Connection
from typing import Any

from . import lifeline
from .ending import LOOK_SIGNAL
from .pipes import WorkerEnds, WorkerFds


def settle(ends: WorkerEnds) -> WorkerFds:
    """Settle in, and say where the pipes are."""
    # A collection would write to all that was inherited, and so copy it, page by page.
    gc.freeze()
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    fds = WorkerFds(
        tasks=_moved_away(ends.tasks),
        tickets=_moved_away(ends.tickets),
        results=_moved_away(ends.results),
        stacks=_moved_away(ends.stacks),
        lifeline=_moved_away(ends.lifeline),
        bell=None if ends.bell is None else _moved_away(ends.bell),
    )
    lifeline.hold(fds.lifeline)
    _reset_signals()
    faulthandler.enable(fds.stacks)
    if LOOK_SIGNAL is not None:
        faulthandler.register(LOOK_SIGNAL, fds.stacks)
    return fds


def _moved_away(end: Connection[Any, Any]) -> int:
    """Give an end a number that no file gets which a task opens.

    New files get the lowest numbers. So when a task closes all that it finds, or some number
    twice, what it opens later is still not taken for one of the pipes. A thousand costs nothing.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    lowest = 1000 if limit == resource.RLIM_INFINITY else max(3, min(1000, limit - 16))
    try:
        moved = fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, lowest)
    except OSError:  # none is left up there
        moved = os.dup(end.fileno())
    end.close()
    return moved


def _reset_signals() -> None:
    """Forget the parent's handlers, timers and mask, and signals that were meant for it."""
    signal.set_wakeup_fd(-1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    # Also where the parent ignores them: a task is to be ended, and to learn of its children.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Ignoring a signal discards one that is pending: a Ctrl-C before the worker was in a
    # group of its own is the parent's affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    signal.signal(signal.SIGINT, signal.default_int_handler)
