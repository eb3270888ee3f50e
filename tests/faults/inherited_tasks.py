"""Tasks that need what another thread of the parent may have held when their worker was forked.

Any worker can import them. One that was not forked has all of it anew, and free.
"""

from __future__ import annotations

import _thread
import contextlib
import importlib
import io
import logging
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

lock = threading.Lock()
logger = logging.getLogger("inherited_tasks")
logger.addHandler(logging.StreamHandler(io.StringIO()))
logger.propagate = False

_owner = 0  # the process that holds things
_held = threading.Event()
_let_go = threading.Event()


def stay() -> None:
    """Hold what is held here until it is to be let go; in the process that wants that."""
    if os.getpid() == _owner:
        _held.set()
        _let_go.wait()


class HeldRaw(io.RawIOBase):
    """A file whose writing may last."""

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        stay()
        return len(data)


stream = io.TextIOWrapper(io.BufferedWriter(HeldRaw()), write_through=True)


class SlowRaw(HeldRaw):
    """A file that is being written to most of the time, if somebody writes in a loop."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = threading.Event()

    def write(self, data: Any) -> int:
        _held.set()
        self.writing.set()
        time.sleep(0.01)
        self.writing.clear()
        return len(data)


class StuckRaw(HeldRaw):
    """A file whose writing never ends."""

    def __init__(self) -> None:
        super().__init__()
        self.writing = threading.Event()

    def write(self, data: Any) -> int:
        self.writing.set()
        threading.Event().wait()
        return len(data)


def _be_in_the_middle_of_stdout(start: Callable[[Callable[[], None]], object]) -> None:
    """For ever, in a thread that `start` starts."""
    raw = StuckRaw()
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw))
    start(lambda: print("x", flush=True))
    assert raw.writing.wait(30)


def leave_a_thread() -> None:
    _be_in_the_middle_of_stdout(lambda work: threading.Thread(target=work, daemon=True).start())


def leave_a_thread_unknown_to_threading() -> None:
    _be_in_the_middle_of_stdout(lambda work: _thread.start_new_thread(work, ()))


def leave_what_nobody_reads() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    sys.stdout = open(writer, "w", encoding="ascii")
    print("x")


def leave_a_thread_and_block_the_alarm() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    leave_a_thread()


def hold_lock() -> None:
    with lock:
        stay()


def hold_log_handler() -> None:
    handler = logger.handlers[0]
    handler.acquire()
    stay()
    handler.release()


def hold_import() -> None:
    importlib.import_module("slow_import")


def hold_tempfile() -> None:
    with tempfile._once_lock:  # type: ignore[attr-defined]
        stay()


def hold_stream() -> None:
    print("x", file=stream, flush=True)


@contextlib.contextmanager
def holding(hold: Callable[[], None]) -> Iterator[None]:
    """Within, a thread is in the middle of that."""
    global _owner
    _held.clear()
    _let_go.clear()
    _owner = os.getpid()
    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert _held.wait(30)
        yield
    finally:
        _let_go.set()
        thread.join()
        sys.modules.pop("slow_import", None)


def write_in_a_loop(name: str) -> None:
    while not _let_go.is_set():
        print("x", file=getattr(sys, name), flush=True)
        time.sleep(0.0005)  # else nobody else ever comes to write


def need_lock() -> None:
    with lock:
        pass


def need_log_handler() -> None:
    logger.error("from a worker")


def need_import() -> None:
    importlib.import_module("slow_import")


def need_tempfile() -> None:
    tempfile._name_sequence = None  # type: ignore[attr-defined]
    with tempfile.NamedTemporaryFile():
        pass


def need_stream() -> None:
    print("x", file=stream, flush=True)


def need_nothing_held() -> None:
    """Need much else."""
    logging.getLogger("other").debug("from a worker")
    importlib.import_module("sched")
    random.random()
    with open(os.devnull, "w") as file:
        print("x", file=file)
