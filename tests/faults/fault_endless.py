"""Tasks that don't end by themselves, which any worker can import.

A path is that of a file that the task writes, or that it waits for.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import time
from collections.abc import Callable
from typing import NoReturn


def prepare() -> None:
    """For an initializer: by then, this module has been imported."""


def spin(until: str) -> None:
    """Be busy until there is a file, which only a test of threads ever makes."""
    while not os.path.exists(until):
        pass


def sleep(until: str, began: str = "") -> None:
    """The same, but mostly asleep."""
    if began:
        pathlib.Path(began).touch()
    while not os.path.exists(until):
        time.sleep(0.01)


def search_for_ever(until: str) -> None:
    """Be busy in C code, which holds the GIL and looks at nothing else."""
    re.match(r"(a+)+$", "a" * 64 + "b")


def add_up_for_ever(until: str) -> int:
    return sum(range(1 << 62))


def raise_to_a_power_for_ever(until: str) -> int:
    return int(7 ** (1 << 40))


def stop_itself(until: str) -> None:
    os.kill(os.getpid(), signal.SIGSTOP)
    wait_for_ever()


def wait_for_ever() -> NoReturn:
    while True:
        signal.pause()


# -- SIGTERM ------------------------------------------------------------------------------------


def ignore_termination() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wait_for_ever()


def survive_termination() -> None:
    """Ignore what a handler raises, too."""
    signal.signal(signal.SIGTERM, _raise_system_exit)
    while True:
        try:
            signal.pause()
        except SystemExit:
            pass


def _raise_system_exit(*args: object) -> NoReturn:
    raise SystemExit


def block_termination(began: str = "") -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    if began:
        pathlib.Path(began).touch()
    wait_for_ever()


def clean_up_on_termination(cleaned: str) -> None:
    """Do something on SIGTERM that takes a part of the grace, and end."""

    def clean_up(*args: object) -> NoReturn:
        time.sleep(0.1)
        pathlib.Path(cleaned).touch()
        os._exit(0)

    signal.signal(signal.SIGTERM, clean_up)
    wait_for_ever()


def start_child(body: Callable[..., None], *args: str) -> int:
    """Fork a child that does something else, and never comes back out of it."""
    pid = os.fork()
    if pid == 0:
        try:
            body(*args)
        finally:
            os._exit(1)
    return pid


def with_stubborn_child(pid_path: str) -> None:
    pathlib.Path(pid_path).write_text(str(start_child(ignore_termination)))
    wait_for_ever()


def with_child_that_cleans_up(pid_path: str, cleaned: str) -> None:
    """Wait for one's own end, which SIGTERM brings at once, unlike to the child."""
    pathlib.Path(pid_path).write_text(str(start_child(clean_up_on_termination, cleaned)))
    wait_for_ever()


def return_on_termination() -> str:
    """Return a result after all, when the task's time is up."""
    signal.signal(signal.SIGTERM, lambda *args: None)
    signal.pause()
    return "too late"
