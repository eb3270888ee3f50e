"""Rows 28 and 29 of the fault matrix: runs beside each other, and inside each other."""

from __future__ import annotations

import functools
import itertools
import pathlib
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import nested_tasks
import pytest
from busy_tasks import count_marks, do_nothing
from fault_programs import make
from program_support import LIMIT_SECONDS, wait_until

from pexen import Sched, task
from pexen.sched import Outcome
from pexen.sched.common import Task

KINDS = ["threads", "fork", "forkserver", "spawn"]
PAIRS = list(itertools.combinations_with_replacement(KINDS, 2))
CRASHES = 12
NESTED_SECONDS = 20.0  # for the innermost to be reached, at the latest


def in_threads(functions: list[Callable[[], None]]) -> None:
    """Call all of them at the same time."""
    errors: list[BaseException] = []

    def call(function: Callable[[], None]) -> None:
        try:
            function()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=call, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_SECONDS)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


def count_outcomes(kind: str, body: Any, tasks: int, **options: Any) -> Counter[str]:
    bodies = [functools.partial(body) for _ in range(tasks)]
    sched = Sched(bodies)
    counted = Counter(res.outcome.value for res in sched.run(make(kind, workers=2, **options)))
    assert len(sched.outcomes) == tasks
    return counted


@pytest.mark.parametrize(("kind", "other"), PAIRS)
def test_runs_beside_each_other_do_not_meet(kind: str, other: str) -> None:
    counts: dict[int, Counter[str]] = {}

    def run(number: int, which: str) -> None:
        options = {} if which == "threads" else {"tasks_per_worker": 10}
        counts[number] = count_outcomes(which, do_nothing, 30, **options)

    in_threads([functools.partial(run, n, which) for n, which in enumerate([kind, other])])
    assert counts == {n: Counter(ok=30) for n in range(2)}


def test_workers_that_crash_all_the_time_are_no_concern_of_another_run(start_method: str) -> None:
    counts: dict[str, Counter[str]] = {}

    def crash() -> None:
        counts["crashing"] = count_outcomes(start_method, nested_tasks.die, CRASHES)

    def work() -> None:
        counts["working"] = count_outcomes("fork", do_nothing, 200)

    in_threads([crash, work])
    assert counts == {"crashing": Counter(lost=CRASHES), "working": Counter(ok=200)}


def test_starting_workers_in_many_threads_leaves_the_warning_filters_alone() -> None:
    before = list(warnings.filters)

    def run() -> None:
        for _ in range(5):
            assert count_outcomes("fork", do_nothing, 8, tasks_per_worker=1) == Counter(ok=8)

    in_threads([run] * 4)
    assert warnings.filters == before


def nested(method: str, ways: list[str], mark: pathlib.Path | None, **metadata: Any) -> Task:
    kwargs = {"ways": ways, "method": method, "mark": None if mark is None else str(mark)}
    return task(functools.partial(nested_tasks.nest), kwargs=kwargs, **metadata)


def test_three_levels_inside_each_other_end_well(kind: str) -> None:
    method = "spawn" if kind == "threads" else kind
    body = nested(method, ["thread_pool", "processes"], None, timeout=NESTED_SECONDS)
    (res,) = Sched([body]).run(make(kind))
    assert res.ret == 3, res.excinfo and res.excinfo.text


NESTINGS = [(method, ways) for method in ("fork", "spawn") for ways in nested_tasks.WAYS]


@pytest.mark.parametrize(
    ("start_method", "ways"), [*NESTINGS, ("forkserver", "processes in processes")]
)
def test_ending_the_outermost_ends_all_levels(
    start_method: str, ways: str, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "mark"
    sched = Sched([nested(start_method, nested_tasks.WAYS[ways], mark)])

    def abort_in_the_middle() -> None:
        reached = wait_until(lambda: count_marks(mark) == 1, NESTED_SECONDS)
        sched.abort()
        assert reached

    def run() -> None:
        (res,) = sched.run(make(start_method))
        assert res.outcome is Outcome.LOST, res.excinfo and res.excinfo.text

    in_threads([abort_in_the_middle, run])


def test_a_timeout_of_the_outermost_ends_all_levels(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    mark = tmp_path / "mark"
    timeout = 0.5
    while not count_marks(mark):  # a slow machine may need more to get to the innermost
        timeout *= 2
        assert timeout < LIMIT_SECONDS
        body = nested(start_method, ["processes", "processes"], mark, timeout=timeout)
        (res,) = Sched([body]).run(make(start_method))
        assert res.outcome is Outcome.TIMEOUT, res.excinfo and res.excinfo.text
