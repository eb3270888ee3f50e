"""The rows of tests/bench/faults.py: which fault, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import fault_tasks as t

ERROR, VALUE, ANY = "error", "value", "any"

# What is done to the pool: one faulty task is among others; no worker ever starts; while
# workers are busy, Ctrl-C is pressed, the parent is killed, or the consumer raises; workers are
# killed at random.
ONE_FAULT, STILLBORN = "one fault", "stillborn"
INTERRUPTED, ORPHANED, LEFT, SOAK = "interrupted", "orphaned", "left", "soak"


@dataclass(frozen=True)
class Row:
    """One kind of fault.

    `task` is the faulty task, `expected` the kind of its one outcome, `returns` the value
    (of bytes, their number); `otherwise` is the word for a value instead of an error.
    `times` is how often the task is submitted, `argument` makes what it is called with.
    `before` is called in the parent, `initializer` in each worker. `wait` is how many seconds the
    outcomes may take.
    """

    name: str
    title: str
    task: Callable[..., Any] = t.square
    expected: str = ERROR
    returns: Any = None
    otherwise: str = "ignored"
    argument: Callable[[], Any] | None = None
    times: int = 1
    timeout: float | None = None
    initializer: Callable[[], None] | None = None
    before: Callable[[], None] | None = None
    kind: str = ONE_FAULT
    wait: float = 10


def _large() -> bytes:
    return bytes(t.LARGE)


def _of_50_mb() -> bytes:
    return bytes(50_000_000)


def _unloadable() -> t.LoadedBy:
    return t.LoadedBy(t.fail_to_load)


ROWS = [
    Row("sigkill", "is killed by SIGKILL", t.killed),
    Row("sigsegv", "is ended by a segmentation fault", t.segfault),
    Row("sigterm", "sends itself SIGTERM", t.terminated),
    Row("exit-0", "calls `os._exit(0)`", t.exits_with_0),
    Row("exit-7", "calls `os._exit(7)`", t.exits_with_7),
    Row("system-exit", "raises SystemExit", t.exits_python),
    Row("keyboard-interrupt", "raises KeyboardInterrupt", t.interrupts),
    Row("base-exception", "raises a bare BaseException", t.raises_base),
    Row("torn-result", "is killed after 1,000 bytes of a 5 MB result", t.dies_writing),
    Row(
        "torn-argument",
        "worker is killed while it reads the 50 MB argument",
        t.take,
        ANY,
        argument=_of_50_mb,
        initializer=t.die_reading_once,
    ),
    Row(
        "torn-arguments",
        "every worker that reads the 50 MB argument is killed",
        t.take,
        argument=_of_50_mb,
        initializer=t.die_reading,
    ),
    Row("grandchild", "forks a child that sleeps for a minute, is killed", t.leaves_a_child),
    Row("two-arguments", "raises, `__init__` needs two arguments", t.raises_two_arguments),
    Row("unpicklable-error", "raises, a lock in the exception", t.raises_unpicklable),
    Row("lock", "returns a lock", t.a_lock, ANY),
    Row("generator", "returns a generator", t.a_generator, ANY),
    Row("lambda", "returns a lambda", t.a_lambda, ANY),
    Row("unloadable-result", "result that raises when loaded", t.raises_when_loaded),
    Row("exiting-result", "result that calls `os._exit` when loaded", t.exits_when_loaded),
    Row("unloadable-argument", "argument that raises when loaded", t.take, argument=_unloadable),
    Row(
        "large",
        "100 MB argument and result, in both workers at once",
        t.as_long,
        VALUE,
        t.LARGE,
        argument=_large,
        times=2,
    ),
    Row("recursion", "raises RecursionError", t.recurses),
    Row("nested-result", "returns a list nested 100,000 deep", t.nested_deep, ANY),
    Row("memory-error", "raises MemoryError", t.out_of_memory),
    Row("address-space", "uses up all that RLIMIT_AS allows", t.out_of_address_space),
    Row("endless", "endless loop, with a timeout", t.endless, timeout=1),
    Row("sigstop", "stops itself, with a timeout", t.stops, timeout=1),
    Row("no-sigterm", "ignores SIGTERM, with a timeout", t.ignores_sigterm, timeout=1),
    Row("close-012", "closes 0, 1 and 2", t.closes_the_standard_ones, VALUE, t.DONE),
    Row("close-others", "closes all descriptors from 3 on", t.closes_all_others, ANY),
    Row("no-stdout", "sets `sys.stdout = None`", t.removes_stdout, VALUE, t.DONE),
    Row("process", "starts a `multiprocessing.Process`", t.starts_a_process, VALUE, 0),
    Row("nested-pool", "uses a pool of the same kind", t.nests, VALUE, 5),
    Row(
        "handler",
        "sends itself SIGTERM, which the parent handles",
        t.terminated,
        otherwise="inherited",
        before=t.handle_sigterm,
    ),
    Row(
        "mask",
        "sends itself SIGTERM, which the parent blocks",
        t.terminated,
        otherwise="inherited",
        before=t.block_sigterm,
    ),
    Row(
        "stillborn", "every worker dies at its start", kind=STILLBORN, initializer=t.die_at_start
    ),
    Row("interrupt", "SIGINT to the process group, busy", kind=INTERRUPTED),
    Row("orphans", "SIGKILL of the parent, busy", kind=ORPHANED),
    Row("leave", "the consumer raises, busy", kind=LEFT),
    Row("soak", "2,000 short tasks, a worker killed every 50 ms", kind=SOAK, wait=30),
]

BY_NAME = {row.name: row for row in ROWS}
