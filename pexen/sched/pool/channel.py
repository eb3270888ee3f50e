"""Messages over a pipe: each is its length and then its bytes, and then its large buffers.

The parent's ends never block: what doesn't fit waits in an `Outbox`, what has come so
far in an `Inbox`. A message torn by the writer's death stays in the inbox and is
dropped with it. The worker waits, as it has nothing else to do; it reads by a `Reader`.

Small messages are many, so they are read and written in bulk: one call of the system
moves all that is there.

Why this file is large: what is written here is read here.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from .buffers import Buffers, Landed, Landing
from .spinning import Spin, let_others_go, usable_processors

T = TypeVar("T")

PIPE_SIZE = 1 << 16  # what a pipe usually holds
_CHUNK = PIPE_SIZE

# What one holds through which large buffers go. More is hardly faster, and what all pipes of a user
# hold is limited, to 64 MB often.
WIDE = 1 << 18
_SET_SIZE = getattr(fcntl, "F_SETPIPE_SZ", None)

# So many messages at a time are much, after which more come soon.
_MUCH = 8

# For how long to stay awake for these: the parent takes as long for the results of a row.
_AWAKE_SECONDS = 0.0005

# Fewer bytes aren't worth looking whether they are messages of one length.
_FEW = 64

# The length of a message. If its buffers follow it, the highest bit is set, and the message
# begins with how many there are, and of each how long it is and whether it is readonly.
_LENGTH = struct.Struct("<Q")
_HAS_BUFFERS = 1 << 63
_MOST = _HAS_BUFFERS - 1
_COUNT = struct.Struct("<I")
_BUFFER = struct.Struct("<Q?")


class Outbox:
    """What is still to be written to a non-blocking descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._small: list[bytes] = []  # the last messages, still to be joined into a part
        self._parts: deque[memoryview] = deque()

    def put(self, payload: bytes, buffers: Buffers = ()) -> None:
        """Add a message; nothing is written before `flush`.

        Buffers aren't copied, so they mustn't change from now on.
        """
        if not buffers:
            self._small.append(_LENGTH.pack(len(payload)) + payload)
            return
        _widen(self._fd)
        self._small.append(_framed(payload, buffers))
        self._join()
        self._parts.extend(buffers)

    def put_alike(self, payloads: Sequence[bytes]) -> None:
        """Add messages, one at least, that are of the same length."""
        length = _LENGTH.pack(len(payloads[0]))
        self._small.append(length + length.join(payloads))

    def _join(self) -> None:
        if self._small:
            self._parts.append(memoryview(b"".join(self._small)))
            self._small.clear()

    def flush(self) -> bool:
        """Write what fits; returns whether everything is written. OSError if nobody reads."""
        self._join()
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


# What has come: a payload, and the buffers that belong to it.
Message = tuple[bytes, Landed]


class _Cutter:
    """Cuts what is read into messages."""

    def __init__(self) -> None:
        self._rest = bytearray()  # the beginning of a message
        self._wanted = 0  # how long that has to become for more to be said
        self._landings: deque[Landing] = deque()  # the buffers that are still to come
        self._landed: list[bytes | bytearray | None] = []  # those that have come, before them
        self._payload = b""  # what they belong to

    @property
    def partial(self) -> bool:
        """Whether part of a message has come."""
        return bool(self._rest or self._landings)

    def read(self, fd: int) -> tuple[int, list[Message]]:
        """Read once; how many bytes, and the messages that are whole with them."""
        if self._landings:
            count = self._landings[0].read(fd)
            return count, self._land()
        chunk = os.read(fd, _CHUNK)
        return len(chunk), self.cut(chunk)

    def cut(self, chunk: bytes) -> list[Message]:
        data: bytes | bytearray = chunk
        if self._rest:
            self._rest += chunk
            if len(self._rest) < self._wanted:
                return []  # pieces of a long message aren't looked at one by one
            data, self._rest = self._rest, bytearray()
        if alike := _alike(data):
            return alike
        messages: list[Message] = []
        start, size = 0, len(data)
        self._wanted = _LENGTH.size
        while start + _LENGTH.size <= size:
            begin = start + _LENGTH.size
            length = _LENGTH.unpack_from(data, start)[0]
            end = begin + (length & _MOST)
            if end > size:
                self._wanted = end - start
                break
            payload = bytes(data[begin:end])
            start = end
            if length > _MOST:
                start += self._expect(payload, memoryview(data)[end:])
                messages += self._land()
            else:
                messages.append((payload, ()))
        if start < size:
            self._rest += memoryview(data)[start:]
        return messages

    def _expect(self, payload: bytes, follows: memoryview) -> int:
        """Let the buffers of a message land. Returns how much of what follows is of them."""
        count = _COUNT.unpack_from(payload)[0]
        start = _COUNT.size + count * _BUFFER.size
        self._payload = payload[start:]
        used = 0
        for size, readonly in _BUFFER.iter_unpack(payload[_COUNT.size : start]):
            landing = Landing(size, readonly)
            piece = follows[used : used + size]
            landing.put(piece)
            used += len(piece)
            self._landings.append(landing)
        return used

    def _land(self) -> list[Message]:
        """The message whose buffers come in, if all have."""
        while self._landings and not self._landings[0].missing:
            self._landed.append(self._landings.popleft().landed())
        if self._landings:
            return []
        landed, self._landed = self._landed, []
        return [(self._payload, landed)]


def _alike(data: bytes | bytearray) -> list[Message]:
    """The messages that are there, if all are whole, of one length and without buffers; else none.

    It takes a third of the time of cutting them off one by one.
    """
    if len(data) <= _FEW:
        return []
    length = _LENGTH.unpack_from(data)[0]
    step = _LENGTH.size + length
    count, rest = divmod(len(data), step)
    if rest or any(data[n::step].count(data[n]) != count for n in range(_LENGTH.size)):
        return []
    data = bytes(data)
    begins = range(_LENGTH.size, len(data) + 1, step)
    return [(data[n : n + length], ()) for n in begins]


class Inbox:
    """What has been read from a non-blocking descriptor and isn't a whole message yet."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._cutter = _Cutter()
        self._chunk = b""  # what was read and isn't cut yet
        self.closed = False  # the writer has closed its end, or is gone

    @property
    def partial(self) -> bool:
        """Whether part of a message has come."""
        return self._cutter.partial

    def fetch_as(self, read: Callable[[bytes], list[T] | None]) -> list[T]:
        """What `read` makes of all that has come in: messages, each after its length.

        If that is None, or the end of a message isn't there yet, they are left to `fetch`.
        """
        if self.closed or self.partial or self._chunk:
            return []
        try:
            chunk = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return []
        self.closed = not chunk
        found = read(chunk) if 0 < len(chunk) < _CHUNK else None
        if found is None:
            self._chunk = chunk
        return found or []

    def fetch(self) -> list[Message]:
        """The messages that have come in whole; reads until nothing is there."""
        messages: list[Message] = []
        while not self.closed:
            try:
                count, whole = self._read()
            except BlockingIOError:
                break
            self.closed = not count
            messages += whole
            if count < _CHUNK:
                break  # most likely nothing more; if there is, the selector says so
        return messages

    def _read(self) -> tuple[int, list[Message]]:
        chunk, self._chunk = self._chunk, b""
        return (len(chunk), self._cutter.cut(chunk)) if chunk else self._cutter.read(self._fd)


class Reader:
    """Messages from a descriptor that nobody else reads, and that won't block from now on.

    After `much` has come at a time, more does soon, while the writer is busy with what has become
    of the last. So who reads stays awake for it, and if nothing comes, sleeps for the `bell`: an
    eventfd that the writer rings after writing. After little, or without a bell, that is the
    descriptor itself.
    """

    def __init__(self, fd: int, bell: int | None = None) -> None:
        os.set_blocking(fd, False)
        self._fd = fd
        self._bell = bell
        self._cutter = _Cutter()
        self.messages: deque[Message] = deque()  # those that have come, for anyone to take
        self._written = select.poll()
        self._written.register(fd, select.POLLIN)
        self._rung = select.poll()
        self._rung.register(fd, 0)  # which only says when the writer is gone
        if bell is not None:
            self._rung.register(bell, select.POLLIN)
        self.much = False  # whether the last read gave much, also if that is a single message
        self._can_stay_awake = usable_processors() > 1
        self._spin = Spin()

    def wait(self) -> bool:
        """Wait until there are messages; False when the writer is gone."""
        while not self.messages:
            awake = self._can_stay_awake and self.much
            found = self._stay_awake() if awake else None
            found = found or self._spin.wait(self._look, None)
            if found is None or not found[0]:
                return False
            self.much = len(found[1]) >= _MUCH
            self.messages.extend(found[1])
        return True

    def _stay_awake(self) -> tuple[int, list[Message]] | None:
        """What one read gives, if something comes soon."""
        end = time.monotonic() + _AWAKE_SECONDS
        while time.monotonic() < end:
            if (found := self._look(0)) is not None:
                return found
            let_others_go()
        return None

    def _look(self, seconds: float | None) -> tuple[int, list[Message]] | None:
        """What one read gives; None if it would have to wait and has no time for that."""
        if seconds == 0:
            return self._cutter.read(self._fd) if self._written.poll(0) else None
        while True:
            with contextlib.suppress(BlockingIOError):
                return self._cutter.read(self._fd)
            self._sleep()

    def _sleep(self) -> None:
        """Sleep until something may be there."""
        if self._bell is None or not self.much:
            self._written.poll()
            return
        self._rung.poll()
        with contextlib.suppress(BlockingIOError):  # the writer is gone, and hasn't rung
            os.eventfd_read(self._bell)


def write_message(fd: int, payload: bytes, buffers: Buffers = ()) -> None:
    """Write a message to a blocking descriptor; OSError when the reader is gone."""
    whole = _framed(payload, buffers) if buffers else _LENGTH.pack(len(payload)) + payload
    written = os.write(fd, whole)
    if written < len(whole):
        _write_all(fd, memoryview(whole)[written:])
    if buffers:
        _widen(fd)
    for buffer in buffers:
        _write_all(fd, buffer)


def _widen(fd: int) -> None:
    """Let a pipe hold more, where that can be, so that its ends wait less for each other."""
    if _SET_SIZE is not None:
        with contextlib.suppress(OSError):  # the user has very many pipes
            fcntl.fcntl(fd, _SET_SIZE, WIDE)


def _write_all(fd: int, view: memoryview) -> None:
    while view:
        view = view[os.write(fd, view) :]


def _framed(payload: bytes, buffers: Buffers) -> bytes:
    """A message but for its buffers, of which it says how large they are."""
    table = b"".join(_BUFFER.pack(len(buffer), buffer.readonly) for buffer in buffers)
    length = _COUNT.size + len(table) + len(payload)
    head = _LENGTH.pack(length | _HAS_BUFFERS) + _COUNT.pack(len(buffers))
    return b"".join([head, table, payload])
