"""What the scheduler logs, said on stderr."""

from __future__ import annotations

import logging

from .ending import say


class _LogToStderr(logging.Handler):
    """Says what is logged in the way of all other messages."""

    def emit(self, record: logging.LogRecord) -> None:
        say(record.levelname.lower(), self.format(record))


def hear_log() -> None:
    """From now on say what pexen logs, unless somebody listens already."""
    log = logging.getLogger("pexen")
    if not log.handlers:
        log.addHandler(_LogToStderr(logging.WARNING))
