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
import signal
import struct
import time
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any

from ..call import run_task
from ..common import ExceptionInfo, TaskRes
from . import travel
from .channel import read_message, write_message

TICKET = struct.Struct("<Q")


def worker_main(
    tasks: Connection[Any, Any],
    tickets: Connection[Any, Any],
    results: Connection[Any, Any],
    registry: travel.Registry,
    initializer: Callable[[], object] | None,
    inherited: Iterable[int],
) -> None:
    """The process. `inherited`: descriptors of the parent that a fork brought along."""
    try:
        for fd in inherited:
            os.close(fd)
        _settle_in()
        out = results.fileno()
        if initializer is not None and not _initialise(initializer, out):
            return
        write_message(out, travel.encode_result(travel.READY, TaskRes(len)))
        _work(tasks.fileno(), tickets.fileno(), out, registry)
    except OSError:
        pass  # the parent is gone
    except BaseException:
        # Such as a KeyboardInterrupt between two tasks. The parent says what was lost; a
        # traceback on the terminal would say nothing more.
        os._exit(1)


def _settle_in() -> None:
    """Become a process of our own. (multiprocessing has made stdin the null device.)"""
    if os.getpgid(0) != os.getpid():
        os.setpgid(0, 0)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _initialise(initializer: Callable[[], object], out: int) -> bool:
    try:
        initializer()
    except BaseException as exc:
        res = TaskRes.failed(initializer, {}, ExceptionInfo.of(exc))
        write_message(out, travel.encode_result(travel.READY, res))
        return False
    return True


def _work(tasks: int, tickets: int, out: int, registry: travel.Registry) -> None:
    pid = os.getpid()
    while True:
        message = read_message(tasks)
        ticket = _read_ticket(tickets)
        if ticket is None or ticket == travel.STOP:
            return
        while message is not None and travel.submission_seq(message) != ticket:
            message = read_message(tasks)
        if message is None:
            return
        result = _run(ticket, message, registry)
        if os.getpid() != pid:
            os._exit(0)  # a child that the task forked, and that came back out of it
        write_message(out, result)


def _run(seq: int, message: bytes, registry: travel.Registry) -> bytes:
    try:
        index, definition, shared = travel.decode_submission(message)
        if definition is not None:
            registry.define(index, definition)
        task, kwargs = registry.get(index)
    except BaseException as exc:
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
