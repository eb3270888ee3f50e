"""A run whose process is to be killed while its workers are at something.

Arguments: the start method, what the tasks do. Says "at work" for each of two workers.
"""

from __future__ import annotations

import functools
import multiprocessing
import signal
import subprocess
import sys
import time

from fault_programs import make

from pexen import Sched
from pexen.sched.pool import ProcessWorkerPool


def say_at_work() -> None:
    print("at work", flush=True)


def hang() -> None:
    say_at_work()
    time.sleep(600)


def loop() -> None:
    say_at_work()
    end = time.monotonic() + 600
    while time.monotonic() < end:
        pass


def hold_the_gil() -> None:
    say_at_work()
    sum(range(10**11))  # in C, and looks at no signal


def ignore_signals() -> None:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    hang()


def wait_for_commands() -> None:
    say_at_work()
    subprocess.run(["sh", "-c", "sleep 600 & sleep 600; wait"])


def wait_for_a_process() -> None:
    process = multiprocessing.get_context("spawn").Process(target=hang)
    process.start()
    process.join()


def return_much() -> bytes:
    say_at_work()
    return b"x" * 50_000_000


def do_nothing() -> None:
    say_at_work()


def run_others() -> None:
    for _ in Sched([loop]).run(ProcessWorkerPool(start_method="fork")):
        pass


def main() -> None:
    method, name = sys.argv[1:]
    body = globals()[name]
    sched = Sched([functools.partial(body) for _ in range(2)])
    for _ in sched.run(make(method, workers=2)):
        time.sleep(600)  # its workers are left with what they were handed


if __name__ == "__main__":
    main()
