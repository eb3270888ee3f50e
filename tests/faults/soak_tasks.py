"""Tasks of the soak test, and the one who kills their workers; any worker can import them."""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import process_tree


class Tally:
    """A file with a byte for each task, which counts how often it began."""

    def __init__(self, path: str, size: int) -> None:
        self.path = path
        with open(path, "wb") as file:
            file.truncate(size)

    def counts(self) -> bytes:
        with open(self.path, "rb") as file:
            return file.read()


@functools.cache
def _tally(path: str) -> mmap.mmap:
    with open(path, "r+b") as file:
        return mmap.mmap(file.fileno(), 0)


def count_in(path: str, number: int) -> None:
    """Count that this task began. It runs in one worker at a time, so nothing is overwritten.

    A few of them last, to be killed in it: else it is mostly between two tasks.
    """
    _tally(path)[number] += 1
    if number % 20 == 0:
        time.sleep(0.002)


def resident_kilobytes() -> int:
    """How much memory this process has."""
    with open("/proc/self/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    return int(fields["VmRSS"].split()[0])


# For how many intervals a killer waits for a sign that workers get to work.
_PATIENCE = 10


class Killer:
    """A context in which a random worker process is killed every `interval` seconds.

    `progress` tells how far the run has come. Where a machine is so busy that workers are
    killed before they get to work, the next kill waits for some.
    """

    def __init__(self, seed: int, interval: float, progress: Callable[[], int]) -> None:
        self._interval = interval
        self._progress = progress
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._kill_on_and_on)
        self.kills = 0  # that were sent to a process that lived

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()

    def _kill_on_and_on(self) -> None:
        seen = waited = 0
        while not self._over.wait(self._interval):
            waited += 1
            if self._progress() == seen and waited < _PATIENCE:
                continue
            seen, waited = self._progress(), 0
            below = process_tree.descendants(os.getpid())
            # Workers lead groups; one that has just been started doesn't yet.
            workers = sorted(p.pid for p in below if p.group == p.pid and not p.dead)
            if workers:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self._random.choice(workers), signal.SIGKILL)
                    self.kills += 1


def tasks(path: str, count: int) -> list[Any]:
    """So many tasks, each of its own."""
    return [functools.partial(count_in, path, number) for number in range(count)]
