"""Stdout, a whole line at a time; and text made fit to be part of a line."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys

from ..util import PexenError


class OutputError(PexenError):
    """Nothing more can be written to stdout.

    `reader_gone` says that it is a pipe which nobody reads any more, as that of
    `pexen list … | head`.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"stdout can't be written to: {error.strerror}")
        self.reader_gone = error.errno == errno.EPIPE


def settle_stdout() -> None:
    """Let any text be written, also a file name that is no valid text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def put(text: str) -> None:
    """Write the text and a newline at once, so that what others write stays outside.

    Raises OutputError; from then on stdout leads nowhere.
    """
    if sys.stdout is not None:  # closed by whoever started us
        try:
            sys.stdout.write(f"{text}\n")
        except OSError as exc:
            _give_up(exc)
        except ValueError:
            _give_up(_closed())
    flush()


def flush() -> None:
    """Write what is still to be written; raises as `put` does."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError as exc:
        _give_up(exc)
    except ValueError:
        _give_up(_closed())


def _closed() -> OSError:
    """A task that ran in a thread has closed it, which is no OSError to Python."""
    return OSError(errno.EBADF, "a task has closed it")


def _give_up(error: OSError) -> None:
    # What is left in the buffer would fail once more at exit, with a message of Python's.
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, sys.stdout.fileno())
    except OSError:  # a stdout that is no file
        pass
    except ValueError:  # it is closed
        sys.stdout = None
    os.close(null)
    raise OutputError(error) from error


def printable(text: str) -> str:
    """The text with control characters and the like written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
