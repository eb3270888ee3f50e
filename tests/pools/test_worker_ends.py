"""What is told of workers that were ended, and what a fork of the parent may not disturb."""

from __future__ import annotations

import ctypes
import errno
import functools
import io
import multiprocessing
import os
import pathlib
import signal
import sys
import threading
import time
from typing import Any

import pool_tasks as tasks
import process_tree
import pytest
from pool_support import children, make
from test_contract import finish, started

from pexen import Sched, task
from pexen.sched import Outcome
from pexen.sched.pool import ProcessWorkerPool, channel, ending, travel
from pexen.sched.pool.workerqueue import WorkerQueue

pytestmark = pytest.mark.abandons


def crash() -> None:
    ctypes.string_at(0)


def fail_with_an_unpicklable_cause() -> None:
    try:
        raise KeyError("the deepest")
    except KeyError as deepest:
        try:
            raise tasks.TwoArguments("one", "two") from deepest
        except tasks.TwoArguments as middle:
            middle.add_note("a note")
            middle.lock = threading.Lock()  # type: ignore[attr-defined]
            raise ValueError("the last") from middle


def close_what_it_did_not_open(*, folder: str) -> None:
    os.closerange(3, 4096)
    files = [open(os.path.join(folder, str(number)), "w") for number in range(40)]
    for file in files:
        file.close()


@pytest.mark.abandons
def test_a_timeout_tells_where_the_task_was(kind: str) -> None:
    (res,) = Sched([tasks.never_ends]).run(make(kind))
    assert "what its worker was doing" in res.excinfo.text
    assert "in never_ends" in res.excinfo.text and "run_task" not in res.excinfo.text
    assert "limit 0.2 s" in str(res.excinfo.val)
    assert res.duration is not None and res.duration >= 0.2


def test_a_crash_tells_where_the_task_was(start_method: str) -> None:
    (res,) = Sched([crash]).run(make(start_method))
    assert res.outcome is Outcome.LOST and "SIGSEGV" in str(res.excinfo.val)
    assert "in crash" in res.excinfo.text and "run_task" not in res.excinfo.text


@pytest.mark.abandons
def test_a_run_has_a_timeout_for_tasks_that_have_none(kind: str) -> None:
    endless = functools.partial(tasks.never_ends)  # without its metadata
    patient = task(functools.partial(tasks.noop), timeout=60)
    results = {res.task: res for res in Sched([endless, patient]).run(make(kind, 2), timeout=0.2)}
    assert results[endless].outcome is Outcome.TIMEOUT
    assert "limit 0.2 s" in str(results[endless].excinfo.val)
    assert results[patient].outcome is Outcome.OK


@pytest.mark.parametrize("wrong", [0, -1, "1"])
def test_a_senseless_timeout_of_a_run_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=f"timeout is {wrong!r}"):
        Sched([tasks.noop]).run(timeout=wrong)


def test_an_exception_arrives_with_its_chain(kind: str) -> None:
    pool = started(kind, fail_with_an_unpicklable_cause)
    pool.submit(fail_with_an_unpicklable_cause)
    (res,) = finish(pool)
    last = res.excinfo.val
    assert type(last) is ValueError and last.args == ("the last",)
    middle = last.__cause__
    assert type(middle) is tasks.TwoArguments and middle.second == "two"
    assert middle.args == ("one",) and middle.__notes__ == ["a note"]
    assert type(middle.__cause__) is KeyError
    assert "the deepest" in res.excinfo.text and "the last" in res.excinfo.text


def test_no_file_of_a_task_receives_what_was_meant_for_a_pipe(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    closes = task(close_what_it_did_not_open, kwargs={"folder": str(tmp_path)})
    closed, fine = Sched([closes, task(tasks.noop, priority=1)]).run(make(start_method))
    assert closed.outcome is Outcome.LOST
    assert "closed or replaced its pipes" in str(closed.excinfo.val)
    assert fine.outcome is Outcome.OK
    assert [path.stat().st_size for path in tmp_path.iterdir()] == [0] * 40


def close_pipes_and_leave_a_stream_that_is_locked() -> None:
    os.closerange(3, 4096)
    sys.stdout = Locked()


class Locked(io.StringIO):
    """A stream whose lock a thread has that isn't there: Python takes this one for it."""

    def flush(self) -> None:
        raise RuntimeError("reentrant call")


def test_a_worker_whose_pipes_are_gone_says_so_also_if_it_cannot_flush(start_method: str) -> None:
    (res,) = Sched([close_pipes_and_leave_a_stream_that_is_locked]).run(make(start_method))
    assert "closed or replaced its pipes" in str(res.excinfo.val)


def test_a_process_that_the_consumer_forks_leaves_the_run_alone(kind: str) -> None:
    bodies = [functools.partial(tasks.noop) for _ in range(6)]
    sched = Sched(bodies)
    results = sched.run(make(kind, 2))
    next(results)
    pid = os.fork()
    if not pid:
        try:
            results.close()
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert len(list(results)) == 5
    assert [sched.outcomes[body] for body in bodies] == [Outcome.OK] * 6


def test_what_a_forked_task_says_to_the_scheduler_goes_nowhere(tmp_path: pathlib.Path) -> None:
    def stops() -> list[int]:
        files = [(tmp_path / str(number)).open("w") for number in range(40)]
        sched.stop()
        for file in files:
            file.close()
        return [path.stat().st_size for path in tmp_path.iterdir()]

    sched = Sched([stops])
    (res,) = sched.run(ProcessWorkerPool())
    assert res.ret == [0] * 40


def test_ends_are_seen_without_pidfds(
    start_method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(pid: int, flags: int = 0) -> int:
        raise OSError(errno.ENOSYS, "not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    lost, fine = Sched([tasks.die, task(tasks.noop, priority=1)]).run(make(start_method))
    assert lost.outcome is Outcome.LOST and "SIGKILL" in str(lost.excinfo.val)
    assert fine.outcome is Outcome.OK


def test_a_worker_whose_end_cannot_be_watched_is_not_left_behind(
    start_method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(process: Any) -> int:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr("pexen.sched.pool.child._end_of", refuse)
    with pytest.raises(Exception, match="no worker process can be started: .*too many"):
        list(Sched([tasks.noop]).run(make(start_method)))


def test_a_worker_ends_although_its_end_is_told_to_nobody() -> None:
    previous = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        fine, lost = Sched([tasks.noop, task(tasks.die, priority=1)]).run(ProcessWorkerPool())
    finally:
        signal.signal(signal.SIGCHLD, previous)
    assert fine.outcome is Outcome.OK
    assert lost.outcome is Outcome.LOST and "SIGCHLD is ignored" in str(lost.excinfo.val)


@pytest.mark.parametrize("timeout", [1e7, 1e10, float("inf")])
def test_a_timeout_may_be_longer_than_systems_wait(kind: str, timeout: float) -> None:
    """A wait of months was refused, but only outside the main thread, which looks up often."""
    patient = task(functools.partial(tasks.noop), timeout=timeout)
    got: list[Any] = []
    thread = threading.Thread(target=lambda: got.extend(Sched([patient]).run(make(kind))))
    thread.start()
    thread.join()
    assert [res.outcome for res in got] == [Outcome.OK]


def test_a_dict_that_cannot_be_sent_wakes_who_waits_for_results(start_method: str) -> None:
    pool = started(start_method, tasks.echo)
    got: list[Any] = []
    waiting = threading.Thread(target=lambda: got.append(next(pool.iter_results())))
    waiting.start()
    pool.submit(tasks.echo, {"lock": threading.Lock()})
    waiting.join(30)
    assert [res.outcome for res in got] == [Outcome.FAILED]
    finish(pool)


def test_a_task_behind_one_that_just_ends_is_not_charged_with_its_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that ended while the parent judged it had its worker ended, and the next task with it."""
    taken_back = WorkerQueue.take_back

    def take_back(queue: WorkerQueue) -> Any:
        if queue.out > 1:
            time.sleep(0.3)  # meanwhile the first one ends, and the second begins
        return taken_back(queue)

    monkeypatch.setattr(WorkerQueue, "take_back", take_back)
    ends_late = task(functools.partial(time.sleep, 0.6), timeout=0.5)
    behind = task(functools.partial(time.sleep, 0.2), priority=1)
    results = {res.task: res for res in Sched([ends_late, behind]).run(ProcessWorkerPool(1))}
    assert {body: res.outcome for body, res in results.items()} == {
        ends_late: Outcome.OK, behind: Outcome.OK
    }


def test_a_teardown_is_not_ended_for_a_task_before_it(tmp_path: pathlib.Path) -> None:
    """The run was aborted while the result of an ended task was unread, and a teardown ran."""
    began, unread = tmp_path / "began", functools.partial(tasks.noop)
    up = task(lambda: None, provides=["up"])
    read = task(functools.partial(tasks.noop), priority=1)
    task(unread, priority=2)

    def down() -> None:
        began.touch()
        time.sleep(0.5)

    task(down, after=["up"], teardown=True, priority=5)
    sched = Sched([up, read, unread, down])
    for res in sched.run(ProcessWorkerPool(1, spare=3)):
        if res.task is read:
            while not began.exists():
                time.sleep(0.01)
            break
    assert sched.outcomes[down] is Outcome.OK


def test_a_worker_that_cannot_be_ended_does_not_hold_up_the_end(
    start_method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As one that waits in the kernel for a disk, say; its end just isn't seen here."""
    monkeypatch.setattr("pexen.sched.pool.handle.WorkerProcess.join", lambda *_: False)
    pool = started(start_method, tasks.noop)
    pool.terminate()
    assert "process-1 doesn't end, although it was killed" in caplog.text
    deadline = time.monotonic() + 30
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)


def test_a_submission_that_kills_whoever_reads_it_is_lost_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was handed out again and again, as it had never begun."""
    poison, harmless = functools.partial(tasks.noop), functools.partial(tasks.noop)
    index = [harmless, poison].index(poison)

    wait = channel.Reader.wait

    def wait_or_die(reader: channel.Reader) -> bool:
        came = wait(reader)
        for payload, _ in reader.messages:
            if payload != travel.stop_message():
                if travel.submission_numbers(payload)[1] == index:
                    os.kill(os.getpid(), signal.SIGKILL)
        return came

    monkeypatch.setattr(channel.Reader, "wait", wait_or_die)
    results = {res.task: res for res in Sched([harmless, poison]).run(ProcessWorkerPool(2))}
    assert results[harmless].outcome is Outcome.OK
    assert results[poison].outcome is Outcome.LOST
    assert "3 workers died before they could begin it" in str(results[poison].excinfo.val)
    assert "SIGKILL" in str(results[poison].excinfo.val)


def test_a_task_that_changes_its_worker_still_has_its_timeout() -> None:
    """One that was given back to its worker, in the first place, never timed out."""
    quick, other, last = (functools.partial(tasks.noop) for _ in range(3))
    endless = task(functools.partial(time.sleep, 5), timeout=0.5)
    pool = ProcessWorkerPool(2, spare=2)
    told: list[Any] = []
    pool.on_begin = lambda body, time: told.append(body)
    pool.register([quick, other, last, endless])
    pool.start()
    while not all(worker.ready for worker in pool._crew.workers.values()):
        pool.results(0.05)
    (first, _) = sorted(children())
    os.kill(first, signal.SIGSTOP)  # as on a loaded machine: it doesn't get to run
    results: list[Any] = []
    for body in (quick, other, endless, last):
        pool.submit(body)
    while len(results) < 2:
        results += pool.results(0.05)
    results += pool.results(0.05)  # the second worker is idle, and gets something of the first's
    os.kill(first, signal.SIGCONT)
    results += finish(pool)
    assert {res.task: res.outcome for res in results} == {
        quick: Outcome.OK, other: Outcome.OK, last: Outcome.OK, endless: Outcome.TIMEOUT
    }
    assert sorted(map(id, told)) == sorted(map(id, [quick, other, last, endless]))


class Interrupted:
    """Ctrl-C is pressed while it is pickled."""

    def __reduce__(self) -> Any:
        raise KeyboardInterrupt


def test_an_interrupt_while_a_dict_is_pickled_is_the_users(start_method: str) -> None:
    pool = started(start_method, tasks.echo)
    with pytest.raises(KeyboardInterrupt):
        pool.submit(tasks.echo, {"interrupted": Interrupted()})
    pool.terminate()


def test_a_process_that_comes_to_lead_its_group_as_that_is_killed_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A worker that was killed at its start lived on, and the run waited five seconds for it."""
    kill_group = os.killpg

    def kill_group_and_have_it_made(group: int, number: int) -> None:
        try:
            kill_group(group, number)
        finally:
            os.setpgid(group, group)  # as the process itself does

    monkeypatch.setattr(os, "killpg", kill_group_and_have_it_made)
    pid = os.fork()
    if pid == 0:
        while True:
            signal.pause()
    ending.signal_group(pid, signal.SIGKILL)
    ended = process_tree.gone(pid)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    assert ended


def hangs(*, fd: int, deaf: bool = False) -> None:
    if deaf:
        signal.pthread_sigmask(signal.SIG_BLOCK, {ending.LOOK_SIGNAL})
    os.write(fd, b"!")
    signal.pause()


@pytest.mark.parametrize("again", [False, True])
def test_a_task_that_is_ended_as_the_run_is_tells_where_it_was(
    again: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who is asked again doesn't wait for that: here it would take for ever."""
    monkeypatch.setattr(ending, "_LOOK_SECONDS", 600.0)
    reads, writes = os.pipe()
    hang = task(functools.partial(hangs, fd=writes, deaf=again))
    pool = started("fork", hang)
    pool.submit(hang)
    os.read(reads, 1)
    for _ in range(1 + again):
        pool.kill([hang])
    (res,) = finish(pool)
    os.close(reads)
    os.close(writes)
    assert res.outcome is Outcome.LOST and str(res.excinfo.val) == "ended, as the run was aborted"
    assert ("what its worker was doing" in res.excinfo.text) is not again
    assert ("in hangs" in res.excinfo.text) is not again
