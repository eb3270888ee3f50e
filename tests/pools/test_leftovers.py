"""What is told of processes that a task left running, and that end with its worker."""

from __future__ import annotations

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

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
