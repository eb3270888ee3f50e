"""Large buffers on their way through a pipe: each is copied into it, out of it, and never else.

A pickle has the content of every bytes, bytearray and array in it. On the sending side a
`Collector` takes large contents out, and they are written to the pipe from where they are. On
the other side each lands in the very object that it is to become, as it comes. Loading the
pickle then puts the objects in their places (NEXT_BUFFER, of PEP 574).
"""

from __future__ import annotations

import io
import os
import pickle
import struct
from collections.abc import Sequence

# What is to be sent: the readonly ones become bytes, the others a bytearray.
Buffers = Sequence[memoryview]

# What has come; None where there was no memory for it.
Landed = Sequence[bytes | bytearray | None]

# From this size on the pickler hands a content over by itself.
LARGE = 1 << 16

_LENGTH_8 = struct.Struct("<Q")
_FRAME_SIZE = 1 + _LENGTH_8.size
_CHUNK = 1 << 16


class Collector:
    """Takes what a pickler writes, the large contents apart from the rest."""

    def __init__(self) -> None:
        self.buffers: list[memoryview] = []
        self._parts: list[bytes] = []

    @property
    def content(self) -> bytes:
        """The pickle without what is in `buffers`."""
        return b"".join(self._parts)

    def write(self, data: bytes | bytearray | memoryview | pickle.PickleBuffer) -> None:
        """For the pickler. A large content comes as it is, just after the opcode for it."""
        view = data.raw() if isinstance(data, pickle.PickleBuffer) else memoryview(data)
        if len(view) >= LARGE and not _is_frame(view) and self._parts:
            for opcode in _opcodes(view):
                if self._parts[-1].endswith(opcode):
                    self._parts[-1] = self._parts[-1][: -len(opcode)] + pickle.NEXT_BUFFER
                    self.buffers.append(view)
                    return
        self._parts.append(bytes(view))


def copies(buffers: Buffers) -> list[bytes | bytearray]:
    """What would land on the other side; nobody else has what may change of it."""
    return [_copy(view) for view in buffers]


def _copy(view: memoryview) -> bytes | bytearray:
    if not view.readonly:
        return bytearray(view)
    whole = view.obj
    # A view may be of a part, but not if it is as long.
    return whole if type(whole) is bytes and len(whole) == len(view) else bytes(view)


def _opcodes(view: memoryview) -> list[bytes]:
    """How a pickle announces such a content."""
    if not view.readonly:
        return [pickle.BYTEARRAY8 + _LENGTH_8.pack(len(view))]
    opcodes = [pickle.BINBYTES8 + _LENGTH_8.pack(len(view))]
    if len(view) < 1 << 32:
        opcodes.append(pickle.BINBYTES + struct.pack("<I", len(view)))
    return opcodes


def _is_frame(view: memoryview) -> bool:
    """Whether it may be a frame of the pickle, with what follows it up to the next content."""
    length: int = _LENGTH_8.unpack_from(view, 1)[0]
    rest = len(view) - _FRAME_SIZE - length
    return view[0] == pickle.FRAME[0] and 0 <= rest <= 2 * _FRAME_SIZE


class Landing:
    """A buffer that comes in, piece by piece."""

    def __init__(self, size: int, readonly: bool) -> None:
        self.missing = size
        self._size = size
        self._lacks_memory = False  # so what comes is dropped
        self._array: bytearray | None = None if readonly else bytearray()
        self._file = io.BytesIO()
        if readonly:
            try:
                # Bytes can't be changed. But a BytesIO takes over those it is made of, if nobody
                # else has them, can be written to, and gives them away when it is done.
                self._file = io.BytesIO(bytes(size))
            except MemoryError:
                self._lacks_memory = True

    def put(self, piece: bytes | memoryview) -> None:
        """The next piece, which isn't more than is missing."""
        try:
            if self._lacks_memory:
                pass
            elif self._array is not None:
                self._array += piece
            else:
                self._file.write(piece)
        except MemoryError:
            self._lacks_memory = True
            self._array = None
        self.missing -= len(piece)

    def read(self, fd: int) -> int:
        """Read a piece from a pipe; returns its length, 0 at the end. OSError as os.read."""
        if self._lacks_memory or self._array is not None:
            piece = os.read(fd, min(_CHUNK, self.missing))
            self.put(piece)
            return len(piece)
        with self._file.getbuffer() as view:
            count = os.readv(fd, [view[self._size - self.missing :]])
        self.missing -= count
        return count

    def landed(self) -> bytes | bytearray | None:
        """What has come; None if there was no memory for it."""
        if self._lacks_memory:
            return None
        return self._file.getvalue() if self._array is None else self._array
