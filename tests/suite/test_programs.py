"""Programs as tasks of a suite: their output, their test points, and how they ended."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from pexen.factory import FilesystemFactory
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.suite import Suite, SuiteRes

POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(2),
    "processes": lambda: ProcessWorkerPool(2),
}


@pytest.fixture(params=POOLS.values(), ids=POOLS)
def run(request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> Any:
    """Runs shell scripts, and gives the result of each by its name."""

    def results(options: dict[str, Any] | None = None, /, **scripts: str) -> dict[str, SuiteRes]:
        for name, text in scripts.items():
            (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / name).chmod(0o755)
        tasks: Any = FilesystemFactory(skip_status=77, **options or {})(tmp_path)
        found = Suite(tasks).run(request.param())
        return {os.path.basename(vars(res.task)["path"]): res for res in found}

    return results


def test_what_a_program_prints_is_captured_in_order(run: Any) -> None:
    found = run(a="echo one; echo two >&2; echo three", b="echo other")
    assert found["a"].output == "one\ntwo\nthree\n" and found["b"].output == "other\n"


def test_in_a_thread_what_python_prints_stands_where_it_was_printed() -> None:
    (program,) = FilesystemFactory()("/bin/echo")

    def mixed() -> None:
        print("before")
        program()
        print("between \ud800", file=sys.stderr)
        program()

    descriptors = len(os.listdir("/proc/self/fd"))
    (res,) = Suite([mixed]).run(ThreadWorkerPool())
    assert res.output == "before\n\nbetween \\ud800\n\n"
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_where_no_file_can_be_had_a_program_prints_as_ever(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refuse(**options: Any) -> None:
        raise OSError("no space")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    (res,) = Suite(FilesystemFactory()("/bin/echo")).run(ThreadWorkerPool())
    assert (res.outcome, res.output, capfd.readouterr().out) == ("ok", "", "\n")


def test_what_the_factory_was_told_of_the_streams_holds(run: Any) -> None:
    found = run({"stdout": subprocess.PIPE, "text": True}, a="echo kept; echo shown >&2")
    assert (found["a"].ret.stdout, found["a"].output) == ("kept\n", "shown\n")


def test_test_points_are_findings(run: Any) -> None:
    good, bad = run(
        a="echo 1..2; echo ok 1 - x; echo 'not ok 2 - y # TODO later'",
        b="echo 1..3; echo ok 1 - x; echo not ok 2 - y; echo ok 3 - z",
    ).values()
    if good.outcome != "ok":
        good, bad = bad, good
    assert (good.verdict, good.ret.returncode) == ("ok", 0)
    assert [(each.name, each.verdict) for each in good.findings] == [("x", "ok"), ("y", "info")]
    assert (bad.outcome, str(bad.excinfo.val), bad.deps_ok) == ("failed", "y", False)
    assert [each.verdict for each in bad.findings] == ["ok", "fail", "ok"]
    assert bad.output.startswith("1..3\n") and bad.ret.returncode == 0


def test_an_exit_status_counts_beside_the_test_points(run: Any) -> None:
    res = run(a="echo 1..1; echo ok 1 - x; exit 3")["a"]
    assert res.outcome == "failed" and isinstance(res.excinfo.val, subprocess.CalledProcessError)
    assert [each.verdict for each in res.findings] == ["ok"]


def test_a_program_can_be_skipped_in_two_ways(run: Any) -> None:
    found = run(a="echo '1..0 # SKIP no disk'", b="echo why; exit 77")
    assert [str(res.outcome) for res in found.values()] == ["skipped", "skipped"]
    assert str(found["a"].excinfo.val) == "no disk"
    assert {name: res.ret.returncode for name, res in found.items()} == {"a": 0, "b": 77}
    assert found["b"].output == "why\n"


def test_a_hard_error_says_so(run: Any) -> None:
    res = run(a="exit 99")["a"]
    assert (res.outcome, res.excinfo.val.returncode) == ("failed", 99)
    assert "exit status 99, a hard error" in str(res.excinfo.val)


def test_of_many_failed_test_points_the_error_names_some(run: Any) -> None:
    res = run(a="echo 1..30; for n in $(seq 30); do echo not ok $n - p$n; done")["a"]
    text = str(res.excinfo.val)
    assert text.startswith("p1; p2; ") and text.endswith("p10; and 20 more")


def print_tap() -> None:
    print("1..1\nnot ok 1")


def test_what_a_function_prints_is_not_taken_for_test_points() -> None:
    for make in POOLS.values():
        (res,) = Suite([print_tap]).run(make())
        assert (res.outcome, res.findings) == ("ok", ())


def test_a_stream_that_answers_to_every_name_is_not_asked() -> None:
    from unittest.mock import MagicMock

    (program,) = FilesystemFactory()("/bin/true")
    with contextlib.redirect_stdout(MagicMock()):
        assert program().returncode == 0
