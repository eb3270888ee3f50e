"""The time that a run may take: `pexen run --deadline`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator


class Deadline:
    """So many seconds from when a run begins; None is no deadline."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self.passed = False

    @contextlib.contextmanager
    def watched(self, end: Callable[[], None]) -> Iterator[None]:
        """Within, `end` is called when the run has gone on for as long as it may."""
        if self._seconds is None:
            yield
            return

        def passed() -> None:
            self.passed = True
            end()

        timer = threading.Timer(min(self._seconds, threading.TIMEOUT_MAX), passed)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
