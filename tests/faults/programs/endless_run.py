"""A run that never ends by itself, as its consumer adds a task for each that has ended.

Argument: the kind of pool. Says "starting" before the run and "in the middle" when some tasks
have ended.
"""

from __future__ import annotations

import functools
import itertools
import sys
import time

from fault_programs import make

from pexen import Sched


def do_nothing() -> None:
    pass


def sleep() -> None:
    time.sleep(0.05)


def count() -> int:
    return sum(range(200_000))


def return_much() -> bytes:
    return b"x" * 400_000


BODIES = (do_nothing, sleep, count, return_much)


def main() -> None:
    sched = Sched([functools.partial(body) for body in BODIES * 3])
    more = itertools.cycle(BODIES)
    print("starting", flush=True)
    for number, _ in enumerate(sched.run(make(sys.argv[1], workers=3, spare=2))):
        if number == 20:
            print("in the middle", flush=True)
        sched.add_tasks([functools.partial(next(more))])


if __name__ == "__main__":
    main()
