"""Tasks that close or replace what isn't theirs, and a stdout that nobody reads."""

from __future__ import annotations

import itertools
import os
import pathlib
import sys
from typing import Any

import fault_descriptors as tasks
import pytest
from fault_runs import faulty, make_pool, run_through
from program_support import Program, wait_until


def contents(folder: pathlib.Path) -> set[bytes]:
    return {path.read_bytes() for path in folder.iterdir()}


def test_a_worker_without_stdin_stdout_and_stderr_goes_on(
    start_method: str, tmp_path: pathlib.Path, capfd: pytest.CaptureFixture[str]
) -> None:
    closes, replaces = faulty(tasks.close_standard), faulty(tasks.replace_standard, str(tmp_path))
    last = faulty(os.getpid, priority=1)
    account = run_through(
        make_pool(start_method, workers=1), dict.fromkeys([closes, replaces, last], "ok")
    )
    assert len({account.results[each].ret for each in (closes, replaces, last)}) == 1
    assert contents(tmp_path) == {b""}
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("same_worker", [True, False])
def test_a_worker_without_streams_goes_on(
    kind: str, same_worker: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", sys.stdout)  # to be restored, as threads share them
    monkeypatch.setattr(sys, "stderr", sys.stderr)
    unsets = faulty(tasks.unset_streams, provides=["unset"])
    prints = faulty(tasks.print_something, requires=["unset"])
    fails = faulty(tasks.raise_and_print, requires=["unset"])
    expected = {unsets: "ok", prints: "ok", fails: "failed"}
    account = run_through(make_pool(kind, workers=1 if same_worker else 2), expected)
    assert "ValueError: after printing" in account.text_of(fails)
    if same_worker:
        assert account.results[unsets].ret == account.results[prints].ret


def test_a_task_that_closes_the_workers_pipes_is_lost(
    start_method: str, capfd: pytest.CaptureFixture[str]
) -> None:
    closing = [faulty(tasks.close_others) for _ in range(2)]
    account = run_through(make_pool(start_method), dict.fromkeys(closing, "lost"))
    for each in closing:
        assert "closed or replaced" in account.text_of(each)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (tasks.replace_others, "closed or replaced"),
        (tasks.replace_others_and_raise, "closed or replaced"),
        (tasks.replace_others_and_crash, "signal SIGSEGV"),
    ],
)
def test_files_in_place_of_the_workers_pipes_get_none_of_its_bytes(
    start_method: str, body: Any, how: str, tmp_path: pathlib.Path
) -> None:
    replaces = faulty(body, str(tmp_path))
    account = run_through(make_pool(start_method), {replaces: "lost"})
    assert how in account.text_of(replaces)
    assert contents(tmp_path) == {b""}


def test_the_stacks_of_a_timeout_do_not_get_into_such_files(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    replaces = faulty(tasks.replace_others_and_sleep, str(tmp_path), timeout=1)
    run_through(make_pool(start_method), {replaces: "timeout"})
    assert contents(tmp_path) == {b""}


def test_whatever_pipe_is_replaced_the_run_goes_on(
    start_method: str, tmp_path: pathlib.Path
) -> None:
    """A number that something closes twice may be anybody's by then."""
    content = b"x" * 10_000
    path = tmp_path / "file"
    path.write_bytes(content)
    for index in itertools.count():
        replaces = faulty(tasks.replace_pipe, index, str(path), claims=["disk"])
        pool = make_pool(start_method, workers=1)
        account = run_through(pool, {replaces: ("ok", "lost")}, deadline=10)
        assert path.read_bytes() == content, f"of pipe number {index}"
        if account.results[replaces].ret is False:
            break
    assert index >= 5  # at least as many as a worker has


# -- a full stdout --------------------------------------------------------------------------------

FILLED = 1_000_000  # bytes that are written to stdout, more than any pipe takes


@pytest.fixture
def report(tmp_path: pathlib.Path) -> pathlib.Path:
    """Where the program tells of each result in a line, and at last that it has ended."""
    path = tmp_path / "report"
    path.touch()
    return path


def others_have_ended(report: pathlib.Path) -> bool:
    return report.read_text().count("other ok\n") == 8


@pytest.mark.parametrize("how", ["write", "print"])
def test_others_go_on_while_a_task_waits_for_a_reader(
    kind: str, how: str, report: pathlib.Path
) -> None:
    with Program(kind, how, str(report), script="full_stdout.py") as program:
        assert wait_until(lambda: others_have_ended(report))
        assert "fill" not in report.read_text()
        assert program.process.stdout is not None
        assert len(program.process.stdout.read()) == FILLED
        assert program.end().status == 0, program.errors()
    assert report.read_text().endswith("fill ok\nended\n")


def test_a_reader_that_goes_away_fails_the_task(kind: str, report: pathlib.Path) -> None:
    with Program(kind, "write", str(report), script="full_stdout.py") as program:
        assert wait_until(lambda: others_have_ended(report))
        assert program.process.stdout is not None
        program.process.stdout.close()
        assert wait_until(lambda: report.read_text().endswith("fill failed\nended\n"))


def test_a_task_that_nobody_reads_from_can_time_out(kind: str, report: pathlib.Path) -> None:
    with Program(kind, "write", str(report), "0.5", script="full_stdout.py") as program:
        assert wait_until(lambda: report.read_text().endswith("ended\n"))
        assert report.read_text().count("fill timeout\n") == 1 and others_have_ended(report)
        assert program.end().status == 0, program.errors()
