"""Messages over a pipe: each is its length and then its bytes.

The parent's ends never block: what doesn't fit waits in an `Outbox`, what has come so
far in an `Inbox`. A message torn by the writer's death stays in the inbox and is
dropped with it. The worker's ends block, as it has nothing else to do.
"""

from __future__ import annotations

import os
import struct
from collections import deque

_LENGTH = struct.Struct("<Q")
PIPE_SIZE = 1 << 16  # what a pipe usually holds
_CHUNK = PIPE_SIZE
_LARGE = 1 << 16  # messages above this aren't copied together with their length


class Outbox:
    """What is still to be written to a non-blocking descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._parts: deque[memoryview] = deque()

    def put(self, payload: bytes) -> None:
        head = _LENGTH.pack(len(payload))
        if len(payload) < _LARGE:
            self._parts.append(memoryview(head + payload))
        else:
            self._parts.extend((memoryview(head), memoryview(payload)))

    def flush(self) -> bool:
        """Write what fits; returns whether everything is written. OSError if nobody reads."""
        while self._parts:
            part = self._parts[0]
            try:
                written = os.write(self._fd, part)
            except BlockingIOError:
                return False
            if written == len(part):
                self._parts.popleft()
            else:
                self._parts[0] = part[written:]
        return True


class Inbox:
    """What has been read from a non-blocking descriptor and isn't a whole message yet."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray()
        self.closed = False  # the writer has closed its end, or is gone

    @property
    def partial(self) -> bool:
        """Whether part of a message has come."""
        return bool(self._buffer)

    def fetch(self) -> list[bytes]:
        """The messages that have come in whole; reads until nothing is there."""
        while True:
            try:
                chunk = os.read(self._fd, _CHUNK)
            except BlockingIOError:
                break
            self._buffer += chunk
            self.closed = not chunk
            if len(chunk) < _CHUNK:
                break  # most likely nothing more; if there is, the selector says so
        messages = []
        start = 0
        while len(self._buffer) - start >= _LENGTH.size:
            begin = start + _LENGTH.size
            end = begin + _LENGTH.unpack_from(self._buffer, start)[0]
            if len(self._buffer) < end:
                break
            messages.append(bytes(memoryview(self._buffer)[begin:end]))
            start = end
        del self._buffer[:start]
        return messages


def read_message(fd: int) -> bytes | None:
    """The next message of a blocking descriptor, or None when the writer is gone."""
    head = _read_exactly(fd, _LENGTH.size)
    return None if head is None else _read_exactly(fd, _LENGTH.unpack(head)[0])


def _read_exactly(fd: int, size: int) -> bytes | None:
    data = os.read(fd, size)
    if len(data) == size:
        return data
    parts = bytearray(data)
    while data and len(parts) < size:
        data = os.read(fd, size - len(parts))
        parts += data
    return bytes(parts) if len(parts) == size else None


def write_message(fd: int, payload: bytes) -> None:
    """Write a message to a blocking descriptor; OSError when the reader is gone."""
    view = memoryview(_LENGTH.pack(len(payload)) + payload)
    while view:
        view = view[os.write(fd, view) :]
