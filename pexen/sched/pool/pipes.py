"""The pipes between the parent and one worker process.

==========  ========  ========  =====================================================
pipe        parent    worker    carries
==========  ========  ========  =====================================================
tasks       writes    reads     submissions, and the message to end
tickets     both      reads     a number for each submission, to take it up or back
results     reads     writes    a message for each task that has ended
stacks      reads     writes    what faulthandler says of a crash, or at a timeout
lifeline    writes    reads     nothing; it breaks when the parent ends
bell        rings     sleeps    that something was written to tasks; no pipe
==========  ========  ========  =====================================================

The parent's ends don't block, and are closed in all other processes that it forks.

A worker that was handed much, and is through with it, sleeps until the bell is rung, and not for
its pipe of tasks. Who writes to a pipe is taken by Linux to wait for the answer next, so whoever
that wakes runs on the same processor, in its place. That is as it should be where one task follows
the other. But a parent that hands out much has more to do, and was kept from it for as long as the
worker took. An eventfd wakes without that. Where the system has none, the pipe has to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
from multiprocessing.connection import Connection
from typing import Any, NamedTuple

from . import descriptors


class WorkerEnds(NamedTuple):
    """The worker's ends, in a form that every start method can hand over."""

    tasks: Connection[Any, Any]
    tickets: Connection[Any, Any]
    results: Connection[Any, Any]
    stacks: Connection[Any, Any]
    lifeline: Connection[Any, Any]
    bell: Connection[Any, Any] | None


class WorkerFds(NamedTuple):
    """The same as descriptors, in the worker."""

    tasks: int
    tickets: int
    results: int
    stacks: int
    lifeline: int
    bell: int | None


class ParentEnds(NamedTuple):
    """The parent's ends, as descriptors."""

    tasks: int
    tickets_r: int
    tickets_w: int
    results: int
    stacks: int
    lifeline: int
    bell: int  # -1 where there is none


NO_ENDS = ParentEnds(-1, -1, -1, -1, -1, -1, -1)


def open_pipes() -> tuple[ParentEnds, WorkerEnds]:
    """Make the pipes; OSError if there are no descriptors for them."""
    with descriptors.no_fork(), contextlib.ExitStack() as undo:

        def pipe() -> tuple[int, int]:
            reader, writer = os.pipe()
            undo.callback(os.close, reader)
            undo.callback(os.close, writer)
            return reader, writer

        tasks_r, tasks_w = pipe()
        tickets_r, tickets_w = pipe()
        results_r, results_w = pipe()
        stacks_r, stacks_w = pipe()
        lifeline_r, lifeline_w = pipe()
        bell = _make_bell()
        workers_bell = -1
        if bell >= 0:
            undo.callback(os.close, bell)
            workers_bell = os.dup(bell)
            undo.callback(os.close, workers_bell)
        workers_tickets = os.dup(tickets_r)
        undo.pop_all()
        ours = ParentEnds(tasks_w, tickets_r, tickets_w, results_r, stacks_r, lifeline_w, bell)
        workers = tasks_r, workers_tickets, results_w, stacks_w, lifeline_r, workers_bell
        descriptors.keep(fd for fd in (*ours, *workers) if fd >= 0)
    # A worker in trouble mustn't wait for the parent to read about it.
    for fd in (*ours, stacks_w):
        if fd >= 0:
            os.set_blocking(fd, False)
    theirs = WorkerEnds(
        Connection(tasks_r, writable=False),
        Connection(workers_tickets, writable=False),
        Connection(results_w, readable=False),
        Connection(stacks_w, readable=False),
        Connection(lifeline_r, writable=False),
        Connection(workers_bell) if workers_bell >= 0 else None,
    )
    return ours, theirs


def _make_bell() -> int:
    """An eventfd, -1 where the system has or gives none; OSError if descriptors have run out."""
    if not hasattr(os, "eventfd"):
        return -1
    try:
        return os.eventfd(0)
    except OSError as exc:
        if exc.errno in (errno.ENOSYS, errno.EPERM):  # an emulated kernel, or a sandbox
            return -1
        raise


def close_ends(ends: WorkerEnds) -> None:
    """Close the worker's ends, in the parent."""
    with descriptors.no_fork():
        connections = [connection for connection in ends if connection is not None]
        descriptors.forget(connection.fileno() for connection in connections)
        for connection in connections:
            connection.close()
