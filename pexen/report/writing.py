"""Files that reports are written to, as a whole."""

from __future__ import annotations

import contextlib
import os
import stat

from ..util import PexenError


class ReportError(PexenError):
    """A report can't be written."""


def check_writable(path: str) -> None:
    """ReportError if the file couldn't be written."""
    if path == "-":
        raise ReportError("a report can't go to stdout, where the run is shown; name a file")
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise ReportError(f"file {path!r} is a folder; name a file for the record of the run")
    if not os.path.isdir(folder):
        raise ReportError(f"folder {folder!r} of {path!r} doesn't exist; make it first")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise ReportError(f"file {path!r} can't be written; permission is denied")


def write(path: str, content: bytes) -> None:
    """Write the file as a whole: who reads it meanwhile sees the old one. Raises ReportError."""
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb") as file:  # a device or a named pipe
                file.write(content)
            return
        target = os.path.realpath(path)
        passing = f"{target}.{os.getpid()}.tmp"
        try:
            with open(passing, "wb") as file:
                file.write(content)
            os.replace(passing, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(passing)
            raise
    except OSError as exc:
        raise cannot(path, exc) from exc


def cannot(path: str, error: OSError) -> ReportError:
    """The error that says so of a file."""
    return ReportError(f"file {path!r} can't be written: {error.strerror or error}")
