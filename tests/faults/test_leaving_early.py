"""Rows 25 and 26 of the fault matrix: a run whose consumer leaves it, or only stops asking."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import pathlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import busy_tasks
import process_tree
import pytest
from busy_tasks import BusyRun, busy, count_marks
from fault_programs import make
from program_support import LIMIT_SECONDS, Program, wait_until

from pexen import Sched

IN_ORDER = ["lost", "lost", "cancelled", "ok"]
ONLY_ENDED = ["lost", "lost", "cancelled", "cancelled"]


@pytest.fixture
def mark(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A file that grows by a byte for each task that begins."""
    yield tmp_path / "mark"
    busy_tasks.released.set()  # what is left of them in threads ends now


def break_out(run: BusyRun) -> None:
    for _ in run.start():
        run.await_work()
        break


def raise_in_the_loop(run: BusyRun) -> None:
    with pytest.raises(LookupError):
        for _ in run.start():
            run.await_work()
            raise LookupError("the consumer's own")


def throw(run: BusyRun) -> None:
    with pytest.raises(LookupError):
        run.start_and_await().throw(LookupError)  # type: ignore[attr-defined]


def close(run: BusyRun) -> None:
    run.start_and_await().close()  # type: ignore[attr-defined]


def lose(run: BusyRun) -> None:
    results = run.start_and_await()
    del results


def lose_in_a_cycle(run: BusyRun) -> None:
    cycle: list[Any] = [run.start_and_await()]
    cycle.append(cycle)
    del cycle
    gc.collect()


def in_another_thread(function: Callable[[], object]) -> None:
    thread = threading.Thread(target=function)
    thread.start()
    thread.join(LIMIT_SECONDS)
    assert not thread.is_alive()


def close_in_another_thread(run: BusyRun) -> None:
    in_another_thread(run.start_and_await().close)  # type: ignore[attr-defined]


def lose_in_another_thread(run: BusyRun) -> None:
    holder = [run.start_and_await()]
    in_another_thread(holder.clear)


def lose_in_a_cycle_in_another_thread(run: BusyRun) -> None:
    cycle: list[Any] = [run.start_and_await()]
    cycle.append(cycle)
    del cycle
    in_another_thread(gc.collect)


QUICK_KINDS, SLOW_KINDS = ["threads", "fork"], ["forkserver", "spawn"]
IN_THE_SAME_THREAD = [
    *itertools.product(
        QUICK_KINDS, [break_out, raise_in_the_loop, throw, close, lose, lose_in_a_cycle]
    ),
    *itertools.product(SLOW_KINDS, [break_out]),
]
IN_ANOTHER_THREAD = [
    *itertools.product(
        QUICK_KINDS,
        [close_in_another_thread, lose_in_another_thread, lose_in_a_cycle_in_another_thread],
    ),
    *itertools.product(SLOW_KINDS, [lose_in_another_thread]),
]


@pytest.mark.parametrize(("kind", "leave"), IN_THE_SAME_THREAD)
def test_whoever_leaves_in_the_same_thread_leaves_in_order(
    kind: str, leave: Callable[[BusyRun], None], mark: pathlib.Path
) -> None:
    run = BusyRun(kind, busy_tasks.loop, mark)
    leave(run)
    assert run.outcomes() == IN_ORDER
    assert count_marks(mark) == 2


@pytest.mark.parametrize(("kind", "leave"), IN_ANOTHER_THREAD)
def test_what_is_left_in_another_thread_is_only_ended(
    kind: str, leave: Callable[[BusyRun], None], mark: pathlib.Path
) -> None:
    run = BusyRun(kind, busy_tasks.loop, mark)
    leave(run)
    assert run.outcomes() == ONLY_ENDED


ENDS = {
    "keep": 0,
    "keep_in_a_cycle": 0,
    "wait_in_a_thread": 0,
    "run_in_a_thread": 0,
    "exit_python": 7,
    "fail": 1,
    "exit_at_once": 7,
}


AT_EXIT = [
    *itertools.product(QUICK_KINDS, ENDS),
    *itertools.product(SLOW_KINDS, ["keep", "wait_in_a_thread", "exit_at_once"]),
]


@pytest.mark.parametrize(("kind", "how"), AT_EXIT)
def test_a_process_that_ends_during_a_run_leaves_nothing(
    kind: str, how: str, mark: pathlib.Path
) -> None:
    with Program(kind, "loop", str(mark), how, script="left_at_exit.py") as program:
        assert wait_until(lambda: count_marks(mark) == 2), program.errors()
        end = program.end()
        assert end.status == ENDS[how], end.err
        assert end.err.count("Traceback") == (how == "fail"), end.err
        assert "Exception ignored" not in end.err and "Fatal" not in end.err, end.err
        program.check_gone()


def test_a_forked_copy_that_leaves_the_loop_leaves_the_workers_alone(
    start_method: str, mark: pathlib.Path
) -> None:
    arguments = start_method, "sleep", str(mark), "fork"
    with Program(*arguments, script="left_at_exit.py") as program:
        assert program.line() == "alive 2", program.errors()
        end = program.end()
        assert end.status == 0 and not end.err, end.err
        program.check_gone()


WORKERS, SPARE, TASKS = 2, 3, 60


def is_steady(mark: pathlib.Path) -> bool:
    """Wait until no worker goes on, which is seen by looking a few times."""
    seen = -1
    looks = 0

    def looks_steady() -> bool:
        nonlocal seen, looks
        now = count_marks(mark)
        workers = [p for p in process_tree.descendants(os.getpid()) if p.group == p.pid]
        steady = now == seen and all(process.state == "S" for process in workers)
        seen, looks = now, looks + 1 if steady else 0
        return looks == 5

    return wait_until(looks_steady)


@pytest.mark.parametrize("size", [0, 1_000_000])
def test_a_consumer_that_stalls_stalls_the_workers(
    kind: str, size: int, mark: pathlib.Path
) -> None:
    bodies = [busy(functools.partial(busy_tasks.give, size), mark) for _ in range(TASKS)]
    sched = Sched(bodies)
    for taken, _ in enumerate(sched.run(make(kind, workers=WORKERS, spare=SPARE)), 1):
        begun = count_marks(mark)
        if taken % (TASKS // 3) == 1:
            assert is_steady(mark)
        assert count_marks(mark) - begun <= WORKERS + SPARE
        assert count_marks(mark) <= taken + 2 * (WORKERS + SPARE)
    assert taken == count_marks(mark) == TASKS
