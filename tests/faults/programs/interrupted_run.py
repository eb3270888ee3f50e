"""A run to be interrupted, with tasks that are hard to end, a teardown and a listener.

Arguments: the kind of pool, what the tasks do, what the teardown does. Each task that hangs says
so on stdout; a listener says when the run is being stopped, and of each task that it ended.
"""

from __future__ import annotations

import functools
import signal
import sys
import time

from fault_programs import make

from pexen import Sched, task
from pexen.sched import events


def end_well() -> None:
    pass


def hang() -> None:
    print("at work", flush=True)
    time.sleep(600)


def loop() -> None:
    print("at work", flush=True)
    end = time.monotonic() + 600
    while time.monotonic() < end:
        pass


def ignore_signals() -> None:
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    print("at work", flush=True)
    while True:
        signal.pause()


def tell(event: events.Event) -> None:
    if isinstance(event, events.Stopped):
        print("stopping", flush=True)
    elif isinstance(event, events.Finished):
        print(event.task.__name__, "ended", event.outcome, flush=True)


def named(name: str, body: str) -> functools.partial[None]:
    made = functools.partial(globals()[body])
    made.__name__ = name  # type: ignore[attr-defined]
    return made


def main() -> None:
    kind, first, last = sys.argv[1:]
    tasks = [
        task(named("first", first), provides=["up"]),
        task(named("second", first), provides=["up"]),
        task(named("never", "end_well"), requires=["up"]),
        task(named("teardown", last), after=["up"], teardown=True),
    ]
    for _ in Sched(tasks, listeners=[tell]).run(make(kind, workers=2)):
        pass


if __name__ == "__main__":
    main()
