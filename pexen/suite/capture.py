"""What a task prints, kept together with its result.

In a worker process all that is written to stdout and stderr is captured, by Python or by programs
that the task starts: from the first task on, both descriptors lead to a file of the worker's, and
what has come to it while a task ran is the task's. Threads share their descriptors, so there only
what Python writes is captured: `sys.stdout` and `sys.stderr` are replaced by streams that ask
whose context they are in. Who starts a program may ask them where that is to write.

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

from .workerfile import HALF, WorkerFile, cut, read


class Output:
    """What a task has printed: `text`, once it has ended; before, `so_far`, of a thread only."""

    text = ""

    def so_far(self) -> str:
        """To be called by other threads, while the task runs."""
        return ""


# -- in a process -------------------------------------------------------------------------------


_file: WorkerFile | None = None


@contextlib.contextmanager
def capturing_process(folder: str, number: int) -> Iterator[Output]:
    """Within, what this process and its children print is captured; its file is in `folder`.

    Of the task of that number, `left_by` finds it there also when the process was killed. Where
    no file can be made, nothing is captured.
    """
    global _file
    output = Output()
    try:
        if _file is None or _file.pid != os.getpid() or _file.folder != folder:
            _file = WorkerFile(folder)
        file = _file
        file.begin(number)
    except OSError:
        yield output
        return
    try:
        yield output
    finally:
        with contextlib.suppress(OSError):
            output.text = file.end()


# -- in a thread --------------------------------------------------------------------------------


class _Text:
    """What was written, of which the middle is dropped as it comes.

    Once a program is to write as well, what follows goes to a file.
    """

    def __init__(self) -> None:
        self._head: list[str] = []
        self._room = HALF
        self._tail: deque[str] = deque()
        self._in_tail = 0
        self._dropped = 0
        self._file: Any = None

    def fd(self) -> int:
        """A descriptor for programs; OSError if there can be none."""
        if self._file is None:
            self._file = tempfile.TemporaryFile(buffering=0)
            fcntl.fcntl(self._file.fileno(), fcntl.F_SETFL, os.O_APPEND)
        number: int = self._file.fileno()
        return number

    def add(self, text: str) -> None:
        if self._file is not None:
            self._file.write(text.encode("utf-8", errors="backslashreplace"))
            return
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

    def end(self) -> str:
        """All of it. What is written later, by a thread that is left, is kept nowhere."""
        text = self.so_far()
        file, self._file = self._file, None
        if file is not None:
            file.close()
        return text

    def so_far(self) -> str:
        """All that there is, also for a thread that isn't the one that writes."""
        head, tail, file = "".join(self._head), "".join(self._tail.copy()), self._file
        text = cut(head, self._dropped, "characters", tail) if self._dropped else head + tail
        if file is not None:
            with contextlib.suppress(OSError, ValueError):  # it was closed a moment ago
                text += read(file.fileno(), 0, os.fstat(file.fileno()).st_size)
        return text


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
        # Python flushes it as well when it is gone, and then the stream may be closed.
        if _text.get() is None and not self.stream.closed:
            self.stream.flush()

    def writable(self) -> bool:
        return True

    # These the base class has, so that `__getattr__` is not asked.

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As that of the stream."""
        return self.stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """As those of the stream."""
        return self.stream.errors

    def fileno(self) -> int:
        return self.stream.fileno()

    def isatty(self) -> bool:
        return self.stream.isatty()

    def pexen_program_fd_(self) -> int | None:
        """Where programs are to write; see PROGRAM_FD_ATTR_NAME."""
        captured = _text.get()
        with contextlib.suppress(OSError):
            return None if captured is None else captured.fd()
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


@contextlib.contextmanager
def routed() -> Iterator[None]:
    """Within, tasks in threads can be captured."""
    ours: dict[str, _Router] = {}
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None:  # whoever started us may have closed it
            ours[name] = _Router(stream)
            setattr(sys, name, ours[name])
    try:
        yield
    finally:
        for name, router in ours.items():
            if getattr(sys, name) is router:  # nobody has replaced it meanwhile
                setattr(sys, name, router.stream)


@contextlib.contextmanager
def capturing_thread() -> Iterator[Output]:
    """Within, what is printed in this context is captured, if that is `routed`."""
    output, text = Output(), _Text()
    output.so_far = text.so_far  # type: ignore[method-assign]  # it has no other
    token = _text.set(text)
    try:
        yield output
    finally:
        _text.reset(token)
        output.text = text.end()
