"""Let an urgent task become ready in the midst of others once; prints what came before it.

    python3 tests/bench/prefetch_cell.py WAY MICROSECONDS COUNT SHORT

All tasks take that long, but for some that come first and take 10 µs. Half of them come before
the one that lets the urgent task become ready, half after. `late` is how many of those began
between its end and the beginning of the urgent task, and `ahead` the most that were handed out
and hadn't begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from measure import Figures, cell_main

WORKERS = 2
SLEEP = 1e-3  # seconds from which a task sleeps; below, the system's clock is too coarse
EVERY = 16  # so many results come between looks at what is ahead, where tasks are shorter

SHORT = 10e-6  # seconds

TRIGGER, URGENT = "trigger", "urgent"

log: list[str] = []  # what happened, in order; written to by tasks


def task_of(name: str, seconds: float) -> Callable[[], None]:
    """A task that notes its beginning and its end."""

    def call() -> None:
        log.append(f"{name} begins")
        if seconds >= SLEEP:
            time.sleep(seconds)
        else:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                pass
        log.append(f"{name} ends")

    return call


def late() -> int:
    """How many began between the end of the trigger and the urgent task."""
    between = log[log.index(f"{TRIGGER} ends") : log.index(f"{URGENT} begins")]
    return sum(entry.endswith("begins") for entry in between)


def pexen(seconds: float, count: int, short: int) -> Figures:
    """By priority."""
    import pexen
    from pexen.sched.pool import ThreadWorkerPool

    tasks = [pexen.task(task_of("short", SHORT), priority=0) for _ in range(short)]
    for number in range(count):
        priority = 1 if number < count // 2 else 3
        tasks.append(pexen.task(task_of(str(number), seconds), priority=priority))
    tasks.append(pexen.task(task_of(TRIGGER, seconds), priority=2, provides={"go"}))
    tasks.append(pexen.task(task_of(URGENT, seconds), priority=-1, requires={"go"}))
    pool = ThreadWorkerPool(WORKERS)
    ahead = 0
    for seen, _ in enumerate(pexen.Sched(tasks).run(pool)):
        if seconds >= SLEEP or seen % EVERY == 0:
            ahead = max(ahead, len(pool.ahead()))
    return {"late": late(), "ahead": ahead}


def graphlib(seconds: float, count: int, short: int) -> Figures:
    """The loop that one writes by hand, which hands out all that is ready as it becomes so."""
    from concurrent.futures import Future, ThreadPoolExecutor
    from graphlib import TopologicalSorter
    from queue import SimpleQueue

    calls = {str(number): task_of(str(number), seconds) for number in range(count)}
    names: list[Any] = list(calls)
    names.insert(count // 2, TRIGGER)
    calls |= {name: task_of(name, seconds) for name in (TRIGGER, URGENT)}
    calls |= {f"short {number}": task_of("short", SHORT) for number in range(short)}
    names = [f"short {number}" for number in range(short)] + names
    sorter: TopologicalSorter[str] = TopologicalSorter()
    for name in names:
        sorter.add(name)
    sorter.add(URGENT, TRIGGER)
    sorter.prepare()
    ended: SimpleQueue[str] = SimpleQueue()
    out = ahead = 0
    with ThreadPoolExecutor(WORKERS) as pool:

        def submit(name: str) -> None:
            future: Future[None] = pool.submit(calls[name])
            future.add_done_callback(lambda _: ended.put(name))

        while sorter.is_active():
            for name in sorter.get_ready():
                submit(name)
                out += 1
            ahead = max(ahead, out - WORKERS)
            sorter.done(ended.get())
            out -= 1
    return {"late": late(), "ahead": ahead}


WAYS = {"pexen": pexen, "graphlib": graphlib}


def do(argv: list[str]) -> Figures:
    """One run."""
    way, microseconds, count, short = argv
    return WAYS[way](float(microseconds) / 1e6, int(count), int(short))


if __name__ == "__main__":
    cell_main(do)
