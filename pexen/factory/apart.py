"""Calling a function in a child process, so that what it imports leaves no trace here."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import sys
import threading
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

# What the child writes first: the length of the pickle that follows. The end of the
# pipe says nothing, since whatever the function started may hold it open.
_LENGTH = struct.Struct("=q")
_CANT = -1  # in place of a length: it raised, or returned what can't be pickled


def call_apart(func: Callable[[], T]) -> T:
    """Return what `func` returns in a fork of this process.

    It is called right here instead where that isn't possible: on a platform without fork,
    beside other threads (which a fork may find holding a lock), or if it raises or returns
    what can't be pickled. ChildProcessError if it ended the child.
    """
    if not hasattr(os, "fork") or threading.active_count() > 1:
        return func()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()  # or what waits there would be written twice
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(func, writer)
    os.close(writer)
    gone = False
    try:
        with open(reader, "rb") as pipe:
            header = pipe.read(_LENGTH.size)
            gone = not header
            length = 0 if gone else _LENGTH.unpack(header)[0]
            answer: bytes = pipe.read(length) if length > 0 else b""
    finally:
        status = _end(child, gone)
    if length == _CANT:
        return func()
    if not answer:
        raise ChildProcessError(f"the process that looked for tests ended with {status}")
    result: T = pickle.loads(answer)
    return result


def _answer(func: Callable[[], Any], writer: int) -> NoReturn:
    # os._exit whatever happens: the child must not return into the caller's code.
    try:
        try:
            answer = pickle.dumps(func())
            header = _LENGTH.pack(len(answer))
        except Exception:
            header, answer = _LENGTH.pack(_CANT), b""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        with open(writer, "wb") as pipe:
            pipe.write(header + answer)
    finally:
        os._exit(0)


def _end(child: int, gone: bool) -> str:
    if not gone:  # it has no more to say, or nobody who listens
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)
    try:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    except ChildProcessError:  # SIGCHLD is ignored, so the system has reaped it
        return "a status that nobody knows"
    return f"signal {-code}" if code < 0 else f"exit status {code}"
