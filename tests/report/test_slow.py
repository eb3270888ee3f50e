"""The critical path, the slowest tasks, and what blocked others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pexen.report.culprits import culprits
from pexen.report.slow import FIRST, REQUIRED, WORKER, Step, critical_path, replaced, slowest


def ran(
    started: float | None, duration: float | None, waits_for: Sequence[int] = (), worker: str = "a"
) -> dict[str, Any]:
    return {
        "started": started, "duration": duration, "waits_for": list(waits_for), "worker": worker,
        "outcome": "ok",
    }  # fmt: skip


def test_nothing_that_ran_has_no_critical_path() -> None:
    assert critical_path([]) == []
    assert critical_path([ran(None, None), ran(1.0, None)]) == []


def test_the_path_leads_from_what_ended_last_to_what_that_waited_for() -> None:
    tasks = [
        ran(0.5, 2.0, worker="a"),
        ran(0.0, 1.0, worker="b"),
        ran(2.75, 4.0, [0, 1], worker="c"),
        ran(1.0, 3.0, worker="b"),
    ]
    assert critical_path(tasks) == [Step(0, FIRST, 0.5), Step(2, REQUIRED, 0.25)]


def test_the_worker_counts_where_it_was_busy_for_longer() -> None:
    tasks = [
        ran(0.0, 1.0, worker="b"),
        ran(0.0, 3.0, worker="a"),
        ran(3.0, 1.0, [0], worker="a"),
    ]
    assert critical_path(tasks) == [Step(1, FIRST, 0.0), Step(2, WORKER, 0.0)]


def test_what_a_task_waited_for_is_named_before_a_worker_that_was_free_at_the_same_time() -> None:
    tasks = [ran(0.0, 2.0, worker="a"), ran(0.0, 2.0, worker="b"), ran(2.0, 1.0, [1], worker="a")]
    assert [step.number for step in critical_path(tasks)] == [1, 2]
    tasks[2]["waits_for"] = [0]
    assert critical_path(tasks)[-1] == Step(2, REQUIRED, 0.0)


def test_what_ended_only_after_a_task_began_did_not_hold_it_up() -> None:
    tasks = [ran(0.0, 1.0, worker="a"), ran(0.0, 5.0, worker="b"), ran(1.0, 9.0, [0, 1], "c")]
    assert [step.number for step in critical_path(tasks)] == [0, 2]


def test_sums_of_times_may_be_off_by_what_is_rounded() -> None:
    tasks = [ran(0.1, 0.2, worker="a"), ran(0.3, 1.0, [0], worker="b")]
    assert 0.1 + 0.2 > 0.3
    assert [step.number for step in critical_path(tasks)] == [0, 1]


def test_a_worker_that_replaced_another_had_to_wait_for_that() -> None:
    tasks = [ran(0.0, 5.0, worker="a"), ran(0.0, 4.0, worker="b"), ran(5.5, 1.0, worker="c")]
    assert critical_path(tasks) == [Step(2, FIRST, 5.5)] and replaced(tasks) == {}
    tasks[0]["outcome"] = "timeout"
    assert critical_path(tasks) == [Step(0, FIRST, 0.0), Step(2, WORKER, 0.5)]
    assert replaced(tasks) == {"c": 0}


def test_each_worker_that_was_gone_is_replaced_once_and_only_after_its_end() -> None:
    gone = {"outcome": "lost"}
    tasks = [
        ran(0.0, 2.0, worker="a") | gone, ran(0.0, 1.0, worker="b") | gone,
        ran(1.5, 1.0, worker="c"), ran(2.0, 1.0, worker="d"), ran(2.0, 1.0, worker="e"),
        ran(0.0, 1.0, worker="f") | gone, ran(3.0, 1.0, worker="f"), ran(9.0, 1.0, worker="f"),
    ]  # fmt: skip
    assert replaced(tasks) == {"c": 1, "d": 0}


def test_tasks_that_took_no_time_make_no_circle() -> None:
    tasks = [ran(1.0, 0.0, [1]), ran(1.0, 0.0, [0]), ran(1.0, 0.0, [2])]
    path = critical_path(tasks)
    assert len({step.number for step in path}) == len(path) >= 2


def test_a_path_of_many_tasks_is_no_deep_recursion() -> None:
    tasks = [ran(float(n), 1.0, [n - 1] if n else []) for n in range(5_000)]
    assert [step.number for step in critical_path(tasks)] == list(range(5_000))


def test_the_slowest_come_first_and_those_alike_in_their_order() -> None:
    tasks = [ran(0, 1.0), ran(0, None), ran(0, 3.0), ran(0, 1.0), ran(0, 2.0)]
    assert slowest(tasks, 4) == [2, 4, 0, 3]


def ended(outcome: str | None, *waits_for: int) -> dict[str, Any]:
    return {"outcome": outcome, "waits_for": list(waits_for)}


def test_a_task_is_blocked_by_what_failed_also_through_others() -> None:
    tasks = [
        ended("failed"), ended("blocked", 0), ended("ok"), ended("blocked", 2, 1, 4),
        ended("timeout"), ended("failed"),
    ]
    assert culprits(tasks) == {1: [0], 3: [0, 4]}


def test_a_skipped_task_blocks_only_where_nothing_worse_did() -> None:
    tasks = [ended("skipped"), ended("lost"), ended("blocked", 0), ended("blocked", 0, 1)]
    assert culprits(tasks) == {2: [0], 3: [1]}


def test_a_lock_may_have_blocked_what_waited_for_no_failure() -> None:
    assert culprits([ended("ok"), ended("blocked", 0), ended("blocked")]) == {1: [], 2: []}


def test_a_long_chain_of_blocked_tasks_has_one_culprit_whatever_their_order() -> None:
    length = 5_000
    chain = [ended("failed")] + [ended("blocked", n) for n in range(length)]
    assert culprits(chain)[length] == [0]
    backwards = [ended("blocked", n + 1) for n in range(length)] + [ended("failed")]
    assert culprits(backwards)[0] == [length]


def test_a_circle_of_blocked_tasks_ends() -> None:
    tasks = [ended("blocked", 1), ended("blocked", 0, 2), ended("cancelled")]
    assert culprits(tasks)[1] == [2]
