"""Where the JSON lines of `run --jsonl` go."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from .ending import CommandError, UsageError


@contextlib.contextmanager
def lines_to(path: str | None) -> Iterator[TextIO | None]:
    """The stream for them: a file, or stdout, to which nothing else is written within.

    UsageError if the file can't be written.
    """
    if path is None:
        yield None
    elif path == "-":
        with _stdout_of_ours() as stream:
            yield stream
    else:
        with _file(path) as stream:
            yield stream


@contextlib.contextmanager
def _stdout_of_ours() -> Iterator[TextIO]:
    """Stdout, while what tasks and programs of theirs take for it is stderr."""
    stdout, number = sys.stdout, 1
    if stdout is None:
        raise UsageError("JSON lines can't go to stdout, which is closed; name a FILE")
    stdout.flush()
    kept = os.dup(number)
    try:
        os.dup2(2, number)
        sys.stdout = sys.stderr
        stream = open(os.dup(kept), "w", encoding="utf-8")
        try:
            yield stream
        finally:
            with contextlib.suppress(OSError):  # has been said, when it was written to
                stream.close()
    finally:
        sys.stdout = stdout
        os.dup2(kept, number)
        os.close(kept)


@contextlib.contextmanager
def _file(path: str) -> Iterator[TextIO]:
    try:
        file = open(path, "w", encoding="utf-8")
    except OSError as exc:
        raise UsageError(f"file {path!r} can't be written: {exc.strerror}") from exc
    try:
        yield file
    finally:
        try:
            file.close()
        except OSError as exc:
            raise CommandError(f"file {path!r} can't be written: {exc.strerror}") from exc
