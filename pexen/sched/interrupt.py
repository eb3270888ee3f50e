"""Ctrl-C while a run is under way.

Python's own handler raises KeyboardInterrupt wherever the main thread happens to be,
also between two steps that belong together. So while the scheduler works (`busy`), the
first SIGINT only asks it to abort, and KeyboardInterrupt is raised when it has; while the
consumer works, it is raised there as ever. The second one is raised at once.

Only where the run is in the main thread and nobody has set a handler of their own. Where
SIGINT is ignored, as in what a script starts with `&`, it stays so; `interrupt` does the same.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any


def interrupt() -> None:
    """Do what Ctrl-C does, also where SIGINT is ignored: for handlers of other signals."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.raise_signal(signal.SIGINT)
    elif _current is not None:
        _current.handle()
    else:
        raise KeyboardInterrupt from None


class Interrupts:
    """A context in which SIGINT becomes a request."""

    def __init__(self, on_interrupt: Callable[[], None]) -> None:
        self._on_interrupt = on_interrupt
        self._previous: Any = None  # the handler to put back, None if ours isn't set
        self.busy = False  # the scheduler is at work, not the consumer
        self.seen = False  # an interrupt came while busy

    def __enter__(self) -> Interrupts:
        global _current
        if threading.current_thread() is threading.main_thread():
            if _current is None:
                _current = self
            if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
                self._previous = signal.signal(signal.SIGINT, self.handle)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        global _current
        # A generator may be closed by another thread, which can't set handlers; then
        # ours stays, and behaves as Python's own since it is no longer busy.
        self.busy = False
        if _current is self:
            _current = None
        in_main = threading.current_thread() is threading.main_thread()
        if self._previous is not None and in_main:
            if signal.getsignal(signal.SIGINT) == self.handle:
                signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def handle(self, signum: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        """Take in an interrupt, in the main thread; KeyboardInterrupt unless the run can end."""
        if self.seen or not self.busy:
            # Not chained to what happens to be handled here: that a wait has ended, say.
            raise KeyboardInterrupt from None
        self.seen = True
        self._on_interrupt()


# The outermost of the main thread; None if there is none.
_current: Interrupts | None = None

Place = tuple[int, int]


def this_place() -> Place:
    """The process and the thread that this is called in."""
    return os.getpid(), threading.get_ident()


def may_go_on(place: Place) -> bool:
    """Whether a run begun there may go on here when its consumer leaves it.

    Not in another thread or process, nor at the interpreter's exit: there is no time.
    """
    return this_place() == place and not sys.is_finalizing()
