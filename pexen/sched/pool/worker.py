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

import contextlib
import os
import select
import struct
import sys
import time
from collections.abc import Callable

from ..call import run_task
from ..common import ExceptionInfo, TaskRes
from . import travel
from .channel import read_message, write_message
from .pipes import WorkerEnds
from .settle import settle

TICKET = struct.Struct("<Q")

# The exit code of a worker without its pipes; unlikely to be a task's own.
EXIT_PIPES_GONE = 213


def worker_main(
    ends: WorkerEnds, registry: travel.Registry, initializer: Callable[[], object] | None
) -> None:
    """The process."""
    try:
        settle(ends.lifeline.fileno(), ends.stacks.fileno())
        results = Results(ends.results.fileno())
        if initializer is not None and not _initialise(initializer, results):
            return
        results.write(travel.encode_result(travel.READY, TaskRes(len)))
        _work(ends.tasks.fileno(), ends.tickets.fileno(), results, registry)
    except OSError:
        # At once, as the numbers of our descriptors may be those of a task's files now. What
        # tasks have printed is still to be written.
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):
                stream.flush()
        os._exit(EXIT_PIPES_GONE)
    except BaseException:
        # Such as a KeyboardInterrupt between two tasks. The parent says what was lost; a
        # traceback on the terminal would say nothing more.
        os._exit(1)


class Results:
    """Where results are written to."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pipe = os.fstat(fd)

    def write(self, message: bytes) -> None:
        """Write a message; OSError if the pipe isn't there any more.

        A task may have closed all descriptors, and then opened files, which would get the
        same numbers.
        """
        if not os.path.samestat(os.fstat(self._fd), self._pipe):
            raise OSError("the pipe for results was replaced")
        write_message(self._fd, message)


def _initialise(initializer: Callable[[], object], results: Results) -> bool:
    try:
        initializer()
    except BaseException as exc:
        res = TaskRes.failed(initializer, {}, ExceptionInfo.of(exc))
        results.write(travel.encode_result(travel.READY, res))
        return False
    return True


def _work(tasks: int, tickets: int, results: Results, registry: travel.Registry) -> None:
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
        results.write(result)


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
