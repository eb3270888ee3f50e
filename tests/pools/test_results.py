"""Results that come at once from worker processes; most are made when they are asked for."""

from __future__ import annotations

import gc
import random
from collections.abc import Sequence

import pool_tasks as tasks
import pytest
from test_contract import finish, started

from pexen.sched.common import TaskRes
from pexen.sched.pool.results import Came, add_plain, plain_result, results_of

MANY = 40


def times(count: int) -> list[tuple[float, float]]:
    return [(10.0 + place, 0.5 * place) for place in range(count)]


def came_plain(came: Came, seen: Sequence[tuple[float, float]], worker: str) -> list[TaskRes]:
    """Let results come; returns what they are."""
    starts, durations = [s for s, _ in seen], [d for _, d in seen]
    add_plain(came, [tasks.noop] * len(seen), starts, durations, worker)
    return [plain_result(tasks.noop, *each, worker) for each in seen]


def made() -> int:
    """How many results there are in this process."""
    return sum(type(each) is TaskRes for each in gc.get_objects())


@pytest.mark.parametrize("seed", range(30))
def test_results_are_a_list_of_what_came(seed: int) -> None:
    rng = random.Random(seed)
    came: Came = []
    expected: list[TaskRes] = []
    for number in range(rng.randrange(6)):
        if rng.random() < 0.5:
            res = TaskRes(tasks.noop, {}, number)
            came.append(res)
            expected.append(res)
        else:
            seen = times(rng.choice((0, 1, 3, 15, 16, 40)))
            expected += came_plain(came, seen, f"process-{number}")
    results = results_of(came)
    assert [vars(res) for res in results] == [vars(res) for res in expected]
    assert list(results) == expected
    assert len(results) == len(expected) and bool(results) is bool(expected)
    for place in range(-len(expected), len(expected)):
        assert results[place] == expected[place]
        assert vars(results[place]) == vars(expected[place])
        assert results[place:] == expected[place:]
    for place in (len(expected), -len(expected) - 1):
        with pytest.raises(IndexError):
            results[place]


def test_of_many_one_is_made_at_a_time() -> None:
    came: Came = []
    add_plain(came, [tasks.noop] * MANY, [1.0] * MANY, [0.0] * MANY, "process-1")
    before = made()
    results = iter(results_of(came))
    assert made() == before
    for _ in range(3):
        res = next(results)
        assert res.worker == "process-1" and made() == before + 1
        del res


def test_what_a_pool_has_no_results_of_is_an_empty_list(kind: str) -> None:
    pool = started(kind, tasks.noop)
    assert pool.results(0) == []
    pool.submit(tasks.noop)
    assert [res.task for res in finish(pool)] == [tasks.noop]
