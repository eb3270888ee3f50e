"""The file that stdout and stderr of a worker process lead to, while it runs tasks of a suite.

It lies in a folder of the run, under the name of the process. Beside it lies its note, which says
which task the process runs and where in the file the output of that begins. The note is mapped
into memory: writing it takes no system call, and what was written is there when the process has
been killed. It is a file of its own as tasks may truncate the other one, which a shell's
`echo >/dev/stderr` does.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import multiprocessing
import os
import struct
import sys
from typing import TextIO

# How much of the beginning of an output is kept, and of the end, in bytes or characters.
HALF = 500_000

# Bytes; a file larger than that is emptied when a task has ended.
_LARGE = 64 << 20

# Where the output begins, and the number of its task, or 0. They are written in this order: who
# is killed in between has noted nothing of the task that begins.
_NOTE = struct.Struct("<QQ")


class WorkerFile:
    """The file of this process; OSError if none can be made."""

    def __init__(self, folder: str) -> None:
        self.pid = os.getpid()
        self.folder = folder
        path = _path(folder, multiprocessing.current_process().name)
        self._file = open(path, "x+b", buffering=0)
        with open(f"{path}.note", "x+b", buffering=0) as file:
            file.write(bytes(_NOTE.size))  # a full disk is told here, and not by a signal
            self._note = mmap.mmap(file.fileno(), _NOTE.size)
        fd = self._file.fileno()
        fcntl.fcntl(fd, fcntl.F_SETFL, os.O_APPEND)  # as several write to it
        _flush()
        for number, name in ((1, "stdout"), (2, "stderr")):
            os.dup2(fd, number)
            _lead(name, number)
        self._begin = 0  # where the output of the present task begins

    def begin(self, number: int) -> None:
        """The task of that number, 1 at least, begins."""
        self._begin = self._size()
        _NOTE.pack_into(self._note, 0, self._begin, number)

    def end(self) -> str:
        """The task has ended: what was printed meanwhile. OSError if that can't be had.

        The note stays, as the worker may still die of what the task has returned.
        """
        end = self._size()
        if end == self._begin:
            return ""
        text = read(self._file.fileno(), self._begin, end)
        if end > _LARGE and self.pid == os.getpid():  # it may be a fork that has come back
            _NOTE.pack_into(self._note, 0, 0, 0)
            os.ftruncate(self._file.fileno(), 0)
        return text

    def _size(self) -> int:
        _flush()
        return os.fstat(self._file.fileno()).st_size


def left_by(worker: str, number: int, folder: str) -> str:
    """What the worker of that name, which is gone, has printed while it ran the task.

    Its file is removed. Nothing, if that task isn't the last one that it ran.
    """
    path = _path(folder, f"pexen-{worker}")
    try:
        with open(path, "rb", buffering=0) as file, open(f"{path}.note", "rb") as note:
            begin, noted = _NOTE.unpack(note.read())
            if noted != number:
                return ""
            text = read(file.fileno(), begin, os.fstat(file.fileno()).st_size)
        os.unlink(path)
    except (OSError, struct.error):  # it had none, or something has been done to it
        return ""
    return text


def _path(folder: str, process: str) -> str:
    return os.path.join(folder, process.replace(os.sep, "_"))


def read(fd: int, begin: int, end: int) -> str:
    """The text of a file between two places, without its middle if it is long."""
    if end < begin:  # a program has truncated the file
        begin = 0
    if end - begin <= 2 * HALF:
        return _decoded(os.pread(fd, end - begin, begin))
    head, tail = os.pread(fd, HALF, begin), os.pread(fd, HALF, end - HALF)
    return cut(_decoded(head), end - begin - 2 * HALF, "bytes", _decoded(tail))


def cut(head: str, left_out: int, unit: str, tail: str) -> str:
    """What is kept of an output whose middle was left out."""
    return f"{head}\n[{left_out} {unit} left out]\n{tail}"


def _decoded(content: bytes) -> str:
    return content.decode("utf-8", errors="backslashreplace")


def _lead(name: str, number: int) -> None:
    """Have Python's stream write to the descriptor; each line at once, as it may be killed."""
    stream = getattr(sys, name)
    if _number_of(stream) != number:
        # Where the parent's stream was no terminal or file, but a notebook's, say.
        errors = "backslashreplace"
        setattr(sys, name, open(number, "w", buffering=1, errors=errors, closefd=False))
    elif hasattr(stream, "reconfigure"):
        stream.reconfigure(line_buffering=True)


def _number_of(stream: TextIO | None) -> int | None:
    try:
        return stream.fileno() if stream is not None else None
    except (OSError, ValueError, AttributeError):
        return None


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # it may be anything that a task has put there
            stream.flush()
