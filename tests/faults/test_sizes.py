"""Arguments and results that are large, and memory that isn't there.

`PEXEN_FULL_FAULTS=1` in the environment makes large items as large as the matrix has them, which
takes some gigabytes.
"""

from __future__ import annotations

import os

import fault_sizes as tasks
import pytest
from fault_runs import faulty, make_pool, run_through

from pexen.sched import TaskLostError, TaskRes

FULL = os.environ.get("PEXEN_FULL_FAULTS") == "1"
LARGE = 300_000_000 if FULL else 10_000_000


@pytest.fixture
def deadline() -> float:
    return 300.0 if FULL else 60.0


def test_large_items_in_both_directions_do_not_block_each_other(start_method: str) -> None:
    provider = faulty(int, provides=["large"])
    swaps = [faulty(tasks.swap, requires=["large"], kwargs={"size": LARGE}) for _ in range(3)]
    large = b"a" * LARGE

    def give(res: TaskRes) -> None:
        if res.task is provider:
            res.shared["large"] = large

    expected = dict.fromkeys([provider, *swaps], "ok")
    account = run_through(make_pool(start_method), expected, consume=give, deadline=200)
    for each in swaps:
        ret = account.results[each].ret
        assert len(ret) == LARGE and ret.strip(b"b") == b""


def test_a_lack_of_memory_fails_its_task(kind: str) -> None:
    failing = [faulty(tasks.raise_memory_error), faulty(tasks.allocate_far_too_much)]
    if kind != "threads":  # whose memory is that of the tests
        failing.append(faulty(tasks.allocate_beyond_the_limit))
    account = run_through(make_pool(kind), dict.fromkeys(failing, "failed"))
    for each in failing:
        info = account.results[each].excinfo
        assert info is not None and info.type is MemoryError
        assert "fault_sizes.py" in info.text


def test_a_result_for_which_memory_is_lacking_fails_its_task(start_method: str) -> None:
    returns = faulty(tasks.return_more_than_fits)
    account = run_through(make_pool(start_method), {returns: "failed"})
    assert "Can't pickle the task's return value" in account.text_of(returns)
    assert "MemoryError" in account.text_of(returns)


def test_a_large_buffer_needs_no_memory_to_be_sent(start_method: str) -> None:
    returns = faulty(tasks.return_what_need_not_be_copied)
    account = run_through(make_pool(start_method), {returns: "ok"})
    ret = account.results[returns].ret
    assert len(ret) == 64 << 20 and ret.strip(b"b") == b""


def test_a_worker_without_any_memory_left_is_no_end(start_method: str) -> None:
    hog = faulty(tasks.use_up_all_memory)
    account = run_through(make_pool(start_method), {hog: ("failed", "lost")})
    kinds = {"failed": MemoryError, "lost": TaskLostError}
    res = account.results[hog]
    assert res.excinfo is not None and res.excinfo.type is kinds[res.outcome]
