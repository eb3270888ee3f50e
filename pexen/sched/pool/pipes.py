"""The pipes between the parent and one worker process.

==========  ========  ========  =====================================================
pipe        parent    worker    carries
==========  ========  ========  =====================================================
tasks       writes    reads     submissions, and the message to end
tickets     both      reads     a number for each submission, to take it up or back
results     reads     writes    a message for each task that has ended
stacks      reads     writes    what faulthandler says of a crash, or at a timeout
lifeline    writes    reads     nothing; it breaks when the parent ends
==========  ========  ========  =====================================================

The parent's ends don't block, and are closed in all other processes that it forks.
"""

from __future__ import annotations

import contextlib
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


class WorkerFds(NamedTuple):
    """The same as descriptors, in the worker."""

    tasks: int
    tickets: int
    results: int
    stacks: int
    lifeline: int


class ParentEnds(NamedTuple):
    """The parent's ends, as descriptors."""

    tasks: int
    tickets_r: int
    tickets_w: int
    results: int
    stacks: int
    lifeline: int


NO_ENDS = ParentEnds(-1, -1, -1, -1, -1, -1)


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
        workers_tickets = os.dup(tickets_r)
        undo.pop_all()
        ours = ParentEnds(tasks_w, tickets_r, tickets_w, results_r, stacks_r, lifeline_w)
        descriptors.keep((*ours, tasks_r, workers_tickets, results_w, stacks_w, lifeline_r))
    # A worker in trouble mustn't wait for the parent to read about it.
    for fd in (*ours, stacks_w):
        os.set_blocking(fd, False)
    theirs = WorkerEnds(
        Connection(tasks_r, writable=False),
        Connection(workers_tickets, writable=False),
        Connection(results_w, readable=False),
        Connection(stacks_w, readable=False),
        Connection(lifeline_r, writable=False),
    )
    return ours, theirs


def close_ends(ends: WorkerEnds) -> None:
    """Close the worker's ends, in the parent."""
    with descriptors.no_fork():
        descriptors.forget(connection.fileno() for connection in ends)
        for connection in ends:
            connection.close()
