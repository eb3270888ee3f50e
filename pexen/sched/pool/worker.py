"""What a worker process does: take up a task, run it, write its result, again.

Channels, seen from here: submissions come in on `tasks`, tickets on `tickets`, results
go out on `results`. A submission may be taken back by the parent until its ticket is
read: the kernel gives each ticket to one reader only, this process or the parent. So the
worker reads a submission, then a ticket. Tickets come in the order of their submissions,
so submissions before the ticket's were taken back, and are dropped. STOP is a submission
with a ticket, too.

A ticket for a submission that still has to be read is returned to the parent, as the submission
may be long, and the worker be killed by reading it. The parent submits the task anew, so
the submission is dropped when it has been read.

A result is written whole before the next ticket is read. Hence, when a worker has died:
of the submissions without a result, the one whose ticket is gone may have begun, and
those whose tickets are still there certainly have not.

In a row, which has one ticket, the same goes for each task by itself: it is taken by a semaphore in
place of a ticket, and its result is noted before the next one is taken (`page`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ..call import callers, result_of_call, run_task
from ..common import ExceptionInfo, Task, TaskRes
from . import travel
from .buffers import Buffers
from .channel import Message, Reader, write_message
from .page import Page
from .pipes import WorkerEnds, WorkerFds
from .report import (
    READY,
    encode_left,
    encode_not_loaded,
    encode_result,
    encode_returned,
    is_plain,
)
from .settle import settle

TICKET = struct.Struct("<Q")
_STOP = TICKET.pack(travel.STOP)

callers.add(__file__)  # it calls bare tasks: stacks are shown from there on

# The exit code of a worker without its pipes; unlikely to be a task's own.
EXIT_PIPES_GONE = 213

_MARK = 40  # a signal's number, any but 0

# How long to wait for the streams of a worker that ends.
_FLUSH_SECONDS = 0.5


def worker_main(
    ends: WorkerEnds,
    registry: travel.Registry,
    initializer: Callable[[], object] | None,
    page: Page | None,
) -> None:
    """The process."""
    try:
        pipes = Pipes(settle(ends))
        if initializer is not None and not _initialise(initializer, pipes):
            return
        ready = TaskRes(len)  # some task, as there has to be one; it doesn't travel
        pipes.write(*encode_result(READY, ready))
        _work(pipes, registry, page)
        if not _flush():
            os._exit(0)  # multiprocessing would wait for the lock, for ever
    except OSError:
        # At once, as the numbers of our descriptors may be those of a task's files now. What
        # tasks have printed is still to be written.
        _flush()
        os._exit(EXIT_PIPES_GONE)
    except BaseException:
        # Such as a KeyboardInterrupt between two tasks. The parent says what was lost; a
        # traceback on the terminal would say nothing more.
        os._exit(1)


def _flush() -> bool:
    """Have what was printed written; returns whether no stream is locked by who isn't there.

    A thread may have held the lock of a stream when this process was forked, or hold it now, or
    nobody reads what is written. After a while the kernel ends the process then: a handler of ours
    would only be called when the wait is over.
    """
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
    signal.setitimer(signal.ITIMER_REAL, _FLUSH_SECONDS)
    free = _flush_streams()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return free


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


def _mark(fd: int) -> bool:
    """Mark the file behind a descriptor, which is asked for in a third of the time of an fstat.

    The mark is the number of a signal for news of the file, which nobody has asked for. No file
    has one by itself. Returns whether that could be done.
    """
    try:
        fcntl.fcntl(fd, fcntl.F_SETSIG, _MARK)
        return fcntl.fcntl(fd, fcntl.F_GETSIG) == _MARK
    except (AttributeError, OSError):  # another system
        return False


class Pipes:
    """The worker's pipes, unless a task has done something to them: then OSError."""

    def __init__(self, fds: WorkerFds) -> None:
        self._fds = fds
        self._submissions = Reader(fds.tasks, fds.bell)
        self._tickets = fds.tickets
        self._ticket_comes = select.poll()
        self._ticket_comes.register(fds.tickets, select.POLLIN)
        self._results = fds.results
        self._marked = _mark(fds.results)
        self._stats = {fd: os.fstat(fd) for fd in fds if fd is not None}

    def submissions(self) -> Iterator[Message]:
        """Each submission, as it is taken up, until there will be no more.

        Why this is long: each task goes through here that isn't in a row.
        """
        read, fd, size, reader = os.read, self._tickets, TICKET.size, self._submissions
        take = reader.messages.popleft
        while reader.messages or reader.wait():
            message = take()
            if len(message[0]) < size:
                break  # before a ticket is read, as what it is for would be taken to have begun
            try:
                ticket = read(fd, size)
            except BlockingIOError:
                ticket = self._wait_for_ticket()
            if not ticket or ticket == _STOP:
                return
            returned = False
            while message[0][:size] != ticket:  # the submission was taken back
                self._check()
                if not (reader.messages or returned):
                    self.write(encode_returned(*TICKET.unpack(ticket)))
                    returned = True
                if not reader.wait():
                    return
                message = take()
            if not returned:
                yield message  # else it comes anew
        self._check()  # the parent is gone

    def expect_more(self) -> None:
        """There was much to do, and more will come soon."""
        self._submissions.much = True

    def _wait_for_ticket(self) -> bytes:
        # The descriptor doesn't block, as the parent reads it as well and must not.
        while True:
            self._ticket_comes.poll()
            with contextlib.suppress(BlockingIOError):
                return os.read(self._tickets, TICKET.size)

    def write(self, message: bytes, buffers: Buffers = ()) -> None:
        """Write a result; never to a file that has come in the pipe's place."""
        self.check_results()
        write_message(self._results, message, buffers)

    def check_results(self) -> None:
        """OSError if a task has done something to the pipe for results."""
        if self._marked:
            ours = fcntl.fcntl(self._results, fcntl.F_GETSIG) == _MARK
        else:
            ours = os.path.samestat(os.fstat(self._results), self._stats[self._results])
        if not ours:
            raise OSError("a pipe was replaced")

    def _check(self) -> None:
        for fd, stat in self._stats.items():
            if not os.path.samestat(os.fstat(fd), stat):
                raise OSError("a pipe was replaced")


def _initialise(initializer: Callable[[], object], pipes: Pipes) -> bool:
    try:
        initializer()
    except BaseException as exc:  # it is told, and ends the pool
        res = TaskRes.failed(initializer, {}, ExceptionInfo.of(exc))
        pipes.write(*encode_result(READY, res))
        return False
    return True


def _work(pipes: Pipes, registry: travel.Registry, page: Page | None) -> None:
    pid = os.getpid()
    for payload, buffers in pipes.submissions():
        seq, index = travel.submission_numbers(payload)
        if index == travel.ROW:
            assert page is not None
            _run_row(payload, pipes, registry, page, pid)
            pipes.expect_more()
            continue
        result: tuple[bytes, Buffers]
        try:
            definition, shared = travel.submission_content(payload, buffers)
            if definition is not None:
                registry.define(index, definition)
            task, kwargs = registry.get(index)
        except BaseException as exc:  # loading runs code of the task's; it is told as its failure
            result = encode_not_loaded(seq, exc), ()
        else:
            result = encode_result(seq, run_task(task, shared, kwargs, time.monotonic))
        if os.getpid() != pid:
            os._exit(0)  # a child that the task forked, and that came back out of it
        pipes.write(*result)


def _run_row(
    payload: bytes, pipes: Pipes, registry: travel.Registry, page: Page, pid: int
) -> None:
    """Run the tasks of a row, as long as there are some that the parent hasn't taken back.

    Why this is long: each very short task goes through here.
    """
    first, _ = travel.submission_numbers(payload)
    half, bare, indexes = travel.row_content(payload)
    take, note, listed, get = page.rests[half].acquire, page.note, registry.listed, registry.get
    getpid, clock = os.getpid, time.monotonic
    started, duration = 0.0, 0.0
    for place, index in enumerate(indexes):
        if not take(False):
            break
        result: tuple[bytes, Buffers] | None = None
        if bare:  # what run_task() and is_plain() come to, in a fifth of their time
            task, ret, error = listed[index], None, None
            started = clock()
            try:
                ret = task()
            except BaseException as exc:
                error = exc
            ended = clock()
            duration = ended - started
            if ret is not None or error is not None:
                result = _encode_call(first + place, task, ret, error, started, ended)
        else:
            try:
                task, kwargs = get(index)
            except BaseException as exc:  # as above
                result = encode_not_loaded(first + place, exc), ()
            else:
                res = run_task(task, {}, kwargs, clock)
                started, duration = res.started or 0.0, res.duration or 0.0
                if not is_plain(res):
                    result = encode_result(first + place, res)
        if getpid() != pid:
            os._exit(0)
        pipes.check_results()  # else somebody else would be to blame
        if result is None:
            note(half, place, started, duration)
        else:
            page.note_apart(half, place)
            pipes.write(*result)
    pipes.write(encode_left(first))


def _encode_call(
    seq: int, task: Task, ret: Any, error: BaseException | None, started: float, ended: float
) -> tuple[bytes, Buffers] | None:
    """The result of a task that was called without anything; None for a plain one."""
    res = result_of_call(task, {}, ret, error, started, ended)
    return None if is_plain(res) else encode_result(seq, res)
