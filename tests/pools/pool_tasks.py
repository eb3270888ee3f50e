"""Tasks that any worker can import."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from typing import Any

from pexen import task
from pexen.sched import TaskFailError, TaskSkip
from pexen.sched.call import WithExtra


def noop() -> None:
    pass


def echo(shared: dict[str, Any]) -> Any:
    shared["seen"] = True
    return shared.get("n")


def whoami() -> tuple[int, str]:
    return os.getpid(), threading.current_thread().name


def large() -> bytes:
    return b"x" * 5_000_000


def fail() -> None:
    raise ValueError("on purpose")


def skip() -> None:
    raise TaskSkip("nothing to do")


def fail_controlled() -> None:
    raise TaskFailError("under control", deps_ok=False, locks_ok=True)


class TwoArguments(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = second


def fail_with_two_arguments() -> None:
    raise TwoArguments("one", "two")


class Closed(Exception):
    """Takes no attributes, not even its traceback."""

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)


def fail_closed() -> None:
    raise Closed


class Careless(TaskFailError):
    """Doesn't call the __init__ that it has from its base."""

    def __init__(self, code: int) -> None:
        self.code = code


class Unseen(Exception):
    """Can't even be looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


class Strange(TaskFailError):
    outcome = "strange"  # type: ignore[assignment]


def fail_carelessly() -> None:
    raise Careless(3)


def fail_unseen() -> None:
    raise Unseen


def fail_strangely() -> None:
    raise Strange


def returns_beside_what_cant_travel() -> Any:
    return WithExtra(1, None, threading.Lock())


def returns_beside() -> Any:
    return WithExtra(threading.Lock(), None, "returned")


def raises_beside() -> Any:
    return WithExtra(None, ValueError(), "raised")


def exit_python() -> None:
    sys.exit(3)


def interrupt_python() -> None:
    raise KeyboardInterrupt


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def exit_now() -> None:
    os._exit(7)


def wait_for(shared: dict[str, Any], *, event: Any) -> None:
    """Block until the event is set; its kwargs are given by the test."""
    if not event.wait(30):
        raise TimeoutError("nobody set the event")


def set_it(*, event: Any) -> None:
    event.set()


@task(timeout=0.2)
def never_ends() -> None:
    end = time.monotonic() + 20  # endless for its timeout, but not for the test's thread
    while time.monotonic() < end:
        time.sleep(0.01)


def put(*, queue: Any) -> None:
    queue.put("from the task")


def read_stdin() -> str:
    return sys.stdin.read()


def group() -> bool:
    return os.getpgid(0) == os.getpid()


def set_env() -> None:
    os.environ["PEXEN_INITIALISED"] = "yes"


def get_env() -> str | None:
    return os.environ.get("PEXEN_INITIALISED")


def fail_to_initialise() -> None:
    raise RuntimeError("no database")
