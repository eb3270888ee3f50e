"""Row 24 of the fault matrix: whatever its workers do, none outlives a run's process."""

from __future__ import annotations

import itertools
import os
import signal

import pytest
from program_support import Program

BODIES = [
    "hang",
    "loop",
    "hold_the_gil",
    "ignore_signals",
    "wait_for_commands",
    "wait_for_a_process",
    "run_others",
]

# What a worker can do against its end doesn't depend on how it was started; the means to end it do.
CASES = [("fork", body) for body in BODIES]
CASES += itertools.product(["forkserver", "spawn"], ["hold_the_gil", "run_others"])


def at_work(program: Program) -> None:
    """Wait until both workers are."""
    for _ in range(2):
        assert program.line() == "at work"


@pytest.mark.parametrize(("start_method", "body"), CASES)
def test_busy_workers_and_what_they_started_end_with_the_run(start_method: str, body: str) -> None:
    with Program(start_method, body, script="killed_parent.py") as program:
        at_work(program)
        assert len(program.left()) > 2
        program.process.kill()
        assert program.end().status == -signal.SIGKILL
        program.check_gone()


@pytest.mark.parametrize("body", ["do_nothing", "return_much"])
def test_idle_workers_and_those_with_a_result_end_with_the_run(
    start_method: str, body: str
) -> None:
    with Program(start_method, body, script="killed_parent.py") as program:
        at_work(program)
        program.process.kill()
        program.end()
        program.check_gone()


def test_stopped_workers_end_with_the_run(start_method: str) -> None:
    with Program(start_method, "hang", script="killed_parent.py") as program:
        at_work(program)
        workers = [pid for pid in program.left() if os.getpgid(pid) == pid != program.pid]
        assert len(workers) == 2
        for pid in workers:
            os.kill(pid, signal.SIGSTOP)
        program.process.kill()
        program.end()
        program.check_gone()
