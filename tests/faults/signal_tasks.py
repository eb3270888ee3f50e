"""Tasks that look at signals in a worker; any worker can import them."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

# Those whose handlers tell how signals were inherited; a worker may have its own of others.
WATCHED = [signal.SIGALRM, signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGUSR1]


def look_at_signals() -> dict[str, Any]:
    """What a worker's signals are like."""
    return {
        "handlers": [_named(signal.getsignal(number)) for number in WATCHED],
        "timer": signal.getitimer(signal.ITIMER_REAL),
        "wakeup": signal.set_wakeup_fd(-1),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "pending": sorted(signal.sigpending()),
        "main": threading.current_thread() is threading.main_thread(),
    }


def _named(handler: Any) -> str:
    return getattr(handler, "__name__", None) or str(handler)


def end_by_term() -> None:
    """What ends most processes."""
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(20)


def end_by_kill() -> None:
    """What ends any process."""
    os.kill(os.getpid(), signal.SIGKILL)


def run_a_child() -> int:
    """What waits for a child by its number, as subprocess does."""
    pid = os.fork()
    if pid == 0:
        os._exit(3)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
