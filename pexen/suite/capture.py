"""What a task prints, kept together with its result.

In a worker process all that is written to stdout and stderr is captured, by Python or by programs
that the task starts: from the first task on, both descriptors lead to a file of the worker's, and
what has come to it while a task ran is the task's. Threads share their descriptors, so there only
what Python writes is captured: `sys.stdout` and `sys.stderr` are replaced by streams that ask
whose context they are in.

Of a long output the beginning and the end are kept.
"""

from __future__ import annotations

import contextlib
import contextvars
import fcntl
import io
import os
import sys
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import Any, TextIO

# How much of the beginning is kept, and of the end, in bytes or characters.
HALF = 500_000


class Output:
    """What a task has printed, once it has ended."""

    text = ""


# -- in a process -------------------------------------------------------------------------------


class _File:
    """The file that this process's stdout and stderr lead to."""

    def __init__(self, folder: str | None) -> None:
        self.pid = os.getpid()
        # Without a name, so that none is left behind.
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)
        fd = self._file.fileno()
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)  # as several write to it
        _flush()
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(fd, number)
            if _number_of(getattr(sys, name)) != number:
                # Where the parent's stream was no terminal or file, but a notebook's, say.
                errors = "backslashreplace"
                stream = open(number, "w", buffering=1, errors=errors, closefd=False)
                setattr(sys, name, stream)
        self.begin = 0  # where the output of the present task begins

    def size(self) -> int:
        _flush()
        return os.fstat(self._file.fileno()).st_size

    def read(self, end: int) -> str:
        """What was written from `begin` to `end`."""
        fd, begin = self._file.fileno(), self.begin
        if end - begin <= 2 * HALF:
            return _decoded(os.pread(fd, end - begin, begin))
        head, tail = os.pread(fd, HALF, begin), os.pread(fd, HALF, end - HALF)
        return _cut(_decoded(head), end - begin - 2 * HALF, "bytes", _decoded(tail))


_file: _File | None = None


@contextlib.contextmanager
def capturing_process(folder: str | None = None) -> Iterator[Output]:
    """Within, what this process and its children print is captured; its file is in `folder`.

    Where none can be made, nothing is captured.
    """
    global _file
    output = Output()
    try:
        if _file is None or _file.pid != os.getpid():
            _file = _File(folder)
        _file.begin = _file.size()
    except OSError:
        yield output
        return
    try:
        yield output
    finally:
        with contextlib.suppress(OSError):
            end = _file.size()
            if end > _file.begin:
                output.text = _file.read(end)


def _number_of(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError, AttributeError):
        return None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # it may be anything that a task has put there
            stream.flush()


# -- in a thread --------------------------------------------------------------------------------


class _Text:
    """What was written, of which the middle is dropped as it comes."""

    def __init__(self) -> None:
        self._head: list[str] = []
        self._room = HALF
        self._tail: deque[str] = deque()
        self._in_tail = 0
        self._dropped = 0

    def add(self, text: str) -> None:
        if self._room:
            self._head.append(text[: self._room])
            text = text[self._room :]
            self._room -= len(self._head[-1])
        if text:
            self._tail.append(text[-HALF:])
            self._dropped += len(text) - len(self._tail[-1])
            self._in_tail += len(self._tail[-1])
            while self._in_tail - len(self._tail[0]) >= HALF:
                dropped = len(self._tail.popleft())
                self._dropped += dropped
                self._in_tail -= dropped

    def __str__(self) -> str:
        head, tail = "".join(self._head), "".join(self._tail)
        return _cut(head, self._dropped, "characters", tail) if self._dropped else head + tail


_text: contextvars.ContextVar[_Text | None] = contextvars.ContextVar("pexen_output", default=None)


class _Router(io.TextIOBase):
    """Writes to what captures the present context, or else to the stream in whose place it is."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> int:
        captured = _text.get()
        if captured is None:
            return self.stream.write(text)
        captured.add(text)
        return len(text)

    def flush(self) -> None:
        if _text.get() is None:
            self.stream.flush()

    def writable(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def routed() -> Iterator[None]:
    """Within, tasks in threads can be captured."""
    before = sys.stdout, sys.stderr
    ours = _Router(sys.stdout), _Router(sys.stderr)
    sys.stdout, sys.stderr = ours
    try:
        yield
    finally:
        # Unless somebody else has replaced them meanwhile.
        if sys.stdout is ours[0]:
            sys.stdout = before[0]
        if sys.stderr is ours[1]:
            sys.stderr = before[1]


@contextlib.contextmanager
def capturing_thread() -> Iterator[Output]:
    """Within, what Python prints in this context is captured, if that is `routed`."""
    output, text = Output(), _Text()
    token = _text.set(text)
    try:
        yield output
    finally:
        _text.reset(token)
        output.text = str(text)


# -- both ---------------------------------------------------------------------------------------


def _cut(head: str, left_out: int, unit: str, tail: str) -> str:
    return f"{head}\n[{left_out} {unit} left out]\n{tail}"


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", errors="backslashreplace")
