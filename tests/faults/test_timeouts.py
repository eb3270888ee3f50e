"""Tasks that don't end: busy, stopped, asleep, or deaf to SIGTERM. Their timeout ends them."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Iterator
from typing import Any

import fault_endless as tasks
import pytest
from fault_runs import Account, faulty, holds_in_time, make_pool, run_through
from process_tree import gone

from pexen.sched import TaskRes, TaskTimeoutError
from pexen.sched.common import Task
from pexen.sched.pool import ThreadWorkerPool, WorkerPool

# Both pass, whatever the tasks do. Longer ones would only make the tests longer.
SECONDS = 0.5
SHORT_GRACE = 0.3


@pytest.fixture
def until(tmp_path: pathlib.Path) -> Iterator[str]:
    """A file at which endless tasks end after all, as those in threads have to."""
    path = tmp_path / "until"
    yield str(path)
    path.touch()


def make_prepared_pool(kind: str, workers: int = 2, **options: Any) -> WorkerPool:
    """One whose workers needn't import the tasks within the time of the first."""
    if kind != "threads":
        options["initializer"] = tasks.prepare
    return make_pool(kind, workers, **options)


def timed_out(pool: WorkerPool, *endless: Task) -> Account:
    account = run_through(pool, dict.fromkeys(endless, "timeout"))
    for each in endless:
        info = account.results[each].excinfo
        assert info is not None and info.type is TaskTimeoutError
        assert f"(limit {SECONDS} s)" in info.text
        assert account.results[each].abandoned == isinstance(pool, ThreadWorkerPool)
    return account


def test_of_a_task_abandoned_in_a_thread_the_stack_is_told(until: str) -> None:
    spins = faulty(tasks.spin, until, timeout=SECONDS, claims=["disk"])
    sleeps = faulty(tasks.sleep, until, timeout=SECONDS)
    account = timed_out(make_pool("threads"), spins, sleeps)
    assert "in spin" in account.text_of(spins) and "in sleep" in account.text_of(sleeps)


# In all but the first two no code of Python's runs: they hold the GIL, or are stopped.
ENDLESS = [
    tasks.spin,
    tasks.sleep,
    tasks.search_for_ever,
    tasks.add_up_for_ever,
    tasks.raise_to_a_power_for_ever,
    tasks.stop_itself,
]


def test_of_whatever_does_not_end_in_a_worker_the_stack_is_told(
    start_method: str, until: str
) -> None:
    endless = [faulty(body, until, timeout=SECONDS, claims=[body]) for body in ENDLESS]
    pool = make_prepared_pool(start_method, workers=len(endless))
    account = timed_out(pool, *endless)
    for each, body in zip(endless, ENDLESS, strict=True):
        assert f"in {body.__name__}" in account.text_of(each)


@pytest.mark.parametrize("one_kind", ["threads", "fork"])
def test_a_timeout_of_the_whole_run_holds_for_tasks_that_have_none(
    one_kind: str, until: str
) -> None:
    sleeps, own = faulty(tasks.sleep, until), faulty(tasks.sleep, until, timeout=SECONDS)
    expected = dict.fromkeys([sleeps, own], "timeout")
    account = run_through(make_prepared_pool(one_kind, workers=3), expected, timeout=1.0)
    assert "(limit 1 s)" in account.text_of(sleeps)
    assert f"(limit {SECONDS} s)" in account.text_of(own)


DEAF = [tasks.ignore_termination, tasks.survive_termination, tasks.block_termination]


def test_who_has_sigterm_may_clean_up_and_who_survives_it_is_killed(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    """So it is for children of the worker, too, one whose worker is dead at once among them."""
    deaf_pid, pid, cleaned, cleaned_by_child = (str(tmp_path / name) for name in "1234")
    bodies = [
        faulty(tasks.clean_up_on_termination, cleaned, timeout=SECONDS),
        faulty(tasks.with_child_that_cleans_up, pid, cleaned_by_child, timeout=SECONDS),
        faulty(tasks.with_stubborn_child, deaf_pid, timeout=SECONDS),
        faulty(tasks.return_on_termination, timeout=SECONDS),  # which comes too late
        *(faulty(body, timeout=SECONDS) for body in DEAF),
    ]
    timed_out(make_prepared_pool(start_method, workers=7), *bodies)
    assert os.path.exists(cleaned) and os.path.exists(cleaned_by_child)
    for path in (deaf_pid, pid):
        assert gone(int(pathlib.Path(path).read_text()))


def test_a_task_that_is_aborted_is_ended_however_deaf(
    kind: str, until: str, tmp_path: pathlib.Path
) -> None:
    began = tmp_path / "began"
    if kind == "threads":
        body = faulty(tasks.sleep, until, str(began))
        pool = make_prepared_pool(kind)
    else:
        body = faulty(tasks.block_termination, str(began))
        pool = make_prepared_pool(kind, grace=SHORT_GRACE)
    account = Account([faulty(int), body])

    def abort(res: TaskRes) -> None:
        if res.task is not body:
            assert holds_in_time(began.exists)
            account.sched.abort()

    account.run(pool, abort)
    assert account.error is None
    account.check({body: "lost"})
