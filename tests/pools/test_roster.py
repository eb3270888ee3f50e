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


def submitted(task: Task, index: int) -> Submission:
    return *submission_alone(task, {})[:4], index


@pytest.mark.parametrize("seed", range(40))
def test_a_task_is_found_whatever_index_it_comes_with(seed: int) -> None:
    rng = random.Random(seed)
    known = rng.choices(TASKS, k=rng.randrange(1, 12))
    late = rng.choices(TASKS, k=rng.randrange(4))
    roster = Roster(forks=True)
    roster.register(known)
    if seed % 3 == 0:
        roster.register(rng.choices(TASKS, k=3))
    roster.start()
    roster.admit(late)
    listed = roster.registry().listed
    batch = [
        submitted(task, rng.choice([index, index, index, -1, rng.randrange(-3, 30)]))
        for index, task in enumerate(known)
    ]
    batch += [submitted(task, rng.randrange(-1, 30)) for task in late]
    rng.shuffle(batch)
    for submission in batch:
        *same, index = roster.indexed(submission)
        assert same == [*submission[:4]] and identity(listed[index]) == identity(submission[0])
    assert roster.has_all([*map(roster.indexed, batch)]) and roster.has_all([])
    right = [s for s in batch if roster.indexed(s) is s]
    assert roster.has_all(right) and roster.has_all(batch) is (len(right) == len(batch))


def test_a_task_that_was_asked_for_before_it_is_registered_is_found_after_it() -> None:
    roster = Roster(forks=True)
    with pytest.raises(PoolError):
        roster.indexed(submitted(tasks.noop, -1))
    roster.register([tasks.noop])
    assert roster.indexed(submitted(tasks.noop, -1)) == submitted(tasks.noop, 0)


@pytest.mark.parametrize("index", [-1, 0, 1, 5])
def test_a_task_that_is_not_known_is_refused_whatever_index_it_comes_with(index: int) -> None:
    roster = Roster(forks=True)
    roster.register(TASKS[:2])
    stranger = submitted(len, index)
    assert not roster.has_all([stranger])
    assert not roster.has_all([submitted(TASKS[0], 0), stranger])
    with pytest.raises(PoolError, match="unregistered task <built-in function len>"):
        roster.indexed(stranger)
