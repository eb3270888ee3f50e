"""Workers that die: of signals, by exiting, within a message, beside a process of their own."""

from __future__ import annotations

import functools
import pathlib
import signal
from typing import Any

import fault_tasks as tasks
import pytest
from fault_runs import faulty, make_pool, run_through
from process_tree import gone
from program_support import wait_until

from pexen.sched import TaskLostError, TaskRes
from pexen.sched.meta import meta_of

# The 1 s that the matrix allows from a worker's death to the result that tells of it.
NOTICED_SECONDS = 1.0


def test_a_worker_that_is_killed_loses_only_its_task(start_method: str) -> None:
    killed = faulty(tasks.kill_itself, claims=["disk"], provides=["data"])
    needs_data = faulty(int, requires=["data"])
    needs_disk = faulty(int, claims=["disk"], priority=1)
    expected = {killed: "lost", needs_data: "blocked", needs_disk: "blocked"}
    account = run_through(make_pool(start_method, workers=4), expected)
    res = account.results[killed]
    assert res.excinfo is not None and res.excinfo.type is TaskLostError
    assert "was ended by signal SIGKILL" in account.text_of(killed)
    assert account.sched.blocked[needs_data].culprits == (killed,)
    assert account.sched.blocked[needs_disk].culprits == (killed,)


def test_the_signal_that_ended_a_worker_is_named_and_of_a_crash_the_stack(
    start_method: str,
) -> None:
    crashes = {
        faulty(tasks.read_at_address_zero): "SIGSEGV",
        faulty(tasks.abort): "SIGABRT",
    }
    terminated = faulty(tasks.signal_itself, signal.SIGTERM)
    account = run_through(make_pool(start_method), dict.fromkeys([*crashes, terminated], "lost"))
    for each, name in crashes.items():
        assert f"was ended by signal {name}" in account.text_of(each)
    assert "in read_at_address_zero" in account.text_of(next(iter(crashes)))
    assert "was ended by signal SIGTERM" in account.text_of(terminated)


def test_a_task_that_exits_at_once_is_lost_whatever_its_code(start_method: str) -> None:
    exits = {faulty(tasks.exit_at_once, code): code for code in (0, 7)}
    account = run_through(make_pool(start_method), dict.fromkeys(exits, "lost"))
    for each, code in exits.items():
        assert f"exited with code {code}" in account.text_of(each)


def test_a_death_within_a_result_is_noticed_at_once(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    note = tmp_path / "killed"
    dies = faulty(tasks.die_within_the_result, str(note))
    account = run_through(make_pool(start_method), {dies: "lost"})
    assert "SIGKILL" in account.text_of(dies)
    assert account.arrived[dies] - float(note.read_text()) < NOTICED_SECONDS


def give(size: int, res: TaskRes) -> None:
    """For the consumer: give so many bytes to those who require what the task provides."""
    if "large" in meta_of(res.task).provides:
        res.shared["large"] = bytes(size)


def test_a_worker_killed_while_it_reads_an_argument_loses_nothing(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    killed = str(tmp_path / "killed")
    provider = faulty(int, provides=["large"])
    reads = [faulty(tasks.measure, requires=["large"]) for _ in range(2)]
    initializer = functools.partial(tasks.kill_within_a_large_read, killed, 1)
    pool = make_pool(start_method, initializer=initializer)
    expected = dict.fromkeys([provider, *reads], "ok")
    account = run_through(pool, expected, consume=functools.partial(give, 50_000_000))
    assert [account.results[each].ret for each in reads] == [50_000_000] * 2
    assert [path.name for path in tmp_path.iterdir()] == ["killed-0"]


def test_a_worker_killed_while_it_reads_what_comes_after_a_submission_taken_back_loses_nothing(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    """It has read the one taken back, and then takes up the ticket of the one behind it."""
    go, begun = tmp_path / "go", tmp_path / "begun"
    waits = faulty(tasks.wait_for, str(go), str(begun))
    first, behind = faulty(int), faulty(tasks.measure)
    initializer = functools.partial(
        tasks.kill_within_a_large_read, str(tmp_path / "killed"), 1
    )
    pool = make_pool(start_method, workers=1, spare=2, initializer=initializer)
    pool.register([waits, first, behind])
    pool.start()
    pool.submit(waits)
    pool.submit(first)
    assert wait_until(begun.exists)
    assert pool.withdraw() == [first]
    pool.submit(behind, {"large": bytes(5_000_000)})
    go.touch()
    pool.shutdown()
    results = {res.task: res for res in pool.iter_results()}
    assert (results[behind].outcome, results[behind].ret) == ("ok", 5_000_000)
    assert (tmp_path / "killed-0").exists()


@pytest.mark.parametrize("spare", [0, 1])
def test_an_argument_that_ends_whoever_reads_it_loses_only_its_task(
    start_method: str, spare: int, tmp_path: pathlib.Path
) -> None:
    provider = faulty(int, provides=["large"])
    reads = faulty(tasks.measure, requires=["large"])
    initializer = functools.partial(tasks.kill_within_a_large_read, str(tmp_path / "killed"), 1000)
    pool = make_pool(start_method, spare=spare, initializer=initializer)
    expected = {provider: "ok", reads: "lost"}
    account = run_through(pool, expected, consume=functools.partial(give, 5_000_000))
    assert "SIGKILL" in account.text_of(reads)


@pytest.mark.parametrize(
    "body", [tasks.fork_and_be_killed, tasks.fork_and_die_within_the_result]
)
def test_a_death_is_noticed_while_a_child_of_the_task_lives(
    start_method: str, body: Any, tmp_path: pathlib.Path
) -> None:
    note, pid = tmp_path / "killed", tmp_path / "pid"
    dies = faulty(body, str(pid), str(note))
    account = run_through(make_pool(start_method), {dies: "lost"})
    assert account.arrived[dies] - float(note.read_text()) < NOTICED_SECONDS
    assert gone(int(pid.read_text()))
