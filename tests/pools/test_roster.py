"""The tasks that a process pool knows, and how it finds those that are submitted."""

from __future__ import annotations

import random
import threading

import pool_tasks as tasks
import pytest

from pexen.sched.common import PoolError, Task, identity
from pexen.sched.pool.roster import Roster
from pexen.sched.pool.row import Submission, submission_alone

TASKS: list[Task] = [tasks.noop, [].clear, threading.Event().set, threading.Event().set]
TASKS += [lambda n=n: n for n in range(20)]


def submitted(task: Task, place: int) -> Submission:
    return *submission_alone(task, {})[:4], place


@pytest.mark.parametrize("seed", range(40))
def test_a_task_is_found_whatever_place_is_said_of_it(seed: int) -> None:
    rng = random.Random(seed)
    known = rng.choices(TASKS, k=rng.randrange(1, 12))
    late = rng.choices(TASKS, k=rng.randrange(4))
    roster = Roster(forks=True)
    roster.register(known)
    if seed % 3 == 0:
        roster.register(rng.choices(TASKS, k=3))
    roster.start()
    roster.admit(late)
    everything = roster.registry()
    batch = [
        submitted(task, rng.choice([place, place, place, -1, rng.randrange(-3, 30)]))
        for place, task in enumerate(known)
    ]
    batch += [submitted(task, rng.randrange(-1, 30)) for task in late]
    rng.shuffle(batch)
    for part in (batch, batch[:1], [s for s in batch if s[0] in known]):
        assert roster.knows_all(part)
        found = [everything.listed[index] for index in roster.indexes(part)]
        assert [*map(identity, found)] == [identity(s[0]) for s in part]


@pytest.mark.parametrize("place", [-1, 0, 1, 5])
def test_a_task_that_is_not_known_is_refused_whatever_place_is_said_of_it(place: int) -> None:
    roster = Roster(forks=True)
    roster.register(TASKS[:2])
    stranger = submitted(len, place)
    assert not roster.knows_all([stranger])
    assert not roster.knows_all([submitted(TASKS[0], 0), stranger])
    with pytest.raises(PoolError, match="unregistered task <built-in function len>"):
        roster.index(stranger)
