"""The faults of tests/bench/faults.py: tasks that any worker process can import."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

LARGE = 100_000_000
DONE = "done"

# From this size on, what crosses a pipe is the argument or the result of the fault. Pools ask for
# less where they don't know yet what will come.
BIG = 1 << 20
MARK = "has-died"


def square(number: int) -> int:
    """An ordinary task, long enough that some are still due when the fault comes."""
    time.sleep(0.1)
    return number * number


def nearly_nothing(number: int) -> int:
    time.sleep(0.001)
    return number


def busy() -> None:
    """Work for a minute, and say that it has begun."""
    Path(os.environ["FAULT_FOLDER"], f"busy-{os.getpid()}").touch()
    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.02)


# -- ends of the worker -----------------------------------------------------------------------


def killed() -> None:
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def segfault() -> None:
    time.sleep(0.1)
    ctypes.string_at(0)


def terminated() -> str:
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.5)
    return DONE


def exits_with_0() -> None:
    time.sleep(0.1)
    os._exit(0)


def exits_with_7() -> None:
    time.sleep(0.1)
    os._exit(7)


def leaves_a_child() -> None:
    time.sleep(0.1)
    if os.fork() == 0:
        time.sleep(60)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)


def dies_writing() -> bytes:
    """Return 5 MB, of which 1,000 bytes are written."""
    write = os.write

    def cut(fd: int, data: Any) -> int:
        if len(data) >= BIG:
            write(fd, bytes(data[:1000]))
            os.kill(os.getpid(), signal.SIGKILL)
        return write(fd, data)

    os.write = cut
    Connection._send.__defaults__ = (cut,)  # type: ignore[attr-defined]
    return bytes(5_000_000)


def die_reading() -> None:
    """An initializer: let the worker die after 1,000 bytes of a large argument."""
    _cut_reading(lambda: True)


def die_reading_once() -> None:
    """Let one worker do so."""
    mark = Path(os.environ["FAULT_FOLDER"], MARK)

    def first() -> bool:
        died = mark.exists()
        mark.touch()
        return not died

    _cut_reading(first)


def _cut_reading(wanted: Callable[[], bool]) -> None:
    read, readv = os.read, os.readv

    def cut(fd: int, size: int) -> bytes:
        if size >= BIG and wanted():
            read(fd, 1000)
            os.kill(os.getpid(), signal.SIGKILL)
        return read(fd, size)

    def cut_into(fd: int, buffers: Any) -> int:
        if sum(map(len, buffers)) >= BIG and wanted():
            read(fd, 1000)
            os.kill(os.getpid(), signal.SIGKILL)
        return readv(fd, buffers)

    os.read, os.readv = cut, cut_into
    Connection._recv.__defaults__ = (cut,)  # type: ignore[attr-defined]


def die_at_start() -> None:
    """An initializer that ends every worker."""
    os._exit(3)


# -- exceptions -------------------------------------------------------------------------------


class Base(BaseException):
    pass


class TwoArguments(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


class Unpicklable(Exception):
    def __init__(self) -> None:
        super().__init__("has a lock")
        self.lock = threading.Lock()


def exits_python() -> None:
    sys.exit(3)


def interrupts() -> None:
    raise KeyboardInterrupt


def raises_base() -> None:
    raise Base("on purpose")


def raises_two_arguments() -> None:
    raise TwoArguments("one", "two")


def raises_unpicklable() -> None:
    raise Unpicklable


def recurses() -> None:
    recurses()


def out_of_memory() -> None:
    bytearray(1 << 60)


def out_of_address_space() -> None:
    """Use up all that a limit leaves, but for the last few megabytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (128 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


# -- arguments and results --------------------------------------------------------------------


def fail_to_load() -> NoReturn:
    raise ValueError("can't be loaded")


class LoadedBy:
    """Something that is loaded by calling a function."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._call = function, arguments

    def __reduce__(self) -> Any:
        return self._call


def a_lock() -> Any:
    return threading.Lock()


def a_generator() -> Iterator[int]:
    return (number for number in range(3))


def a_lambda() -> Callable[[], int]:
    return lambda: 0


def raises_when_loaded() -> LoadedBy:
    return LoadedBy(fail_to_load)


def exits_when_loaded() -> LoadedBy:
    return LoadedBy(os._exit, 9)


def nested_deep() -> list[Any]:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    return nested


def as_long(argument: bytes) -> bytes:
    return bytes(len(argument))


def take(argument: object) -> str:
    return DONE


# -- time -------------------------------------------------------------------------------------


def endless() -> None:
    while True:
        pass


def stops() -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    time.sleep(60)


def ignores_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(0.05)


# -- what a worker has ------------------------------------------------------------------------


def closes_the_standard_ones() -> str:
    for fd in (0, 1, 2):
        os.close(fd)
    return DONE


def closes_all_others() -> str:
    os.closerange(3, 4096)
    return DONE


def removes_stdout() -> str:
    sys.stdout = None
    return DONE


def starts_a_process() -> int | None:
    process = multiprocessing.Process(target=int)
    process.start()
    process.join()
    return process.exitcode


def nests() -> int:
    from fault_pools import POOLS

    return POOLS[os.environ["FAULT_POOL"]]().nested()


# -- what the parent has ----------------------------------------------------------------------


def handle_sigterm() -> None:
    signal.signal(signal.SIGTERM, lambda number, frame: None)


def block_sigterm() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
