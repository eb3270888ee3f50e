"""How tasks and results cross between processes.

Nothing here trusts what it carries: what can't be pickled, or can't be unpickled, is the
failure of the one task it belongs to.
"""

from __future__ import annotations

import io
import pickle
import struct
import time
from multiprocessing.reduction import ForkingPickler
from typing import Any, NamedTuple

from ..common import ExceptionInfo, Outcome, PoolError, Shared, Task, TaskRes, task_name
from ..meta import kwargs_of
from .exceptions import decode_exception, describe, encode_exception, message

_OUTCOMES = list(Outcome)

# seq, outcome, deps_ok, locks_ok, started, duration, sent, length of the pickled exception.
_RESULT = struct.Struct("<QB??dddQ")
_SEQ = struct.Struct("<Q")

# Numbers of messages that belong to no submitted task, which are numbered from 1.
STOP = 2**64 - 1  # to the worker: end; after all others, also by its number
READY = 0  # from the worker: initialised, or (outcome failed) why not

# How protocol 5 names what isn't a builtin: by its name, or by a number (of copyreg).
_NAMES_GLOBALS = (pickle.STACK_GLOBAL, pickle.EXT1, pickle.EXT2, pickle.EXT4)

_NOT_LOADED = 0xFF  # in place of an outcome: the worker could not load the task


# -- tasks, from the parent to a worker ---------------------------------------------------


class Registry:
    """The tasks a worker process is started with, by index.

    A forked worker inherits the object as it is. For a spawned one each task is
    pickled by itself, and unpickled when it is first run, so that one that can't be loaded
    harms no other. What only a starting process can be given (a multiprocessing.Queue
    in kwargs, …) is kept apart, once for all tasks that have it.
    """

    def __init__(self, tasks: list[Task]) -> None:
        self._listed = tasks
        self._loaded: dict[int, tuple[Task, dict[str, Any]]] = {}
        self._pickled: dict[int, bytes] = {}
        self._inherited: list[object] = []

    def __getstate__(self) -> tuple[dict[int, bytes], list[object]]:
        inherited: dict[int, object] = {}
        pickled = {n: _pickle_task(task, inherited) for n, task in enumerate(self._listed)}
        return pickled, list(inherited.values())

    def __setstate__(self, state: tuple[dict[int, bytes], list[object]]) -> None:
        self._listed, self._loaded = [], {}
        self._pickled, self._inherited = state

    def define(self, index: int, pickled: bytes) -> None:
        """Learn of a task that came about after the worker was started."""
        self._pickled[index] = pickled

    def get(self, index: int) -> tuple[Task, dict[str, Any]]:
        """The task and its kwargs; raises whatever unpickling it raises."""
        if index not in self._loaded:
            if index in self._pickled:
                file = io.BytesIO(self._pickled.pop(index))
                self._loaded[index] = _TaskUnpickler(file, self._inherited).load()
            else:
                task = self._listed[index]
                self._loaded[index] = task, kwargs_of(task)
        return self._loaded[index]


class _TaskPickler(ForkingPickler):
    """Leaves out the objects of multiprocessing, which `inherited` collects by identity."""

    def __init__(self, file: io.BytesIO, inherited: dict[int, object]) -> None:
        super().__init__(file, 5)
        self._inherited = inherited

    def persistent_id(self, obj: object) -> int | None:
        if not type(obj).__module__.startswith("multiprocessing."):
            return None
        self._inherited.setdefault(id(obj), obj)
        return list(self._inherited).index(id(obj))


class _TaskUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, inherited: list[object]) -> None:
        super().__init__(file)
        self._inherited = inherited

    def persistent_load(self, pid: int) -> object:
        return self._inherited[pid]


def _pickle_task(task: Task, inherited: dict[int, object]) -> bytes:
    file = io.BytesIO()
    try:
        _TaskPickler(file, inherited).dump((task, kwargs_of(task)))
    except KeyboardInterrupt:
        raise  # the user's
    except BaseException as exc:
        raise PoolError(
            f"task {task_name(task)!r} can't be sent to a worker process: {message(exc)}; "
            "define it at the top level of a module, or use start_method='fork'"
        ) from exc
    return file.getvalue()


def pickled_task(task: Task) -> bytes:
    """A task with its kwargs, for a worker that is running; PoolError if it can't be."""
    inherited: dict[int, object] = {}
    pickled = _pickle_task(task, inherited)
    if inherited:
        kinds = ", ".join(sorted({type(obj).__qualname__ for obj in inherited.values()}))
        raise PoolError(
            f"task {task_name(task)!r} can't be sent to a worker process that is running, "
            f"as its kwargs have a {kinds}; give it to the scheduler before the run"
        )
    return pickled


def encode_submission(
    seq: int, index: int, definition: bytes | None, shared: Shared
) -> bytes:
    """A submitted task; raises AttributeError if its shared dict can't be pickled."""
    try:
        return _SEQ.pack(seq) + pickle.dumps((index, definition, shared), 5)
    except KeyboardInterrupt:
        raise  # the user's
    except BaseException as exc:
        raise AttributeError(f"Can't pickle the task's shared state: {message(exc)}") from exc


def stop_message() -> bytes:
    """What tells a worker to end."""
    return _SEQ.pack(STOP)


def submission_seq(message: bytes) -> int:
    """The number of a submitted task, or STOP."""
    seq: int = _SEQ.unpack_from(message)[0]
    return seq


def decode_submission(message: bytes) -> tuple[int, bytes | None, Shared]:
    """(index, definition, shared dict); raises whatever unpickling raises."""
    content: tuple[int, bytes | None, Shared] = pickle.loads(memoryview(message)[_SEQ.size :])
    return content


# -- results, from a worker to the parent ---------------------------------------------------


class Report(NamedTuple):
    """A worker's message: about the task `seq`, or READY."""

    seq: int
    outcome: Outcome | None  # None: the task could not be loaded, and has not begun
    deps_ok: bool
    locks_ok: bool
    started: float
    duration: float
    sent: float  # when the message was complete, on the worker's clock
    exception: bytes  # pickled, empty if there is none
    content: bytes  # pickled (ret, shared), empty for (None, {})


def encode_result(seq: int, res: TaskRes) -> bytes:
    """A result as a message; one that can't be pickled becomes the task's failure."""
    content = b""
    info = res.excinfo
    outcome, deps_ok, locks_ok = res.outcome, res.deps_ok, res.locks_ok
    if res.ret is not None or res.shared:
        try:
            content = pickle.dumps((res.ret, res.shared), 5)
            if any(opcode in content for opcode in _NAMES_GLOBALS):
                # It needs more than builtins to be loaded, so whatever loading it does is
                # done here first, where it is this task's loss.
                pickle.loads(content)
        except BaseException as exc:  # pickling runs code of the task's
            content = b""
            if info is None:
                info = ExceptionInfo.of(_unpicklable(res, exc))
                outcome, deps_ok, locks_ok = Outcome.FAILED, False, False
    exception = b"" if info is None else encode_exception(info)
    number = _OUTCOMES.index(outcome)
    times = res.started or 0, res.duration or 0, time.monotonic()
    head = _RESULT.pack(seq, number, deps_ok, locks_ok, *times, len(exception))
    return head + exception + content


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
    return _RESULT.pack(seq, _NOT_LOADED, False, False, *times, len(exception)) + exception


def decode_report(message: bytes) -> Report:
    """Take a worker's message apart, without unpickling anything."""
    seq, number, deps_ok, locks_ok, started, duration, sent, size = _RESULT.unpack_from(message)
    outcome = None if number == _NOT_LOADED else _OUTCOMES[number]
    middle = _RESULT.size + size
    exception, content = message[_RESULT.size : middle], message[middle:]
    times = started, duration, sent
    return Report(seq, outcome, deps_ok, locks_ok, *times, exception, content)


def decode_result(report: Report, task: Task, worker: str) -> TaskRes:
    """The result a report is about. What unpickling raises is the task's failure."""
    info = decode_exception(report.exception)
    try:
        ret, shared = pickle.loads(report.content) if report.content else (None, {})
    except BaseException as exc:
        exc.__traceback__ = None  # it would keep this frame, and with it the message
        res = TaskRes.failed(task, {}, info or ExceptionInfo.of(exc), worker)
    else:
        res = TaskRes(task, shared, ret, info)
        assert report.outcome is not None
        res.outcome, res.deps_ok, res.locks_ok = report.outcome, report.deps_ok, report.locks_ok
    res.started, res.duration, res.worker = report.started, report.duration, worker
    return res
