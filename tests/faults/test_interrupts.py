"""Rows 22 and 23 of the fault matrix: a run that is interrupted or told to end from outside.

The matrix wants 50 moments of each kind: so many there are if PEXEN_FULL_FAULTS=1 is set, else 4.
"""

from __future__ import annotations

import pathlib
import random
import signal
import time

import pytest
from program_support import FULL, LIMIT_SECONDS, PROMPT_SECONDS, End, Program

MOMENTS = 50 if FULL else 4
STARTING_MOMENTS = 50 if FULL else 2


def check_one_interrupt(end: End) -> None:
    """It died of a KeyboardInterrupt, whose traceback is all it wrote to stderr."""
    assert end.status == -signal.SIGINT, end.err
    assert end.err.startswith("Traceback (most recent call last):\n"), end.err
    assert end.err.count("Traceback") == 1 and end.err.endswith("\nKeyboardInterrupt\n"), end.err


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_an_interrupt_in_the_middle_of_a_run_is_raised_once(kind: str, moment: int) -> None:
    delay = random.Random(f"{kind} {moment}").uniform(0, 0.5)
    with Program(kind, script="endless_run.py") as program:
        while program.line() != "in the middle":
            pass
        time.sleep(delay)
        program.signal(signal.SIGINT)
        check_one_interrupt(program.end())
        program.check_gone()


@pytest.mark.parametrize("moment", range(STARTING_MOMENTS))
def test_an_interrupt_while_workers_start_is_raised_once(kind: str, moment: int) -> None:
    longest = {"threads": 0.01, "fork": 0.05}.get(kind, 0.5)
    delay = random.Random(f"{kind} {moment}").uniform(0, longest)
    with Program(kind, script="endless_run.py") as program:
        assert program.line() == "starting"
        time.sleep(delay)
        program.signal(signal.SIGINT)
        check_one_interrupt(program.end())
        program.check_gone()


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
def test_a_worker_hears_no_interrupt_while_it_imports_the_program(method: str) -> None:
    with Program(method, script="masked_import.py") as program:
        lines = program.end(LIMIT_SECONDS).out.splitlines()
        assert "ok" in lines and "imported, SIGINT is blocked" in lines
        assert "imported, SIGINT is heard" not in lines, lines


def await_work(program: Program, tasks: int = 2) -> None:
    """Wait until so many tasks are at work."""
    while tasks:
        tasks -= program.line() == "at work"


@pytest.mark.parametrize("body", ["hang", "loop"])
def test_an_interrupted_run_tears_down_and_tells_its_listeners(kind: str, body: str) -> None:
    with Program(kind, body, "end_well", script="interrupted_run.py") as program:
        await_work(program)
        program.signal(signal.SIGINT)
        end = program.end(LIMIT_SECONDS)  # a worker may have to be started for the teardown
        check_one_interrupt(end)
        assert sorted(line for line in end.out.splitlines() if "ended" in line) == [
            "first ended lost",
            "never ended cancelled",
            "second ended lost",
            "teardown ended ok",
        ]
        program.check_gone()


def test_an_interrupt_ends_tasks_that_ignore_all_that_can_be_ignored(start_method: str) -> None:
    arguments = start_method, "ignore_signals", "end_well"
    with Program(*arguments, script="interrupted_run.py") as program:
        await_work(program)
        program.signal(signal.SIGINT)
        end = program.end(LIMIT_SECONDS)  # a worker may have to be started for the teardown
        check_one_interrupt(end)
        lines = end.out.splitlines()
        assert {"first ended lost", "second ended lost", "teardown ended ok"} <= set(lines)
        program.check_gone()


def check_interrupts_only(end: End) -> None:
    """As `check_one_interrupt`; but the second one may have come in the handling of the first."""
    assert end.status == -signal.SIGINT, end.err
    ends = [line for line in end.err.splitlines() if line and line[0] not in " T"]
    between = "During handling of the above exception, another exception occurred:"
    assert ends and set(ends) <= {"KeyboardInterrupt", between}, end.err


def test_a_second_interrupt_ends_a_teardown_that_hangs(kind: str) -> None:
    with Program(kind, "hang", "hang", script="interrupted_run.py") as program:
        await_work(program)
        program.signal(signal.SIGINT)
        await_work(program, tasks=1)
        program.signal(signal.SIGINT)
        check_interrupts_only(program.end())
        program.check_gone()


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_a_second_interrupt_ends_what_ignores_the_first(start_method: str, gap: float) -> None:
    arguments = start_method, "ignore_signals", "hang"
    with Program(*arguments, script="interrupted_run.py") as program:
        await_work(program)
        program.signal(signal.SIGINT)
        assert program.line() == "stopping"
        time.sleep(gap)
        program.signal(signal.SIGINT)
        check_interrupts_only(program.end())
        program.check_gone()


def test_whoever_interrupts_without_end_ends_it(kind: str) -> None:
    body = "hang" if kind == "threads" else "ignore_signals"
    with Program(kind, body, "hang", script="interrupted_run.py") as program:
        await_work(program)
        end = time.monotonic() + PROMPT_SECONDS
        while program.process.poll() is None:
            assert time.monotonic() < end, program.describe_left()
            program.signal(signal.SIGINT)
            time.sleep(0.005)
        program.check_gone()


SUITE = """
import time
from pexen import task

def wait():
    print("at work", flush=True)
    time.sleep(600)

def loop():
    print("at work", flush=True)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        pass

task(wait, provides=["up"])
task(loop, provides=["up"])

@task(after=["up"], teardown=True)
def clean_up():
    print("cleaned up", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_command_ends_in_order_and_dies_by_the_signal(
    kind: str, number: signal.Signals, tmp_path: pathlib.Path
) -> None:
    suite = tmp_path / "suite.py"
    suite.write_text(SUITE)
    how = "--threads" if kind == "threads" else f"--start-method={kind}"
    with Program("-m", "pexen", "run", "-s", "-j2", how, "suite", folder=tmp_path) as program:
        await_work(program)
        program.process.send_signal(number)
        end = program.end(LIMIT_SECONDS)
        assert end.status == -number and "Traceback" not in end.err, end.err
        lines = end.out.splitlines()
        assert "cleaned up" in lines and "\ninterrupted; " in end.out, lines
        assert sum(line.startswith("lost ") for line in lines) == 2, lines
        program.check_gone()
