"""Calling a function in a child process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import process_tree
import pytest

from pexen.factory.apart import call_apart

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


def children() -> set[int]:
    """The processes, ended ones included, whose parent we are."""
    below = process_tree.descendants(os.getpid())
    return {process.pid for process in below if process.parent == os.getpid()}


@pytest.fixture(autouse=True)
def no_child_is_left(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """Threads that other tests abandoned are none of these tests' business."""
    if "beside_other_threads" not in request.node.name:
        monkeypatch.setattr(threading, "active_count", lambda: 1)
    before = children()
    yield
    assert children() <= before


def test_the_result_comes_back_and_nothing_else_does() -> None:
    changed: list[int] = []

    def call() -> tuple[int, bytes]:
        changed.append(1)
        return os.getpid(), b"x" * 1_000_000

    pid, data = call_apart(call)
    assert pid != os.getpid()
    assert len(data) == 1_000_000
    assert changed == []


@pytest.mark.parametrize("end", [lambda: 1 / 0, lambda: (lambda: None)])
def test_what_raises_or_can_not_be_pickled_is_called_here(end: Any) -> None:
    called: list[int] = []

    def call() -> Any:
        called.append(os.getpid())
        return end()

    try:
        call_apart(call)
    except ZeroDivisionError:
        pass
    assert called == [os.getpid()]


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (lambda: os._exit(3), "exit status 3"),
        (lambda: sys.exit(3), "exit status 0"),
        (lambda: os.kill(os.getpid(), signal.SIGKILL), "signal 9"),
    ],
)
def test_the_end_of_the_child_is_an_error(end: Any, text: str) -> None:
    with pytest.raises(ChildProcessError, match=text):
        call_apart(end)


def test_beside_other_threads_the_function_is_called_here() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert call_apart(os.getpid) == os.getpid()
    finally:
        stop.set()
        thread.join()


def test_a_grandchild_that_holds_the_pipe_does_not_hold_us_up() -> None:
    reader, writer = os.pipe()

    def call() -> int:
        pid = os.fork()
        if pid == 0:
            os.close(writer)
            os.read(reader, 1)  # until the test is over
            os._exit(0)
        return pid

    assert call_apart(call) > 0
    os.close(writer)
    os.close(reader)


def test_what_the_child_prints_appears_once(capfd: pytest.CaptureFixture[str]) -> None:
    sys.stdout.write("before ")
    call_apart(lambda: print("inside", end=" "))
    sys.stdout.write("after")
    sys.stdout.flush()
    assert capfd.readouterr().out == "before inside after"
