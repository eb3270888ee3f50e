"""The states of a task in a run, and what is true in each.

    WAITING ──> READY <──> PARKED
       │         │ ^ ^
       │         v │ └────────┐
       │       HANDED ──> DELAYED
       │         │           │
       └─────────┴───────────┴──────> ENDED   (from every state)

=======  ====================================================  =============================
state    what is true                                          left by (methods of Run)
=======  ====================================================  =============================
WAITING  the graph misses some of its needs                    _offer_ready, _end
READY    its entry is in the frontline                         hand_out, _ask, _end
PARKED   its entry is in a queue of the locks, or offered      _take_reoffered, _make_rows,
         by them and about to be in the frontline              _end
HANDED   the pool has it; it holds all that it asked for       receive, apply, _put_back
DELAYED  its last attempt failed, it holds nothing; its next   _wake_delayed, apply
         is due, or the last one's result is about to be
         yielded as the final one
ENDED    it has exactly one outcome, for good                  -
=======  ====================================================  =============================

Besides, the hot loop (`results`) moves tasks to READY, and ordinary ones (see `declared`) to ENDED.
What holds between two steps of a run:

R1  A task that is ENDED has an outcome. One that isn't has none, unless its final result
    is with the consumer.
R2  A WAITING task misses a need in the graph; no other does that isn't ENDED.
R3  All tasks that are with the pool, as many as are `due`, are HANDED. Others that are HANDED are
    about to be submitted, or their results have come and are still to be applied.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from .common import InternalError, task_name

if TYPE_CHECKING:
    from .run import Run


class State(Enum):
    """Where a task stands in a run; see the top of the module."""

    WAITING = "waiting for its requirements"
    READY = "ready"
    PARKED = "waiting for a lock"
    HANDED = "handed to the pool"
    DELAYED = "waiting for its next attempt"
    ENDED = "ended"


def check(run: Run) -> None:
    """Assert R1 to R3; InternalError names the broken one. For tests: it looks at every task."""
    handed = run.handed_nodes()
    _expect("R3", run.pool.due <= len(handed), f"{run.pool.due} are due, handed out are {handed}")
    for node, state in enumerate(run.state):
        task = run.graph.tasks[node]
        known = task in run.outcomes
        with_consumer = state in (State.HANDED, State.DELAYED)
        fine = known if state is State.ENDED else not known or with_consumer
        _expect("R1", fine, f"{task_name(task)} is {state.value}, outcome known: {known}")
        if state is not State.ENDED:
            waits = run.graph.missing[node] > 0
            fine = waits == (state is State.WAITING)
            _expect("R2", fine, f"{task_name(task)} is {state.value}, needs missing: {waits}")


def _expect(invariant: str, holds: bool, text: str) -> None:
    if not holds:
        raise InternalError(f"invariant {invariant} is broken: {text}")
