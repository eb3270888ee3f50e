"""Tasks that close or replace descriptors that aren't theirs, which any worker can import."""

from __future__ import annotations

import contextlib
import os
import pathlib
import stat
import sys
import time
from typing import NoReturn

import fault_tasks

_FAR_ABOVE_ALL = 4096

_FILES = 64  # more than the descriptors of a worker

# Files that were opened in place of others, for their numbers to stay taken.
_kept: list[int] = []


def close_standard() -> int:
    """Close stdin, stdout and stderr."""
    os.closerange(0, 3)
    return os.getpid()


def replace_standard(folder: str) -> int:
    """Put files in their places."""
    os.closerange(0, 3)
    _open_files(folder, 3)
    return os.getpid()


def unset_streams() -> int:
    """Do as the interpreter does where there is no stdout."""
    sys.stdout = sys.stderr = None
    return os.getpid()


def print_something() -> int:
    print("something")
    return os.getpid()


def raise_and_print() -> NoReturn:
    print("something", file=sys.stderr)
    raise ValueError("after printing")


def close_others() -> bytes:
    os.closerange(3, _FAR_ABOVE_ALL)
    return b"x" * 100_000


def replace_others(folder: str) -> bytes:
    """Close all that one doesn't know, and open files, which get the same numbers."""
    os.closerange(3, _FAR_ABOVE_ALL)
    _open_files(folder, _FILES)
    return b"x" * 100_000


def replace_others_and_raise(folder: str) -> NoReturn:
    replace_others(folder)
    raise ValueError("after the descriptors")


def replace_others_and_crash(folder: str) -> None:
    replace_others(folder)
    fault_tasks.read_at_address_zero()


def replace_others_and_sleep(folder: str) -> None:
    replace_others(folder)
    time.sleep(60)


def replace_pipe(index: int, path: str) -> bool:
    """Put a file with some content in place of one pipe. Returns whether there are so many.

    So it is when something is closed twice, and a file gets the number in between.
    """
    pipes = [fd for fd in sorted(map(int, os.listdir("/proc/self/fd"))) if fd >= 3 and _is_pipe(fd)]
    if index >= len(pipes):
        return False
    file = os.open(path, os.O_RDWR)
    os.dup2(file, pipes[index])
    os.close(file)
    return True


def _is_pipe(fd: int) -> bool:
    with contextlib.suppress(OSError):
        return stat.S_ISFIFO(os.fstat(fd).st_mode)
    return False


def _open_files(folder: str, count: int) -> None:
    for number in range(count):
        path = pathlib.Path(folder, f"file {number}")
        _kept.append(os.open(path, os.O_CREAT | os.O_RDWR))
