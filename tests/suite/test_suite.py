"""A suite is run as a scheduler runs its tasks, and more comes of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pexen import PexenWarning, task
from pexen.report.junit import junit
from pexen.sched import Outcome, SchedulerError, TaskSkip
from pexen.sched.events import Blocked, Event, Finished, Retried, Started
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.suite import Suite, SuiteRes, report, select

POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(2),
    "processes": lambda: ProcessWorkerPool(2),
}


@task(provides=["rows"])
def fill(shared: dict[str, Any]) -> None:
    shared["rows"] = 3
    print("filling")


@task(requires=["rows"])
def count(shared: dict[str, Any]) -> int:
    print("counting", shared["rows"])
    report("speed", "warn", "slow")
    rows: int = shared["rows"]
    return rows


@task(provides=["never"], retries=1)
def breaks() -> None:
    print("breaking")
    raise OSError("broken")


@task(requires=["never"])
def blocked() -> None:
    pass


def skips() -> None:
    raise TaskSkip("no disk")


TASKS = [fill, count, breaks, blocked, skips]


@pytest.fixture(params=POOLS.values(), ids=POOLS)
def pool(request: pytest.FixtureRequest) -> Any:
    return request.param()


def test_results_are_those_of_the_tasks_with_what_they_found_and_printed(pool: WorkerPool) -> None:
    with pytest.warns(PexenWarning, match="unmet deps"):
        found = {res.task: res for res in Suite(TASKS).run(pool)}
    assert {each.__name__: res.verdict for each, res in found.items()} == {
        "fill": "ok", "count": "warn", "breaks": "failed", "skips": "skipped"
    }  # fmt: skip
    assert (found[count].ret, found[count].shared) == (3, {"rows": 3})
    assert found[fill].output == "filling\n" and found[count].output == "counting 3\n"
    assert found[breaks].output == "breaking\n" and found[breaks].attempts == 2
    assert [each.name for each in found[count].findings] == ["speed"]
    assert all(isinstance(res, SuiteRes) and res.worker for res in found.values())


def test_listeners_are_told_of_the_tasks_and_of_the_results_that_are_yielded() -> None:
    heard: list[Event] = []
    with pytest.warns(PexenWarning):
        yielded = list(Suite(TASKS, listeners=[heard.append]).run(ThreadWorkerPool()))
    tasks = {event.task for event in heard if isinstance(event, Started)}
    assert tasks == {fill, count, breaks, skips}
    (stuck,) = [event for event in heard if isinstance(event, Blocked)]
    assert stuck.task is blocked and stuck.reason.culprits == (breaks,)
    (retried,) = [event for event in heard if isinstance(event, Retried)]
    assert retried.task is breaks and isinstance(retried.result, SuiteRes)
    told = [event for event in heard if isinstance(event, Finished)]
    results = [event.result for event in told if event.result is not None]
    assert all(one is other for one, other in zip(results, yielded, strict=True))
    (never,) = [event for event in told if event.task is blocked]
    assert never.outcome is Outcome.BLOCKED and never.reason == stuck.reason


def test_without_capture_tasks_print_as_ever(capfd: pytest.CaptureFixture[str]) -> None:
    for make in POOLS.values():
        (res,) = Suite([task(lambda: print("loud", flush=True))], captures=False).run(make())
        assert res.output == ""
    assert capfd.readouterr().out == "loud\n" * 2


def test_what_was_selected_is_run_with_the_metadata_that_goes_with_it() -> None:
    found = [res.task for res in Suite(select(TASKS, ["count"])).run()]
    assert found == [fill, count]
    (res,) = Suite(select(TASKS, ["blocked"], deps=False)).run()
    assert (res.task, res.outcome) == (blocked, "ok")


def test_the_consumer_may_change_what_is_handed_on() -> None:
    results = {}
    for res in Suite([fill, count]).run():
        if res.task is fill:
            res.shared["rows"] = 7
        results[res.task] = res.ret
    assert results[count] == 7


def test_durations_are_those_of_the_tasks() -> None:
    plain = [lambda: 1, lambda: 2, lambda: 3]
    known = dict(zip(plain, (1.0, 2.0, 9.0)))
    for durations in (known, known.get):
        assert [res.ret for res in Suite(plain, durations=durations).run()] == [3, 2, 1]


def test_a_suite_can_be_stopped_and_run_again() -> None:
    suite = Suite([fill, count])
    for _ in suite.run():
        suite.stop()
    assert [res.task for res in suite.run()] == [fill, count]


def test_a_report_can_be_made_of_it() -> None:
    with pytest.warns(PexenWarning):
        results = [
            {"callpath": [res.task.__name__], "outcome": res.outcome, "output": res.output}
            for res in Suite(TASKS).run()
        ]
    assert b'tests="4" failures="1" errors="0" skipped="1"' in junit(results, "all", 0.0, 1.0)


def test_a_listener_that_raises_keeps_no_other_from_hearing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[Event] = []

    def raises(event: Event) -> None:
        raise ValueError("not today")

    suite = Suite([fill, count], listeners=[raises, heard.append])
    assert len(list(suite.run(ThreadWorkerPool(1)))) == 2
    assert len([event for event in heard if isinstance(event, Finished)]) == 2
    assert len(caplog.records) == 1


def test_a_suite_that_runs_refuses_to_run_once_more_and_goes_on() -> None:
    suite = Suite([lambda: 1, lambda: 2])
    results = suite.run()
    next(results)
    with pytest.raises(SchedulerError, match="running already"):
        next(suite.run())
    assert len(list(results)) == 1 and len(list(suite.run())) == 2


def test_who_prints_to_what_stands_for_stdout_is_told_what_it_is() -> None:
    def asks() -> tuple[str, bool, int]:
        return sys.stdout.encoding, sys.stdout.isatty(), sys.stderr.fileno()

    with open(os.devnull, "w", encoding="latin-1") as stream:
        before, sys.stdout = sys.stdout, stream
        try:
            (res,) = Suite([asks]).run()
        finally:
            sys.stdout = before
    assert res.ret == ("latin-1", False, sys.stderr.fileno())


def test_a_listener_that_raises_keeps_no_other_from_hearing(caplog: Any) -> None:
    heard: list[Event] = []

    def raises(event: Event) -> None:
        raise ValueError("not me")

    list(Suite([lambda: 1], listeners=[raises, heard.append]).run())
    assert any(isinstance(event, Finished) for event in heard)


def test_a_call_that_is_wrong_begins_nothing() -> None:
    class Report:
        def begin(self, *args: Any) -> None:
            raise AssertionError("nothing is to begin")

        def end(self, interrupted: bool) -> None:
            raise AssertionError("nothing is to end")

    suite = Suite([skips], reports=[Report()])
    with pytest.raises(TypeError, match="bogus"):
        list(suite.run(bogus=1))
    with pytest.raises(TypeError, match="bogus"):
        list(suite.run(bogus=1))
