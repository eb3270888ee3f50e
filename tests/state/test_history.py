"""What can be asked of earlier runs."""

from __future__ import annotations

import pytest

from pexen.state import Ended, Recording, Store
from pexen.state.history import flaky, flaky_of, of_task, prune, results, runs, seconds

TIME = 1_000_000_000.0


def run_of(store: Store, began: float = TIME, **tasks: Ended) -> int:
    recording = Recording.begin(store, tasks, began, {})
    for number, how in enumerate(tasks.values()):
        recording.ended(number, how)
    recording.end(began + 1, interrupted=False)
    return recording.run


def test_runs_come_with_the_latest_first_and_their_counts(store: Store) -> None:
    first = run_of(store, a=Ended("ok"), b=Ended("ok"), c=Ended("failed"))
    last = run_of(store, a=Ended("skipped"))
    assert [(run.number, run.outcomes) for run in runs(store)] == [
        (last, {"skipped": 1}),
        (first, {"failed": 1, "ok": 2}),
    ]
    assert [run.number for run in runs(store, 1)] == [last]


def test_the_last_results_of_a_task(store: Store) -> None:
    made = [run_of(store, a=Ended(outcome), b=Ended("ok")) for outcome in ("ok", "failed", "lost")]
    found = [(past.run, past.how.outcome) for past in of_task(store, "a", limit=2)]
    assert found == [(made[2], "lost"), (made[1], "failed")]
    assert of_task(store, "none") == []


def test_what_a_task_takes_follows_its_last_runs(store: Store) -> None:
    for duration in (1.0, 2.0, None):
        run_of(store, a=Ended("ok", duration=duration), b=Ended("failed", duration=duration))
    assert seconds(store, ["a", "b", "c"]) == [pytest.approx(1.3), None, None]


def test_flaky_is_what_ended_both_ways_with_the_same_code(store: Store) -> None:
    run_of(store, a=Ended("ok", code="1"), b=Ended("ok", code="1"), c=Ended("ok", code="1"))
    other = {"a": Ended("failed", code="2"), "b": Ended("lost", code="1")}
    run_of(store, **other, c=Ended("skipped", code="1"))
    assert flaky(store) == [("b", 0)]


def test_of_what_failed_in_a_run_it_is_told_how_often_it_did_lately(store: Store) -> None:
    run_of(store, a=Ended("ok", code="1"), b=Ended("failed", code="1"), c=Ended("ok", code="1"))
    run_of(store, a=Ended("ok", attempts=2, code="1"), c=Ended("ok", code="0"))
    run_of(store, a=Ended("skipped", code="1"), c=Ended("lost", code="1"))
    last = run_of(
        store,
        a=Ended("timeout", code="1"),
        b=Ended("failed", code="1"),
        c=Ended("ok", code="1"),
        d=Ended("failed"),
    )
    assert flaky_of(store, last, runs=20) == {("a", 0): (2, 3)}
    assert flaky_of(store, last, runs=3) == {("a", 0): (2, 2)}
    assert flaky_of(store, last, runs=2) == {}
    assert flaky_of(store, last - 1, runs=20) == {("c", 0): (1, 3)}


def test_old_runs_are_forgotten_but_not_what_tasks_take(store: Store) -> None:
    tasks = {"a": Ended("ok", duration=2.0), "gone": Ended("ok")}
    old = [run_of(store, began=TIME + n, **tasks) for n in range(5)]
    new = run_of(store, began=TIME + 100, b=Ended("ok"))
    assert len(prune(store, keep=3, before=TIME + 50)) == 3
    assert [run.number for run in runs(store)] == [new, old[4], old[3]]
    assert results(store, old[0]) == [] and seconds(store, ["a"]) == [2.0]
    assert len(prune(store, keep=0, before=TIME + 1000)) == 3
    assert store.read("SELECT name FROM task") == [("a",)]


def test_an_attempt_that_failed_makes_a_task_flaky_and_an_end_with_its_run_does_not(
    store: Store,
) -> None:
    recording = Recording.begin(store, ["again", "ended", "well"], TIME, {})
    recording.ended(0, Ended("ok", attempts=2, code="x"))
    recording.ended(1, Ended("ok", code="x"))
    recording.ended(2, Ended("ok", attempts=1, code="x"))
    recording.write()
    recording = Recording.begin(store, ["again", "ended", "well"], TIME, {})
    recording.ended(1, Ended("lost", reason="ended, as the run was aborted", code="x"))
    recording.write()
    assert flaky(store) == [("again", 0)]
