"""The oracle itself: it sees what is left behind, and blames nobody for what isn't."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator

import fault_tasks as tasks
import process_tree
import pytest
from fault_runs import faulty, make_pool, run_through
from oracle import Oracle


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> Iterator[Oracle]:
    monkeypatch.setattr("oracle.PATIENCE", 0.2)
    oracle = Oracle()
    with oracle.watching():
        yield oracle


def test_a_process_that_is_left_is_named_and_ended(oracle: Oracle) -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        (complaint,) = oracle.judge()
        assert f"pid {process.pid} (state S" in complaint and "sleep 60" in complaint
        assert not process_tree.alive(process.pid)


def test_an_orphan_that_lives_is_left_behind(oracle: Oracle) -> None:
    subprocess.run(["sh", "-c", "sleep 60 &"], check=True)
    (complaint,) = oracle.judge()
    assert f"parent {os.getpid()}" in complaint and "sleep 60" in complaint
    assert oracle.judge() == []


def test_an_orphan_that_has_died_is_reaped(oracle: Oracle) -> None:
    shell = subprocess.run(["sh", "-c", "true & echo $!"], capture_output=True, check=True)
    assert oracle.judge() == []
    assert process_tree.look_up(int(shell.stdout)) is None


def test_a_child_that_nobody_waited_for_is_left_behind(oracle: Oracle) -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    (complaint,) = oracle.judge()
    assert f"pid {pid} (state Z" in complaint


def test_descriptors_that_are_left_or_lost_are_named(oracle: Oracle) -> None:
    reader, writer = os.pipe()
    complaints = oracle.judge()
    os.close(reader)
    os.close(writer)
    assert len(complaints) == 2 and all("-> pipe:[" in text for text in complaints)
    saved = os.dup(0)
    before = Oracle()
    os.close(saved)
    (complaint,) = before.judge()
    assert f"closed that is none of ours: {saved} -> " in complaint


def test_a_thread_that_is_left_is_named(oracle: Oracle) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="forgotten")
    thread.start()
    (complaint,) = oracle.judge()
    stop.set()
    thread.join()
    assert "a thread is left" in complaint and "'forgotten'" in complaint


def test_what_ends_by_itself_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    oracle = Oracle()
    with oracle.watching():
        subprocess.run(["sh", "-c", "sleep 0.1 &"], check=True)
        assert oracle.judge() == []


def test_an_outcome_other_than_expected_is_told_with_its_reason(start_method: str) -> None:
    killed = faulty(tasks.kill_itself)
    with pytest.raises(AssertionError, match="kill_itself is lost: (?s:.*)signal SIGKILL"):
        run_through(make_pool(start_method), {killed: "ok"})


def test_a_hang_ends_with_the_stacks(tmp_path: pathlib.Path) -> None:
    here = pathlib.Path(__file__).parent
    shutil.copy(here / "conftest.py", tmp_path)
    (tmp_path / "test_hang.py").write_text(HANG)
    process = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(here), *sys.path])},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert process.returncode == 1
    assert "in test_that_hangs" in process.stderr, process.stdout + process.stderr


HANG = """
import signal

import pytest


@pytest.fixture
def deadline():
    return 0.3


def test_that_hangs():
    signal.pause()
"""
