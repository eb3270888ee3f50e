"""A process that ends while a run is under way.

Arguments: the kind of pool, what the tasks do, a file for their marks, how the process ends.
"""

from __future__ import annotations

import multiprocessing
import os
import pathlib
import sys
import threading
from typing import Any

import busy_tasks
from busy_tasks import BusyRun

kept: list[Any] = []


def keep(run: BusyRun) -> None:
    """Have the iterator live as long as the interpreter."""
    kept.append(run.start_and_await())


def keep_in_a_cycle(run: BusyRun) -> None:
    """Have the iterator be garbage that nobody collects before the end."""
    cycle: list[Any] = [run.start_and_await()]
    cycle.append(cycle)


def wait_in_a_thread(run: BusyRun) -> None:
    """Have a daemon thread in the middle of next()."""
    results = run.start_and_await()
    began = threading.Event()

    def wait() -> None:
        began.set()
        next(results, None)

    threading.Thread(target=wait, daemon=True).start()
    began.wait()


def run_in_a_thread(run: BusyRun) -> None:
    """Have a daemon thread do all of it."""
    threading.Thread(target=lambda: list(run.start()), daemon=True).start()
    run.await_work()


def exit_python(run: BusyRun) -> None:
    """Raise SystemExit in the loop."""
    for _ in run.start():
        run.await_work()
        sys.exit(7)


def fail(run: BusyRun) -> None:
    """Raise in the loop."""
    for _ in run.start():
        run.await_work()
        raise LookupError("the consumer's own")


def exit_at_once(run: BusyRun) -> None:
    """End without any cleaning up."""
    kept.append(run.start_and_await())
    os._exit(7)


def fork(run: BusyRun) -> None:
    """Have a forked copy leave the loop, which has no business with the workers."""
    kept.append(run.start_and_await())
    workers = multiprocessing.active_children()
    pid = os.fork()
    if pid == 0:
        kept.clear()
        os._exit(0)
    os.waitpid(pid, 0)
    print("alive", sum(worker.is_alive() for worker in workers), flush=True)


def main() -> None:
    kind, body, mark, how = sys.argv[1:]
    run = BusyRun(kind, getattr(busy_tasks, body), pathlib.Path(mark))
    globals()[how](run)


if __name__ == "__main__":
    main()
