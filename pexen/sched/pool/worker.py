"""What a worker process does: take up a task, run it, write its result, again.

Channels, seen from here: submissions come in on `tasks`, tickets on `tickets`, results
go out on `results`. A submission may be taken back by the parent until its ticket is
read: the kernel gives each ticket to one reader only, this process or the parent. So the
worker reads a submission, then a ticket. Tickets come in the order of their submissions,
so submissions before the ticket's were taken back, and are dropped. STOP is a submission
with a ticket, too.

A result is written whole before the next ticket is read. Hence, when a worker has died:
of the submissions without a result, the one whose ticket is gone may have begun, and
those whose tickets are still there certainly have not.
"""

from __future__ import annotations

import os
import select
import struct
import sys
import threading
import time
from collections.abc import Callable

from ..call import run_task
from ..common import ExceptionInfo, TaskRes
from . import travel
from .channel import read_message, write_message
from .pipes import WorkerEnds, WorkerFds
from .settle import settle

TICKET = struct.Struct("<Q")

# The exit code of a worker without its pipes; unlikely to be a task's own.
EXIT_PIPES_GONE = 213

# How long to wait for the streams of a worker that ends.
_FLUSH_SECONDS = 0.5


def worker_main(
    ends: WorkerEnds, registry: travel.Registry, initializer: Callable[[], object] | None
) -> None:
    """The process."""
    try:
        pipes = Pipes(settle(ends))
        if initializer is not None and not _initialise(initializer, pipes):
            return
        ready = TaskRes(len)  # some task, as there has to be one; it doesn't travel
        pipes.write(travel.encode_result(travel.READY, ready))
        _work(pipes, registry)
        _flush()
    except OSError:
        # At once, as the numbers of our descriptors may be those of a task's files now. What
        # tasks have printed is still to be written.
        _flush_streams()
        os._exit(EXIT_PIPES_GONE)
    except BaseException:
        # Such as a KeyboardInterrupt between two tasks. The parent says what was lost; a
        # traceback on the terminal would say nothing more.
        os._exit(1)


def _flush() -> None:
    """Have what was printed written, unless that can't be; then end at once.

    A thread of the parent may have held the lock of a stream when this process was forked.
    multiprocessing would wait for it when it flushes.
    """
    flushed: list[bool] = []
    flushing = threading.Thread(target=lambda: flushed.append(_flush_streams()), daemon=True)
    flushing.start()
    flushing.join(_FLUSH_SECONDS)
    if flushed != [True]:
        os._exit(0)


def _flush_streams() -> bool:
    """Returns whether no stream is locked by a thread that isn't there."""
    free = True
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except RuntimeError:
            free = False  # a thread of this process happens to have the other's number
        except Exception:
            pass  # it is closed, or broken, or None
    return free


class Pipes:
    """The worker's pipes, unless a task has done something to them: then OSError."""

    def __init__(self, fds: WorkerFds) -> None:
        self._fds = fds
        self._stats = [os.fstat(fd) for fd in fds]

    def next_submission(self) -> bytes | None:
        """Take up a submission; None when there will be no more."""
        message = read_message(self._fds.tasks)
        ticket = _read_ticket(self._fds.tickets)
        if ticket is None or ticket == travel.STOP:
            return None
        if message is not None and travel.submission_seq(message) != ticket:
            self._check(*self._fds)
        while message is not None and travel.submission_seq(message) != ticket:
            message = read_message(self._fds.tasks)  # the one before was taken back
        return message

    def write(self, message: bytes) -> None:
        """Write a result; never to a file that has come in the pipe's place."""
        self._check(self._fds.results)
        write_message(self._fds.results, message)

    def _check(self, *fds: int) -> None:
        for fd, stat in zip(self._fds, self._stats, strict=True):
            if fd in fds and not os.path.samestat(os.fstat(fd), stat):
                raise OSError("a pipe was replaced")


def _initialise(initializer: Callable[[], object], pipes: Pipes) -> bool:
    try:
        initializer()
    except BaseException as exc:  # it is told, and ends the pool
        res = TaskRes.failed(initializer, {}, ExceptionInfo.of(exc))
        pipes.write(travel.encode_result(travel.READY, res))
        return False
    return True


def _work(pipes: Pipes, registry: travel.Registry) -> None:
    pid = os.getpid()
    while True:
        message = pipes.next_submission()
        if message is None:
            return
        result = _run(message, registry)
        if os.getpid() != pid:
            os._exit(0)  # a child that the task forked, and that came back out of it
        pipes.write(result)


def _run(message: bytes, registry: travel.Registry) -> bytes:
    seq = travel.submission_seq(message)
    try:
        index, definition, shared = travel.decode_submission(message)
        if definition is not None:
            registry.define(index, definition)
        task, kwargs = registry.get(index)
    except BaseException as exc:  # loading runs code of the task's; it is told as its failure
        return travel.encode_not_loaded(seq, exc)
    return travel.encode_result(seq, run_task(task, shared, kwargs, time.monotonic))


def _read_ticket(fd: int) -> int | None:
    # The descriptor doesn't block, as the parent reads it as well and must not.
    while True:
        try:
            data = os.read(fd, TICKET.size)
        except BlockingIOError:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            poll.poll()
            continue
        return TICKET.unpack(data)[0] if data else None
