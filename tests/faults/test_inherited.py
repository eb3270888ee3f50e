"""Rows 27 and 30 of the fault matrix: what workers inherit, and must not be disturbed by."""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import pathlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import busy_tasks
import inherited_tasks
import pytest
import signal_tasks
from fault_programs import make

from pexen import Sched, task
from pexen.sched import Outcome
from pexen.sched.common import Task, TaskRes
from pexen.sched.pool import crew, handle

# Seconds within which any of these runs ends on a busy machine, if no worker has to be killed.
PATIENCE = 30.0


@pytest.fixture(autouse=True)
def no_worker_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within that; so a run in which one has to be takes longer, on any machine."""
    monkeypatch.setattr(crew, "STOP_GRACE", 2 * PATIENCE)
    monkeypatch.setattr(handle, "STOP_GRACE", 2 * PATIENCE)


# What a worker that was forked while it was held does without it: waits, or has it anew.
HELD = {
    "lock": Outcome.TIMEOUT,
    "log_handler": Outcome.OK,
    "import": Outcome.TIMEOUT,
    "tempfile": Outcome.TIMEOUT,
    "stream": Outcome.TIMEOUT,
}


def run(start_method: str, tasks: Sequence[Task], **options: Any) -> list[TaskRes]:
    pool = make(start_method, workers=2, **options)
    return sorted(Sched(tasks).run(pool), key=lambda res: tasks.index(res.task))


# Where nothing is inherited, two of these stand for all.
HELD_CASES = [("fork", what) for what in HELD]
HELD_CASES += itertools.product(["forkserver", "spawn"], ["lock", "import"])


@pytest.mark.parametrize(("start_method", "what"), HELD_CASES)
def test_only_a_task_that_needs_what_a_thread_holds_hangs(start_method: str, what: str) -> None:
    needy = getattr(inherited_tasks, f"need_{what}")
    needs = task(functools.partial(needy), timeout=0.5, priority=-1)
    others = [functools.partial(inherited_tasks.need_nothing_held) for _ in range(6)]
    with inherited_tasks.holding(getattr(inherited_tasks, f"hold_{what}")):
        first, *rest = run(start_method, [needs, *others])
    assert first.outcome is (HELD[what] if start_method == "fork" else Outcome.OK)
    assert [res.outcome for res in rest] == [Outcome.OK] * 6


@pytest.mark.parametrize("what", HELD)
def test_what_a_thread_holds_holds_up_no_forked_worker(what: str) -> None:
    others = [functools.partial(inherited_tasks.need_nothing_held) for _ in range(6)]
    with inherited_tasks.holding(getattr(inherited_tasks, f"hold_{what}")):
        begun = time.monotonic()
        results = run("fork", others, tasks_per_worker=2)
        assert time.monotonic() - begun < PATIENCE, "workers had to be killed"
    assert [res.outcome for res in results] == [Outcome.OK] * 6


@pytest.mark.parametrize("name", ["stdout", "stderr"])
def test_a_thread_that_writes_without_end_holds_up_no_worker(
    start_method: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = inherited_tasks.SlowRaw()
    monkeypatch.setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(raw), write_through=True))
    write = functools.partial(inherited_tasks.write_in_a_loop, name)
    fork = os.fork

    def fork_in_the_middle() -> int:
        assert raw.writing.wait(30)
        return fork()

    monkeypatch.setattr(os, "fork", fork_in_the_middle)
    tasks = [functools.partial(inherited_tasks.need_nothing_held) for _ in range(4)]
    with inherited_tasks.holding(write):
        begun = time.monotonic()
        results = run(start_method, tasks, tasks_per_worker=1)
        assert time.monotonic() - begun < PATIENCE, "workers had to be killed"
    assert [res.outcome for res in results] == [Outcome.OK] * 4


LEFT = [
    "a_thread", "a_thread_unknown_to_threading", "what_nobody_reads", "a_thread_and_block_the_alarm"
]  # fmt: skip


@pytest.mark.parametrize("what", LEFT)
def test_what_a_task_has_left_in_stdout_holds_up_no_worker(start_method: str, what: str) -> None:
    begun = time.monotonic()
    (res,) = run(start_method, [getattr(inherited_tasks, f"leave_{what}")])
    assert time.monotonic() - begun < PATIENCE, "the worker had to be killed"
    assert res.outcome is Outcome.OK


DEFAULTS = {
    "handlers": ["0", "0", "default_int_handler", "0", "0"],
    "timer": (0.0, 0.0),
    "wakeup": -1,
    "blocked": [],
    "pending": [],
    "main": True,
}


def hear(number: int, frame: object) -> None:
    """A handler of the parent's; nobody calls it."""


@contextlib.contextmanager
def with_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in signal_tasks.WATCHED}
    for number in signal_tasks.WATCHED:
        signal.signal(number, hear)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@contextlib.contextmanager
def with_a_timer() -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, hear)
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def with_a_wakeup_descriptor() -> Iterator[None]:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = signal.set_wakeup_fd(writer)
    yield
    signal.set_wakeup_fd(before)
    assert not os.get_blocking(writer)
    os.close(reader)
    os.close(writer)


@contextlib.contextmanager
def with_signals_blocked() -> Iterator[None]:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, signal_tasks.WATCHED)
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def with_an_interrupt_pending() -> Iterator[None]:
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    # To this thread: any other one that there is, of a test before this, would take it.
    signal.pthread_kill(threading.get_ident(), signal.SIGINT)
    yield
    assert signal.sigwait({signal.SIGINT}) == signal.SIGINT
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)


CIRCUMSTANCES: list[tuple[str, Any]] = [
    ("fork", with_handlers),
    ("fork", with_a_timer),
    ("fork", with_a_wakeup_descriptor),
    ("fork", with_signals_blocked),
    ("fork", with_an_interrupt_pending),
    ("forkserver", with_signals_blocked),
    ("spawn", with_signals_blocked),
    ("spawn", with_an_interrupt_pending),
]


@pytest.mark.parametrize(("start_method", "circumstance"), CIRCUMSTANCES)
def test_the_parents_signals_are_none_of_a_workers(start_method: str, circumstance: Any) -> None:
    looks = functools.partial(signal_tasks.look_at_signals)
    ends = functools.partial(signal_tasks.end_by_term)
    with circumstance():
        looked, ended = run(start_method, [looks, ends])
    assert looked.ret == DEFAULTS
    assert ended.outcome is Outcome.LOST
    assert ended.excinfo is not None and "SIGTERM" in str(ended.excinfo.val)


@contextlib.contextmanager
def ignoring(number: int) -> Iterator[None]:
    before = signal.signal(number, signal.SIG_IGN)
    yield
    signal.signal(number, before)


@contextlib.contextmanager
def reaping_all_children() -> Iterator[None]:
    """As supervisors do, which then know of an end before who waits for it."""

    def reap(number: int, frame: object) -> None:
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    before = signal.signal(signal.SIGCHLD, reap)
    yield
    signal.signal(signal.SIGCHLD, before)


DEAF: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
    "ignoring SIGTERM": functools.partial(ignoring, signal.SIGTERM),
    "ignoring SIGCHLD": functools.partial(ignoring, signal.SIGCHLD),
    "reaping all": reaping_all_children,
}


@pytest.mark.parametrize("deaf", DEAF)
def test_what_the_parent_does_not_hear_disturbs_no_ends(
    start_method: str, deaf: str, tmp_path: pathlib.Path
) -> None:
    hangs = busy_tasks.busy(busy_tasks.sleep, tmp_path / "mark", timeout=0.3)
    dies = functools.partial(signal_tasks.end_by_kill)
    ends = functools.partial(busy_tasks.do_nothing)
    with DEAF[deaf]():
        results = run(start_method, [hangs, dies, ends])
    assert [res.outcome for res in results] == [Outcome.TIMEOUT, Outcome.LOST, Outcome.OK]


def test_a_task_learns_how_its_child_ended_if_the_parent_does_not_care(start_method: str) -> None:
    waits = functools.partial(signal_tasks.run_a_child)
    with ignoring(signal.SIGCHLD):
        (res,) = run(start_method, [waits])
    assert res.ret == 3, res.excinfo and res.excinfo.text
