"""What is told of processes that a task left running, and that end with its worker."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest
from pool_support import submissions

from pexen import Sched, task
from pexen.sched.pool import ProcessWorkerPool
from pexen.sched.pool.leftovers import leftovers

pytestmark = pytest.mark.skipif(not pathlib.Path("/proc/self/stat").exists(), reason="no /proc")

# The system counts in hundredths of a second when processes start: this one says when it has gone on
# for longer.
SERVER = """
import time
end = time.monotonic() + 0.05
while time.monotonic() < end: pass
print("up", flush=True)
time.sleep(600)
"""


def serve(shared: dict[str, object], **options: bool) -> None:
    command = [sys.executable, "-c", SERVER]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, **options)  # type: ignore[call-overload]
    server.stdout.readline()
    shared["pid"] = server.pid
    server.returncode = 0  # it stays


@task(provides=["server"])
def start(shared: dict[str, object]) -> None:
    serve(shared)


@task(provides=["server"])
def start_apart(shared: dict[str, object]) -> None:
    serve(shared, start_new_session=True)


@task(requires=["server"])
def dies(shared: dict[str, object]) -> None:
    subprocess.Popen(["sleep", "600"])
    os.kill(os.getpid(), signal.SIGKILL)


@task(requires=["server"], timeout=0.2)
def hangs(shared: dict[str, object]) -> None:
    subprocess.Popen(["sleep", "600"])
    time.sleep(600)


@pytest.mark.parametrize(("last", "how"), [(dies, "SIGKILL"), (hangs, "limit 0.2 s")])
def test_what_earlier_tasks_left_running_is_named_by_the_task_with_which_it_ends(
    last: object, how: str
) -> None:
    started, ended = Sched([start, last]).run(ProcessWorkerPool(1))
    text = str(ended.excinfo.val)
    before, _, named = text.partition("; with its worker ended what earlier tasks had left running")
    assert how in before
    assert named.endswith(f" (pid {started.shared['pid']})")
    assert "sleep 600" not in named  # its own, of which nobody else has anything


@pytest.mark.parametrize("last", [dies, hangs])
def test_what_has_a_session_of_its_own_stays(last: object) -> None:
    started, ended = Sched([start_apart, last]).run(ProcessWorkerPool(1))
    pid = started.shared["pid"]
    try:
        assert "earlier tasks" not in str(ended.excinfo.val)
    finally:
        os.kill(pid, signal.SIGKILL)  # raises if it is gone


def test_many_that_were_left_are_counted() -> None:
    first = subprocess.Popen(["cat"], stdin=subprocess.PIPE, process_group=0)
    group = first.pid
    others = [
        subprocess.Popen(["cat", *["-"] * 100], stdin=subprocess.PIPE, process_group=group)
        for _ in range(7)
    ]
    try:
        text = leftovers(group, time.monotonic() + 1)
        assert text.count("(pid ") == 5 and text.endswith(" and 2 more")
        assert len(text) < 5 * 130 + 80
        assert leftovers(group, time.monotonic() - 1) == "" == leftovers(group, None)
    finally:
        for each in (first, *others):
            each.kill()
            each.communicate()


def test_where_nothing_shows_processes_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> list[str]:
        raise FileNotFoundError(path)

    monkeypatch.setattr(os, "listdir", refuse)
    assert leftovers(os.getpgid(0), time.monotonic() + 1) == ""


@task(timeout=0.5)
def hangs_with_its_own(shared: dict[str, object]) -> None:
    serve(shared)
    time.sleep(600)


def test_a_worker_that_ran_nothing_before_has_nothing_left() -> None:
    """A task was told that what it had started itself was left by others."""
    pool = ProcessWorkerPool(1)
    pool.register([hangs_with_its_own])
    pool.start()
    pool.submit(hangs_with_its_own, {})
    worker = pool._crew.workers[1]
    while (first := worker.queue.first).since is None:
        pool.results(0.01)
    first.since += 0.2  # as if the parent had been late
    pool.shutdown()
    (ended,) = pool.iter_results()
    assert "limit 0.5 s" in str(ended.excinfo.val)
    assert "earlier tasks" not in str(ended.excinfo.val)


def test_what_counts_is_the_end_of_the_task_before_as_its_worker_reported_it() -> None:
    """The parent may come to read that long after the next task has begun."""
    pool = ProcessWorkerPool(1, spare=1)
    pool.register([noop, hangs_with_its_own])
    pool.start()
    pool.submit_all(submissions([(noop, {}), (hangs_with_its_own, {})]))
    worker = pool._crew.workers[1]
    while worker.queue.out > 1:
        pool.results(0.01)
    worker.queue.first.since += 0.2  # type: ignore[operator]  # as if the parent had been late
    pool.shutdown()
    (ended,) = pool.iter_results()
    assert "limit 0.5 s" in str(ended.excinfo.val)
    assert "earlier tasks" not in str(ended.excinfo.val)


@task
def noop() -> None:
    pass


@pytest.mark.parametrize("module", ["resource_tracker", "forkserver"])
def test_what_python_itself_starts_is_not_said_to_be_left(module: str) -> None:
    waits = "import time; print(1, flush=True); time.sleep(600)"
    command = [sys.executable, "-c", f"from multiprocessing.{module} import main;{waits}"]
    leader = subprocess.Popen(["cat"], stdin=subprocess.PIPE, process_group=0)
    helper = subprocess.Popen(command, stdout=subprocess.PIPE, process_group=leader.pid)
    server = subprocess.Popen(["cat"], stdin=subprocess.PIPE, process_group=leader.pid)
    try:
        helper.stdout.readline()  # type: ignore[union-attr]
        text = leftovers(leader.pid, time.monotonic() + 1)
        assert text.endswith(f"in it: 'cat' (pid {server.pid})")
    finally:
        for each in (leader, helper, server):
            each.kill()
            each.communicate()
