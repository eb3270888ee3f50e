"""A run that is written down while it goes on."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import pytest

from pexen import PexenWarning, Sched, task
from pexen.sched import TaskSkip
from pexen.sched.common import task_name
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.state import Ended, Recorder, Recording, StateError, Store
from pexen.state.history import results, running


def provides(shared: dict[str, Any]) -> None:
    shared["answer"] = 42


def unpicklable(shared: dict[str, Any]) -> None:
    shared["answer"] = lambda: 42


def fails() -> None:
    raise OSError("broken")


def skips() -> None:
    raise TaskSkip("no disk")


def record(store: Store, pool: WorkerPool, *tasks: Callable[..., Any], **more: Any) -> int:
    recording = Recording.begin(store, map(task_name, tasks), 0.0, {})
    problems: list[StateError] = []
    recorder = Recorder(recording, tasks, pool.clock(), problems.append, **more)
    list(Sched(tasks, listeners=[recorder.hear]).run(pool))
    recorder.write()
    assert not problems
    return recording.run


@pytest.mark.parametrize("make", [ThreadWorkerPool, ProcessWorkerPool])
def test_every_end_is_written_with_all_that_is_known(store: Store, make: Any) -> None:
    tasks = [
        task(lambda shared: shared.update(answer=42), provides=["x"]),
        task(lambda: fails(), provides=["y"], retries=1),
        task(lambda: None, requires=["y"]),
        task(lambda: skips(), requires=["x"]),
    ]
    for each, name in zip(tasks, ("ok", "bad", "blocked", "skipped")):
        each.__qualname__ = name
    with pytest.warns(PexenWarning):
        run = record(store, make(2), *tasks, code_of=lambda each: each.__qualname__)
    found = {past.name: past.how for past in results(store, run)}
    assert {name: how.outcome for name, how in found.items()} == {
        "ok": "ok", "bad": "failed", "blocked": "blocked", "skipped": "skipped"
    }  # fmt: skip
    ok, bad, blocked = found["ok"], found["bad"], found["blocked"]
    assert ok.deps_ok and pickle.loads(ok.shared or b"") == {"answer": 42}
    assert ok.duration is not None and ok.started is not None and ok.started >= 0
    assert (ok.reason, ok.traceback, ok.attempts, ok.code) == (None, None, 1, "ok")
    assert bad.reason == "OSError: broken" and (bad.traceback or "").startswith("Traceback")
    assert (bad.attempts, bad.deps_ok, bad.shared) == (2, False, None)
    assert blocked == Ended("blocked", reason="requires 'y', but 'bad' ended failed")
    assert running(store, run) == {}


def test_it_is_known_that_what_was_to_be_handed_on_can_not_be(store: Store) -> None:
    run = record(store, ThreadWorkerPool(), task(unpicklable))
    (past,) = results(store, run)
    assert (past.how.outcome, past.how.deps_ok, past.how.shared) == ("ok", True, b"")


def test_a_run_goes_on_without_a_state_that_can_not_be_written(store: Store) -> None:
    recording = Recording.begin(store, ["a"], 0.0, {})
    store.read(f"PRAGMA max_page_count = {store.read('PRAGMA page_count')[0][0]}")
    problems: list[StateError] = []
    tasks = [lambda shared, n=n: shared.update(text="x" * 10_000) for n in range(50)]
    recording = Recording(store, recording.run, list(range(50)))
    recorder = Recorder(recording, tasks, 0.0, problems.append)
    found = [res.outcome for res in Sched(tasks, listeners=[recorder.hear]).run(ThreadWorkerPool())]
    recorder.write()
    assert found == ["ok"] * 50
    assert [str(each).endswith("database or disk is full") for each in problems] == [True]
