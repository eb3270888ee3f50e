"""Results that come at once from worker processes; most are made when they are asked for."""

from __future__ import annotations

import functools
import gc
import os
import random
from collections.abc import Sequence

import pool_tasks as tasks
import pytest
from pool_support import ROWS, submissions
from test_contract import finish, started

from pexen.sched.common import TaskRes
from pexen.sched.pool.results import Arrivals, add_plain, plain_result, results_of

MANY = 40


def times(count: int) -> list[tuple[float, float]]:
    return [(10.0 + place, 0.5 * place) for place in range(count)]


def came_plain(came: Arrivals, seen: Sequence[tuple[float, float]], worker: str) -> list[TaskRes]:
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
    came: Arrivals = []
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
    came: Arrivals = []
    add_plain(came, [tasks.noop] * MANY, [1.0] * MANY, [0.0] * MANY, "process-1")
    gc.collect()
    gc.disable()  # what other tests have left isn't to go meanwhile
    try:
        before = made()
        results = iter(results_of(came))
        assert made() == before
        for _ in range(3):
            res = next(results)
            assert res.worker == "process-1" and made() == before + 1
            del res
    finally:
        gc.enable()


def test_of_a_row_of_a_pool_they_are_made_when_asked_for() -> None:
    reader, writer = os.pipe()
    bodies = [functools.partial(tasks.noop) for _ in range(MANY)]
    bodies.append(functools.partial(os.close, writer))
    pool = started(ROWS, *bodies, workers=1, spare=len(bodies))
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    os.close(writer)
    assert os.read(reader, 1) == b""  # all but the last have ended
    os.close(reader)
    got, together = [], 0
    while len(got) < len(bodies):
        results = pool.results()
        together += not isinstance(results, list)
        got += results
    assert together and [res.task for res in got] == bodies
    assert {res.outcome for res in got} == {"ok"} and finish(pool) == []


def test_what_a_pool_has_no_results_of_is_an_empty_list(kind: str) -> None:
    pool = started(kind, tasks.noop)
    assert pool.results(0) == []
    pool.submit(tasks.noop)
    assert [res.task for res in finish(pool)] == [tasks.noop]
