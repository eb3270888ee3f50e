"""Tasks that end in each way there is, and that say what a report may choke on.

They are a target of `pexen run`; `EXPECTED` says what becomes of each.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import unittest

from pexen import task
from pexen.suite import only_if, report

# What XML has no way to write, what it has a meaning for, and what terminals take as orders.
HOSTILE = "nul \0 ansi \x1b[31m\x1b]0;a\x07 ]]> <!-- <b>&amp; \" ' \ufffe \udc80 \r\n\t \U0001f600"
MUCH = 50_000_000  # characters or bytes

# Of each task its outcome, by the last part of its callpath.
EXPECTED = {
    "ends_well": "ok",
    "fails": "failed",
    "fixture": "failed",
    "needs_fixture": "blocked",
    "ClassFixture": "failed",
    "MethodFixture": "failed",
    "is_skipped": "skipped",
    "ClassSkipped": "skipped",
    "times_out": "timeout",
    "is_lost": "lost",
    "tries_again": "failed",
    "reports_well": "ok",
    "reports_failure": "failed",
    "prints_hostile": "ok",
    "prints_bytes": "ok",
    "raises_hostile": "failed",
    HOSTILE: "failed",
    "prints_much": "ok",
    "prints_much_that_is_escaped": "ok",
    "prints_much_and_is_lost": "lost",
    "raises_much": "failed",
}

# What is not left to end by itself, after it has printed something.
ENDED = ("times_out", "is_lost", "prints_much_and_is_lost")


@task
def ends_well() -> None:
    pass


@task
def fails() -> None:
    raise AssertionError("1 != 2")


@task(provides=["fixture"])
def fixture() -> None:
    raise OSError("the fixture can't be made")


@task(requires=["fixture"])
def needs_fixture() -> None:
    pass


class ClassFixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        raise OSError("the fixture of the class can't be made")

    def test_never(self) -> None:
        pass


class MethodFixture(unittest.TestCase):
    def setUp(self) -> None:
        raise OSError("the fixture of the method can't be made")

    def test_never(self) -> None:
        pass

    def test_nor_this(self) -> None:
        pass


@only_if(lambda: False, f"not here: {HOSTILE}")
@task
def is_skipped() -> None:
    pass


@unittest.skip("not here")
class ClassSkipped(unittest.TestCase):
    def test_never(self) -> None:
        pass


@task(timeout=1)
def times_out() -> None:
    print(f"waits {HOSTILE}")
    threading.Event().wait()


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@task
def is_lost() -> None:
    print(f"dies {HOSTILE}")
    die()


@task(retries=2)
def tries_again() -> None:
    print("once more")
    raise OSError("never works")


@task
def reports_well() -> None:
    for number in range(3):
        report(f"{number} {HOSTILE}", "warn" if number else "ok", HOSTILE)


@task
def reports_failure() -> None:
    report("good")
    report(f"bad {HOSTILE}", "fail", HOSTILE)
    report("worse", "fail")


@task
def prints_hostile() -> None:
    print(HOSTILE)
    print(HOSTILE, file=sys.stderr)


@task
def prints_bytes() -> None:
    os.write(1, b"\xff\xfe\x00\xed\xb2\x80 ]]>\n")


@task
def raises_hostile() -> None:
    raise ValueError(HOSTILE)


class Named:
    def __call__(self) -> None:
        raise ValueError("what it is called is bad enough")


globals()[HOSTILE] = task(Named())


@task
def prints_much() -> None:
    print("x" * MUCH)


@task
def prints_much_that_is_escaped() -> None:
    print("\0" * MUCH)


@task
def prints_much_and_is_lost() -> None:
    print("\x1b" * MUCH, flush=True)
    die()


@task
def raises_much() -> None:
    raise ValueError("x" * MUCH)
