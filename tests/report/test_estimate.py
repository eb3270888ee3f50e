"""How much longer a run takes."""

from __future__ import annotations

import random

import pytest

from pexen.report.estimate import Estimate


def later(estimate: Estimate, now: float, tasks: int) -> float:
    """What is told when it was asked long enough to have settled, with nothing running."""
    estimate.left(now, tasks, {})
    left = estimate.left(now + 1000.0, tasks, {})
    assert left is not None
    return left


def test_what_is_left_is_shared_by_the_workers() -> None:
    estimate = Estimate(4, {str(n): 2.0 for n in range(100)})
    assert estimate.left(0.0, 100, {}) == pytest.approx(50.0)


def test_fewer_tasks_than_workers_take_as_long_as_the_longest() -> None:
    estimate = Estimate(8, {"a": 30.0, "b": 2.0})
    running = {"a": 0.0, "b": 0.0}
    assert estimate.left(0.0, 2, running) == pytest.approx(30.0)
    assert later(Estimate(8, {"a": 30.0}), 0.0, 1) == pytest.approx(30.0)


def test_what_runs_has_done_a_part() -> None:
    estimate = Estimate(1, {"a": 30.0, "b": 10.0})
    assert estimate.left(20.0, 2, {"a": 0.0}) == pytest.approx(20.0)


def test_a_run_that_is_slower_than_before_is_left_more_time() -> None:
    slow = Estimate(1, {str(n): 1.0 for n in range(100)})
    for number in range(90):
        slow.ended(str(number), 3.0)
    # Ten are left; a tenth of what was expected is believed to be right.
    assert later(slow, 0.0, 10) == pytest.approx(10 * (270 + 10) / (90 + 10))


def test_the_first_task_alone_does_not_scale_the_run() -> None:
    estimate = Estimate(1, {str(n): 1.0 for n in range(100)})
    estimate.ended("0", 0.0)
    assert later(estimate, 0.0, 99) == pytest.approx(90.0)


def test_nothing_is_told_before_something_is_known() -> None:
    estimate = Estimate(2, {"a": None})
    assert estimate.left(0.0, 3, {"a": 0.0}) is None
    estimate.ended("b", None)
    assert estimate.left(1.0, 2, {"a": 0.0}) is None
    estimate.ended("a", 4.0)
    assert estimate.left(4.0, 1, {}) == pytest.approx(4.0)


def test_unknown_tasks_take_the_mean_of_what_is_known() -> None:
    assert Estimate(1, {"a": 2.0, "b": 4.0}).left(0.0, 10, {}) == pytest.approx(2 + 4 + 8 * 3)
    estimate = Estimate(1, {"a": 2.0, "b": 4.0})
    estimate.ended("c", 9.0)
    assert estimate.left(0.0, 9, {}) == pytest.approx(2 + 4 + 7 * 5)


def test_nothing_is_left_at_the_end() -> None:
    estimate = Estimate(1, {"a": 2.0})
    estimate.ended("a", 2.0)
    assert estimate.left(2.0, 0, {}) is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0])
def test_expectations_that_cannot_be_are_none(wrong: float) -> None:
    assert Estimate(1, {"a": wrong}).left(0.0, 1, {}) is None


def test_tasks_of_one_name_are_expected_once() -> None:
    estimate = Estimate(1, {"a": 2.0})
    estimate.ended("a", 2.0)
    estimate.ended("a", 4.0)
    assert estimate.left(0.0, 3, {}) == pytest.approx(3 * (2 + 4) / 2)


def test_a_run_that_stands_still_does_not_go_below_nothing() -> None:
    estimate = Estimate(1, {"a": 2.0})
    told = [estimate.left(float(now), 1, {"a": 0.0}) for now in range(100)]
    assert told[0] == 2.0 and told[-1] is not None and 0.0 <= told[-1] < 0.01
    assert all(left is not None and left >= 0 for left in told)


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_moves_without_jumps_and_is_right_in_the_end(seed: int) -> None:
    rng = random.Random(seed)
    names = [str(n) for n in range(200)]
    expected = {name: rng.choice([0.1, 1.0, 10.0]) for name in names if rng.random() < 0.7}
    estimate = Estimate(1, expected)
    now, ended, ends, before = 0.0, 0, 0.0, None
    running: dict[str, float] = {}
    end_told = []
    while ended < len(names):
        if now >= ends:
            if running:
                name, begun = running.popitem()
                estimate.ended(name, now - begun)
                ended += 1
            if ended < len(names):
                running[names[ended]] = now
                ends = now + expected.get(names[ended], 1.0) * rng.uniform(0.2, 5.0)
        left = estimate.left(now, len(names) - ended, running)
        if left is not None:
            assert left >= 0
            end = now + left
            end_told.append(end)
            if before is not None:
                assert abs(end - before) < 25.0  # what is worked out anew moves by hundreds
            before = end
        now += 0.1
    assert end_told[-100] == pytest.approx(now, rel=0.2, abs=30)
