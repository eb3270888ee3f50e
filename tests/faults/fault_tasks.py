"""Tasks that go wrong, which any worker can import.

Paths are those of files by which a task and its test know of each other, whatever the task
does to its descriptors, and wherever it runs.
"""

from __future__ import annotations

import ctypes
import os
import pathlib
import resource
import signal
import time
from typing import Any


def leave_mark(*, number: int, marks: str) -> str:
    """What a bystander does; the mark shows how often it ran."""
    with open(marks, "a") as file:
        file.write(f"{number}\n")
    return f"bystander {number}"


def note_now(path: str) -> None:
    """Leave the time, on a clock that all processes share, for the test to read."""
    pathlib.Path(path).write_text(repr(time.monotonic()))


def first_to_come(path: str) -> bool:
    """Whether nobody has asked this of the path before, in whatever process."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


# -- sudden ends ------------------------------------------------------------------------------


def signal_itself(number: int) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.kill(os.getpid(), number)
    signal.pause()


def kill_itself() -> None:
    signal_itself(signal.SIGKILL)


def read_at_address_zero() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.string_at(0)


def abort() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.abort()


def exit_at_once(code: int) -> None:
    os._exit(code)


def die_within_the_result(note: str) -> bytes:
    """Return 5 MB, of which the worker writes 1,000 bytes before it is killed."""
    write = os.write

    def write_a_little(fd: int, data: Any) -> int:
        if len(data) < 1_000_000:
            return write(fd, data)
        write(fd, bytes(data[:1000]))
        note_now(note)
        kill_itself()
        raise AssertionError("it isn't killed")

    os.write = write_a_little
    return b"x" * 5_000_000


def kill_within_a_large_read(killed: str, times: int) -> None:
    """For an initializer: a worker that reads 1 MB in all is killed there, so many times."""
    read, readv = os.read, os.readv
    total = 0

    def count(size: int) -> None:
        nonlocal total
        total += size
        if total > 1_000_000 and any(first_to_come(f"{killed}-{n}") for n in range(times)):
            kill_itself()

    def read_and_count(fd: int, size: int) -> bytes:
        data = read(fd, size)
        count(len(data))
        return data

    def readv_and_count(fd: int, buffers: Any) -> int:
        size = readv(fd, buffers)
        count(size)
        return size

    os.read, os.readv = read_and_count, readv_and_count


def wait_for(path: str, begun: str) -> None:
    """Return when there is a file at the path; until then there is one that says it has begun."""
    pathlib.Path(begun).touch()
    while not pathlib.Path(path).exists():
        time.sleep(0.01)  # only a file is known to both processes under every start method


def measure(shared: dict[str, Any]) -> int:
    """The size of the large item, which doesn't travel back."""
    return len(shared.pop("large"))


# -- processes that a task starts ----------------------------------------------------------------


def fork_sleeper(pid_path: str) -> None:
    """Fork a child that sleeps for a minute with all descriptors that it was born with."""
    pid = os.fork()
    if pid == 0:
        time.sleep(60)
        os._exit(0)
    pathlib.Path(pid_path).write_text(str(pid))


def fork_and_be_killed(pid_path: str, note: str) -> None:
    fork_sleeper(pid_path)
    note_now(note)
    kill_itself()


def fork_and_die_within_the_result(pid_path: str, note: str) -> bytes:
    fork_sleeper(pid_path)
    return die_within_the_result(note)
