"""What is handed to a foreign executor for a task, and what comes back.

An executor that works in this process hands both over as they are. One that reaches other
processes pickles them, in its own way and in whatever thread, and many break for good if
that raises, or if loading does. So a parcel and a reply see to it themselves: pickled, each
is nothing but builtins, and what is in it is only loaded by code that expects it to fail.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from multiprocessing.reduction import ForkingPickler
from typing import Any

from ..call import run_task
from ..common import ExceptionInfo, PoolError, Shared, Task, TaskRes, task_name
from ..meta import kwargs_of
from .exceptions import describe
from .report import (
    decode_report,
    decode_result,
    encode_not_loaded,
    encode_whole,
    reported_exception,
)

_NOT_LOADED = (
    "the task could not be loaded by the executor's worker {worker}; it has to stand at the "
    "top level of a module that the worker can import"
)

# The name of a worker that has not told its own.
WORKER = "executor"

# What a worker sends back: its name, and a message of `travel`.
Sealed = tuple[str, bytes]


class Parcel:
    """A task and its shared dict, on the way to a worker.

    `since`, `worker` and `thread` tell who is at it, if that is in this process; `unsent`
    why it couldn't be pickled.
    """

    def __init__(self, task: Task, shared: Shared) -> None:
        self.task = task
        self.shared = shared
        self.since: float | None = None
        self.worker = ""
        self.thread = 0
        self.unsent: Exception | None = None

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        return bytes, (self._sealed(),)

    def __dask_tokenize__(self) -> str:
        # Dask takes what has equal arguments for one task, to be run once. No two are.
        return f"{os.getpid()}-{os.urandom(16).hex()}"

    def _sealed(self) -> bytes:
        """What travels; empty if the task or its dict can't, which `unsent` then explains."""
        try:
            # ForkingPickler, as others copy the number of a descriptor and not what it is.
            sealed = bytes(ForkingPickler.dumps((self.task, kwargs_of(self.task)), 5))
        except BaseException as exc:
            self.unsent = PoolError(
                f"task {task_name(self.task)!r} can't be sent to a worker of the executor: "
                f"{describe(exc)}; define it at the top level of a module"
            )
            self.unsent.__cause__ = exc
            return b""
        try:
            return pickle.dumps((sealed, pickle.dumps(self.shared, 5)), 5)
        except BaseException as exc:
            self.unsent = AttributeError(
                f"Can't pickle the task's shared state: {describe(exc)}"
            )
            self.unsent.__cause__ = exc
            return b""


class Reply:
    """A task's result, on the way back."""

    def __init__(self, worker: str, res: TaskRes) -> None:
        self.worker = worker
        self.res = res

    def __reduce__(self) -> tuple[type[tuple[Any, ...]], tuple[Sealed]]:
        return tuple, ((self.worker, encode_whole(0, self.res)),)


def run_parcel(parcel: Parcel | bytes) -> Reply | Sealed:
    """Run the task of a parcel, in whatever worker; raises nothing."""
    worker, pid = _worker_name(), os.getpid()
    reply: Reply | Sealed
    if isinstance(parcel, bytes):
        reply = worker, _run_sealed(parcel, worker)
    else:
        parcel.worker, parcel.thread = worker, threading.get_ident()
        parcel.since = time.monotonic()
        res = run_task(parcel.task, parcel.shared, kwargs_of(parcel.task), time.monotonic)
        parcel.thread = 0
        reply = Reply(worker, res)
    if os.getpid() != pid:
        os._exit(0)  # a child that the task forked, and that came back out of it
    return reply


def _run_sealed(sealed: bytes, worker: str) -> bytes:
    if not sealed:
        return b""
    try:
        pickled_task, pickled_shared = pickle.loads(sealed)
        task, kwargs = pickle.loads(pickled_task)
        shared = pickle.loads(pickled_shared)
    except BaseException as exc:
        with contextlib.suppress(Exception):  # whatever this exception is like
            exc.add_note(_NOT_LOADED.format(worker=worker))
        return encode_not_loaded(0, exc)
    return encode_whole(0, run_task(task, shared, kwargs, time.monotonic))


def _worker_name() -> str:
    """Short, and different for each thread of each process of each machine."""
    name = f"executor-{os.uname().nodename.partition('.')[0]}-{os.getpid()}"
    thread = threading.current_thread()
    return name if thread is threading.main_thread() else f"{name}/{thread.name}"


def open_reply(reply: Any, parcel: Parcel, arrival: float) -> TaskRes | None:
    """The result that came back for a parcel at the time `arrival`; None if it isn't one.

    When a task began elsewhere is told by its duration: clocks of machines can't be compared.
    """
    if parcel.unsent is not None:
        info: ExceptionInfo | None = ExceptionInfo.of(parcel.unsent)
        return TaskRes.failed(parcel.task, parcel.shared, info, WORKER)
    if isinstance(reply, Reply):
        reply.res.worker = reply.worker
        return reply.res
    try:
        worker, message = reply
        report = decode_report(message)
        if not report.is_loaded:
            info = reported_exception(report, message)
            return TaskRes.failed(parcel.task, parcel.shared, info, str(worker))
        res = decode_result(report, message, parcel.task, str(worker))
    except Exception:  # the executor has returned something else
        return None
    res.started = arrival - report.duration
    return res
