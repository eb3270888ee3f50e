"""What pexen 0.0.3 does wrong: shown with 0.0.3, and done right by ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from legacy_versions import OURS, Script, Version

HANG_SECONDS = 5  # what hasn't ended after this, with all others at the same time, hangs
SECONDS = 60  # for what ends; it takes a fraction of one

Fault = tuple[str, ...]
Hung = Callable[..., bool]
OldAnswer = Callable[..., Any]

POOLS = ["threads", "processes"]
HANGING: list[Fault] = [
    *[("sys_exit_in_a_task", pool) for pool in POOLS],
    *[("interrupt_raised_in_a_task", pool) for pool in POOLS],
    *[("leaving_the_loop_early", pool) for pool in POOLS],
    *[("error_in_the_loop", pool) for pool in POOLS],
    ("worker_that_exits",),
    ("worker_that_is_killed",),
    ("large_results",),
    ("exception_of_a_local_class",),
    ("-O", "cycle"),
]


def begin(version: Version, fault: Fault) -> Script:
    options = [word for word in fault if word.startswith("-")]
    return version.start("run_fault.py", *fault[len(options) :], options=options)


def answer(version: Version, *fault: str) -> Any:
    """What the version answers; an error if it doesn't."""
    ending = begin(version, fault).finish(SECONDS)
    assert ending.code == 0, ending
    return json.loads(ending.stdout.splitlines()[-1])


class Hanging:
    """The scripts that hang with 0.0.3, all running since the same moment."""

    def __init__(self, old: Version) -> None:
        self._scripts = {fault: begin(old, fault) for fault in HANGING}
        self._end = time.monotonic() + HANG_SECONDS

    def __call__(self, *fault: str) -> bool:
        """Whether the script began and didn't end."""
        ending = self._scripts.pop(fault).finish(max(0, self._end - time.monotonic()))
        assert "begun" in ending.stdout
        return ending.hung

    def end(self) -> None:
        for script in self._scripts.values():
            script.finish(0)


@pytest.fixture(scope="module")
def hanging(old: Version) -> Iterator[Hanging]:
    scripts = Hanging(old)
    try:
        yield scripts
    finally:
        scripts.end()


# What asks 0.0.3 does so when it is called, so that where 0.0.3 can't be had a test is only
# skipped after it has tried ours.


@pytest.fixture
def hung(request: pytest.FixtureRequest) -> Hung:
    """Whether 0.0.3 began the script and didn't end it."""
    return lambda *fault: request.getfixturevalue("hanging")(*fault)


@pytest.fixture
def old_answer(request: pytest.FixtureRequest) -> OldAnswer:
    """What 0.0.3 answers."""
    return lambda *fault: answer(request.getfixturevalue("old"), *fault)


# -- it hangs -----------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", POOLS)
def test_sys_exit_is_the_failure_of_its_task_alone(hung: Hung, pool: str) -> None:
    fault = "sys_exit_in_a_task", pool
    assert answer(OURS, *fault) == [["exits", None, "SystemExit"], ["other", 3, None]]
    assert hung(*fault)


@pytest.mark.parametrize("pool", POOLS)
def test_an_interrupt_raised_by_a_task_is_its_failure(hung: Hung, pool: str) -> None:
    fault = "interrupt_raised_in_a_task", pool
    ours = answer(OURS, *fault)
    assert ours == [["interrupts", None, "KeyboardInterrupt"], ["other", 3, None]]
    assert hung(*fault)


@pytest.mark.parametrize("pool", POOLS)
def test_the_loop_over_results_can_be_left_early(hung: Hung, pool: str) -> None:
    fault = "leaving_the_loop_early", pool
    assert answer(OURS, *fault) == ["first", None, None]
    assert hung(*fault)


@pytest.mark.parametrize("pool", POOLS)
def test_an_error_in_the_loop_over_results_ends_it(hung: Hung, pool: str) -> None:
    fault = "error_in_the_loop", pool
    assert answer(OURS, *fault) == "first"
    assert hung(*fault)


def test_a_worker_process_that_exits_loses_its_task_alone(hung: Hung) -> None:
    ours = answer(OURS, "worker_that_exits")
    assert ours == [["exits", None, "TaskLostError"], ["other", 3, None]]
    assert hung("worker_that_exits")


def test_a_worker_process_that_is_killed_loses_its_task_alone(hung: Hung) -> None:
    ours = answer(OURS, "worker_that_is_killed")
    assert ours == [["dies", None, "TaskLostError"], ["other", 3, None]]
    assert hung("worker_that_is_killed")


def test_large_results_do_not_block_the_shutdown_of_processes(hung: Hung) -> None:
    assert answer(OURS, "large_results") == [1 << 21] * 2
    assert hung("large_results")


def test_an_exception_of_a_local_class_comes_back_from_a_process(hung: Hung) -> None:
    assert answer(OURS, "exception_of_a_local_class") == [["fails", None, "ValueError"]]
    assert hung("exception_of_a_local_class")


def test_cycles_are_found_under_optimisation(hung: Hung) -> None:
    for fault in ("cycle",), ("-O", "cycle"):
        assert answer(OURS, *fault).startswith("Unsatisfied requires remain: ['b', 'a']")
    assert hung("-O", "cycle")


# -- it loses, misreports or refuses --------------------------------------------------------------


def test_cycles_are_found_without_optimisation(old_answer: OldAnswer) -> None:
    assert old_answer("cycle").startswith("Unsatisfied requires remain: ['")


def test_an_exception_that_cannot_be_unpickled_fails_its_task(old_answer: OldAnswer) -> None:
    fault = "exception_that_cannot_be_unpickled"
    assert answer(OURS, fault) == [["fails", None, "NeedsTwo"]]
    assert old_answer(fault).startswith("TypeError")  # to who iterates over results


def test_a_second_run_has_all_tasks(old_answer: OldAnswer) -> None:
    assert answer(OURS, "second_run") == [["a", "b", "c"]] * 2
    assert old_answer("second_run") == [["a", "b", "c"], ["a"]]


def test_two_providers_of_a_tag_draw_no_warning(old_answer: OldAnswer) -> None:
    assert answer(OURS, "two_providers") == [["a", "b", "c"], []]
    ran, warned = old_answer("two_providers")
    assert (ran, len(warned)) == (["a", "b", "c"], 1)
    assert warned[0].startswith("Dep 'one' provided by")


def test_equal_priorities_run_as_they_were_added(old_answer: OldAnswer) -> None:
    assert answer(OURS, "equal_priorities") is True
    assert old_answer("equal_priorities") is False


def test_partials_methods_objects_and_builtins_are_tasks(old_answer: OldAnswer) -> None:
    fault = "callables_that_are_no_functions"
    assert answer(OURS, fault) == {
        "partial": [[3, None]],
        "method": [["method", None]],
        "object": [["object", None]],
        "builtin": [[0, None]],
    }
    failure = [[None, "AttributeError"]]
    assert old_answer(fault) == {
        "partial": failure,
        "method": "AttributeError",
        "object": failure,
        "builtin": "AttributeError",
    }


def test_bound_methods_and_builtins_are_given_metadata(old_answer: OldAnswer) -> None:
    fault = "metadata_of_callables_that_are_no_functions"
    assert answer(OURS, fault) == {"builtin": 3, "method": 3}
    assert old_answer(fault) == {"builtin": "AttributeError", "method": "AttributeError"}


def test_metadata_is_copied_and_pickled(old_answer: OldAnswer) -> None:
    assert answer(OURS, "copied_metadata") == [[["a"], 3, {"key": 1}]] * 3
    assert old_answer("copied_metadata") == ["RecursionError"] * 3


def test_a_controlled_failure_without_deps_wakes_who_waits_for_its_lock() -> None:
    """The wheel of 0.0.3 knows no deps_ok."""
    ours = answer(OURS, "deps_of_a_controlled_failure")
    assert ours == [["a", None, "TaskFailError"], ["b", None, None], ["c", None, None]]


def test_a_task_that_queues_holds_no_locks(old_answer: OldAnswer) -> None:
    assert answer(OURS, "queueing_with_locks") == ["first", "sooner", "later"]
    assert old_answer("queueing_with_locks") == ["first", "later", "sooner"]


# -- it gets slow -----------------------------------------------------------------------------


def test_work_per_task_does_not_grow_with_the_number_of_tasks(old_answer: OldAnswer) -> None:
    """Eight times the tasks, in each case; 0.0.3 would take 30 seconds for as many as ours."""
    assert min(answer(OURS, "growth_of_cost", "3", "500", "4000")) < 2
    assert max(old_answer("growth_of_cost", "1", "100", "800")) > 3
