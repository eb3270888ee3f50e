"""What became of the tests of a unittest class, test by test."""

from __future__ import annotations

import os
import sys
import threading
import types
import unittest
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

_ExcInfo = (
    tuple[type[BaseException], BaseException, types.TracebackType] | tuple[None, None, None]
)

FAILED = ("failure", "error", "unexpected success")


class TestMethodResult(NamedTuple):
    """One entry of what unittest reports.

    `name` is that of the method, followed by the description of a subtest; a fixture
    that failed goes by the name unittest gives it, 'setUpClass (mod.Class)'. `outcome` is
    'ok', 'failure', 'error', 'skipped', 'expected failure' or 'unexpected success'.
    `note` is the traceback or the reason as text, else empty.
    """

    name: str
    outcome: str
    note: str = ""


TestMethodResult.__test__ = False  # type: ignore[attr-defined]  # tells pytest it is no test

@dataclass(frozen=True)
class TestClassResult:
    """What a task that runs a unittest class returns.

    `results` has an entry for each test, but none for one that passed in all but some
    subtests: as unittest counts, these have an entry each. `ran` is the number of
    tests that unittest says it ran.
    """

    __test__ = False

    results: list[TestMethodResult]
    ran: int

    @property
    def failed(self) -> list[TestMethodResult]:
        """The entries that make the class fail."""
        return [entry for entry in self.results if entry.outcome in FAILED]

    @property
    def successful(self) -> bool:
        """Whether unittest would call it a success; skipped tests don't matter."""
        return not self.failed

    def summary(self) -> str:
        """One line: how many tests ran and what failed."""
        shown = [f"{entry.name}: {entry.outcome}" for entry in self.failed[:5]]
        if len(self.failed) > len(shown):
            shown.append(f"and {len(self.failed) - len(shown)} more")
        return f"tests run: {self.ran}; {', '.join(shown) or 'all in order'}"


def id_of(test: object) -> str:
    """The id of a test; anything that is callable may have been put into a suite."""
    return str(test.id()) if hasattr(test, "id") else str(test)


class Recorder(unittest.TestResult):
    """A unittest result that keeps an entry for each test, and prints nothing."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__()
        self.entries: list[TestMethodResult] = []
        self._prefix = prefix  # what the ids of the tests have in common

    def _record(self, test: unittest.TestCase, outcome: str, note: object = "") -> None:
        name = id_of(test).removeprefix(self._prefix)
        self.entries.append(TestMethodResult(name, outcome, str(note)))

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self._record(test, "ok")

    def addError(self, test: unittest.TestCase, err: _ExcInfo) -> None:
        super().addError(test, err)
        self._record(test, "error", self.errors[-1][1])

    def addFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:
        super().addFailure(test, err)
        self._record(test, "failure", self.failures[-1][1])

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:
        super().addSkip(test, reason)
        self._record(test, "skipped", reason)

    def addExpectedFailure(self, test: unittest.TestCase, err: _ExcInfo) -> None:
        super().addExpectedFailure(test, err)
        self._record(test, "expected failure", self.expectedFailures[-1][1])

    def addUnexpectedSuccess(self, test: unittest.TestCase) -> None:
        super().addUnexpectedSuccess(test)
        self._record(test, "unexpected success")

    def addSubTest(
        self, test: unittest.TestCase, subtest: unittest.TestCase, err: _ExcInfo | None
    ) -> None:
        super().addSubTest(test, subtest, err)
        if err is None or err[0] is None:
            return
        if issubclass(err[0], test.failureException):
            self._record(subtest, "failure", self.failures[-1][1])
        else:
            self._record(subtest, "error", self.errors[-1][1])


_running = 0  # test classes that run in threads of this process
_filters: warnings.catch_warnings[None] | None = None  # what the first of them entered
_lock = threading.Lock()


def _new_lock() -> None:
    global _lock
    _lock = threading.Lock()  # a thread that isn't in this process may have held it


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_lock)


@contextmanager
def warnings_shown() -> Iterator[None]:
    """Have warnings shown as `python -m unittest` does, unless Python was given -W.

    The filters belong to the process: the first thread to come sets them, the last one
    to leave puts back what was there.
    """
    global _running, _filters
    with _lock:
        _running += 1
        if _running == 1 and not sys.warnoptions:
            _filters = warnings.catch_warnings()
            _filters.__enter__()
            warnings.simplefilter("default")
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if _running == 0 and _filters is not None:
                _filters.__exit__(None, None, None)
                _filters = None
