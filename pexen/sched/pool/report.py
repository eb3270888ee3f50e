"""How the end of a task crosses from a worker process to the parent.

Nothing here trusts what it carries: what can't be pickled, or can't be unpickled, is the
failure of the one task it belongs to.

Most tasks return None and leave an empty dict, of which nothing but the head of a message
travels. Large buffers travel beside their message (`buffers`).
"""

from __future__ import annotations

import array
import io
import pickle
import struct
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from ..common import ExceptionInfo, Outcome, Shared, Task, TaskRes
from .buffers import Buffers, Collector, Landed, copies
from .exceptions import decode_exception, describe, encode_exception
from .results import plain_result

_OUTCOMES = list(Outcome)
_NUMBERS = {outcome: number for number, outcome in enumerate(_OUTCOMES)}

# seq, outcome, deps_ok, locks_ok, started, duration, sent, and the lengths of the pickled
# exception and of what is beside the result.
_HEAD = struct.Struct("<QB??dddQQ")

READY = 0  # the number of no task, which are numbered from 1: initialised, or (failed) why not

# In place of an outcome, where it is not about how a task ended, from SPECIAL on:
SPECIAL = _LEFT = 0xFD  # the worker is through with a row, of which it gives the first number
_RETURNED = 0xFE  # the worker has the task's ticket, but not yet the submission
_NOT_LOADED = 0xFF  # it could not load the task

_OK = Outcome.OK
_OK_NUMBER = _NUMBERS[_OK]
_PLAIN = _OK_NUMBER, True, True  # the outcome, deps_ok and locks_ok of most tasks

# The message of such a task, after its length: seq, started, duration, sent. And what is the same
# in each: places and values of bytes.
_SENT = struct.Struct("<8xQ3xddd16x")
_SAME = [*enumerate(struct.pack("<Q", _HEAD.size)), *enumerate((_OK_NUMBER, True, True), 16)]
PlainEnd = tuple[int, float, float, float]

_NO_BUFFERS: Buffers = ()

# What is small, as a rule, and loads anywhere.
_SIMPLE = frozenset({type(None), bool, int, float})


class Report(NamedTuple):
    """The head of a worker's message: about the task `seq`, or READY."""

    seq: int
    number: int  # of the outcome
    deps_ok: bool
    locks_ok: bool
    started: float
    duration: float
    sent: float  # when the message was complete, on the worker's clock
    size: int  # of the pickled exception, which follows, 0 if there is none
    extra_size: int  # of what is beside the result, which comes then; 0 if there is nothing

    @property
    def is_loaded(self) -> bool:
        """Whether the worker could load the task; else it has not begun."""
        return self.number != _NOT_LOADED

    @property
    def is_returned(self) -> bool:
        """Whether the worker gives a ticket back, as it still has to read what it is for."""
        return self.number == _RETURNED

    @property
    def is_left(self) -> bool:
        """Whether the worker has left the row that begins with this number."""
        return self.number == _LEFT

    @property
    def outcome(self) -> Outcome:
        """Of a task that was loaded."""
        return _OUTCOMES[self.number]


# What Report(…) comes to in the end.
make_report = tuple.__new__


class _Pickler(pickle.Pickler):
    """Notes whether something has to be imported to load the pickle."""

    imports = False

    def reducer_override(self, obj: object) -> Any:
        # Called for all that protocol 5 has no opcode for, and so names by a global.
        self.imports = True
        return NotImplemented


class _ApartPickler(_Pickler):
    """For a process of the same machine and Python, beside which large buffers travel."""

    def reducer_override(self, obj: object) -> Any:
        if type(obj) is array.array:
            # By itself it would be copied to be pickled.
            content = pickle.PickleBuffer(memoryview(obj).toreadonly())
            return _array_of, (obj.typecode, content)
        if obj is _array_of:
            return NotImplemented  # which loads everywhere
        return super().reducer_override(obj)


def _array_of(typecode: str, content: bytes) -> array.array[Any]:
    made = array.array(typecode)
    made.frombytes(content)
    return made


def is_plain(res: TaskRes) -> bool:
    """Whether a task is `ok` and left nothing, so that only when it ran is to be said."""
    nothing = res[2] is None and not res[1] and res[3] is None and res.extra is None
    return nothing and res.outcome is _OK


def encode_result(seq: int, res: TaskRes) -> tuple[bytes, Buffers]:
    """A result as a message; one that can't be pickled becomes the task's failure."""
    if is_plain(res):
        started, duration = res.started or 0, res.duration or 0
        head = _HEAD.pack(seq, _OK_NUMBER, True, True, started, duration, time.monotonic(), 0, 0)
        return head, ()  # as most are
    return _encoded(seq, res, _pickled)


def encode_returned(seq: int) -> bytes:
    """The worker has a ticket for what it hasn't read, and gives it back."""
    return _HEAD.pack(seq, _RETURNED, False, False, 0, 0, time.monotonic(), 0, 0)


def encode_left(first: int) -> bytes:
    """The worker is through with a row, and takes nothing more of it."""
    return _HEAD.pack(first, _LEFT, False, False, 0, 0, time.monotonic(), 0, 0)


def encode_whole(seq: int, res: TaskRes) -> bytes:
    """The same in one piece, for another machine maybe."""
    return _encoded(seq, res, _pickled_whole)[0]


_Pickling = Callable[[Any, Shared], tuple[bytes, Buffers]]


def _encoded(seq: int, res: TaskRes, pickled: _Pickling) -> tuple[bytes, Buffers]:
    content, buffers, exception, extra = b"", _NO_BUFFERS, b"", b""
    info = res.excinfo
    outcome, deps_ok, locks_ok = res.outcome, res.deps_ok, res.locks_ok
    if res.ret is not None or res.shared:
        try:
            content, buffers = pickled(res.ret, res.shared)
        except BaseException as exc:  # pickling runs code of the task's
            if info is None:
                info = ExceptionInfo.of(_unpicklable(res, exc))
                outcome, deps_ok, locks_ok = Outcome.FAILED, False, False
    if res.extra is not None:
        try:
            extra = pickle.dumps(res.extra, 5)
            pickle.loads(extra)
        except BaseException as exc:  # it may hold what the task has made
            extra = b""
            if info is None:
                info = ExceptionInfo.of(exc)
                outcome, deps_ok, locks_ok = Outcome.FAILED, False, False
    if info is not None:
        exception = encode_exception(info)
    head = _HEAD.pack(
        seq, _NUMBERS[outcome], deps_ok, locks_ok,
        res.started or 0, res.duration or 0, time.monotonic(), len(exception), len(extra),
    )  # fmt: skip
    return head + exception + extra + content, buffers


def _pickled(ret: Any, shared: Shared) -> tuple[bytes, Buffers]:
    """The pickle without its large buffers, and these."""
    if not shared and type(ret) in _SIMPLE:
        return pickle.dumps((ret, shared), 5), _NO_BUFFERS
    collector = Collector()
    pickler = _ApartPickler(collector, 5)
    pickler.dump((ret, shared))
    return _tried(collector.content, collector.buffers, pickler)


def _pickled_whole(ret: Any, shared: Shared) -> tuple[bytes, Buffers]:
    file = io.BytesIO()
    pickler = _Pickler(file, 5)
    pickler.dump((ret, shared))
    return _tried(file.getvalue(), _NO_BUFFERS, pickler)


def _tried(content: bytes, buffers: Buffers, pickler: _Pickler) -> tuple[bytes, Buffers]:
    """Load the pickle on trial, if that runs anything. Here what comes of it is the task's loss."""
    if pickler.imports:
        pickle.loads(content, buffers=copies(buffers))
    return content, buffers


def _unpicklable(res: TaskRes, exc: BaseException) -> AttributeError:
    what = "return value"
    try:
        pickle.loads(pickle.dumps(res.ret, 5))
        what = "shared state"
    except BaseException:
        pass  # it is the return value
    error = AttributeError(f"Can't pickle the task's {what}: {describe(exc)}")
    error.__cause__ = exc
    return error


def encode_not_loaded(seq: int, exc: BaseException) -> bytes:
    """The task could not be loaded in this worker, and has not begun."""
    exception = encode_exception(ExceptionInfo.of(exc))
    times = 0, 0, time.monotonic()
    return _HEAD.pack(seq, _NOT_LOADED, False, False, *times, len(exception), 0) + exception


def decode_report(message: bytes) -> Report:
    """What a worker's message is about."""
    return make_report(Report, _HEAD.unpack_from(message))


def plain_ends(data: bytes) -> list[PlainEnd] | None:
    """What messages say, each after its length, if all are of results without anything; else None."""
    count, odd = divmod(len(data), _SENT.size)
    for place, value in _SAME:
        if data[place :: _SENT.size].count(value) != count:
            return None
    if odd or _SENT.unpack_from(data)[0] == READY:
        return None
    return [*_SENT.iter_unpack(data)]


def reported_exception(report: Report, message: bytes) -> ExceptionInfo | None:
    """What has arrived of the exception in a message with this head."""
    return decode_exception(message[_HEAD.size : _HEAD.size + report.size])


def decode_result(
    report: Report, message: bytes, task: Task, worker: str, buffers: Landed = ()
) -> TaskRes:
    """The result a report is about. What unpickling raises is the task's failure."""
    if len(message) == _HEAD.size and report[1:4] == _PLAIN:
        return plain_result(task, report.started, report.duration, worker)  # as most are
    res = _decoded(report, message, task, worker, buffers)
    res.started, res.duration, res.worker = report.started, report.duration, worker
    return res


def _decoded(
    report: Report, message: bytes, task: Task, worker: str, buffers: Landed
) -> TaskRes:
    info = reported_exception(report, message) if report.size else None
    rest = memoryview(message)[_HEAD.size + report.size :]
    extra, content = rest[: report.extra_size], rest[report.extra_size :]
    ret: Any = None
    shared: Shared = {}
    try:
        if content:
            ret, shared = _loaded(content, buffers)
        res = TaskRes(task, shared, ret, info)
        res.outcome, res.deps_ok, res.locks_ok = report.outcome, report.deps_ok, report.locks_ok
    except BaseException as exc:
        BaseException.with_traceback(exc, None)  # it would keep this frame, and so the message
        res = TaskRes.failed(task, {}, info or ExceptionInfo.of(exc), worker)
    if extra:
        res.extra = pickle.loads(extra)
    return res


def _loaded(content: memoryview, buffers: Landed) -> tuple[Any, Shared]:
    if None in buffers:
        raise MemoryError("no memory is left for what came back")
    ret, shared = pickle.loads(content, buffers=buffers)
    return ret, shared
