"""A suite tells its reports of a run, and those of pexen.report write it down, each by itself."""

from __future__ import annotations

import errno
import io
import json
import logging
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pexen import PexenWarning, task
from pexen.report import (
    GitHubActions,
    HtmlFile,
    JsonFile,
    JsonLines,
    JUnitFile,
    Record,
    ReportError,
    TapFile,
    TraceFile,
)
from pexen.sched import Sched
from pexen.sched.common import Task
from pexen.sched.events import Event, Finished
from pexen.sched.pool import ThreadWorkerPool
from pexen.suite import End, Suite, going_on
from pexen.testing import VirtualPool


@task(provides=["till"])
def till() -> None:
    print("the till opens")


@task(requires=["till"], provides=["sold"])
def sell() -> None:
    raise ValueError("no price")


@task(requires=["sold"])
def count() -> None:
    pass


def smoke() -> None:
    print("it is on")


def alone() -> None:
    pass


TASKS = [till, sell, count]

# Each report that is a file, and what is in it of TASKS.
FILES: dict[str, tuple[Callable[[pathlib.Path], Any], str]] = {
    "json": (JsonFile, '"reason": "ValueError: no price"'),
    "junit": (JUnitFile, '<failure type="failed" message="ValueError: no price">'),
    "html": (HtmlFile, "<title>failed: suite</title>"),
    "tap": (TapFile, "1..3\n"),
    "trace": (TraceFile, '"cat": "failed"'),
    "jsonl": (JsonLines, '"outcomes":{"ok":1,"failed":1,"blocked":1}'),
}

each_file = pytest.mark.parametrize("kind, content", FILES.values(), ids=FILES)


def run(suite: Suite, **options: Any) -> list[str]:
    pool = ThreadWorkerPool(1)
    with pytest.warns(PexenWarning, match="unmet deps"):
        return [str(res.outcome) for res in suite.run(pool, **options)]


def outcomes(path: pathlib.Path) -> dict[str, str | None]:
    return {each["name"]: each["outcome"] for each in json.loads(path.read_text())["tasks"]}


class Told:
    """A report that keeps what it is told; `raises` at its beginning or at its end."""

    def __init__(self, raises: str = "", log: list[str] | None = None) -> None:
        self.raises = raises
        self.log: list[str] = [] if log is None else log

    def begin(
        self, tasks: Sequence[Task], clock: Callable[[], float], /
    ) -> Callable[[Event], object]:
        self.log.append(f"begins with {len(tasks)}")
        if self.raises == "begin":
            raise ReportError("it can't begin")
        return self.hear

    def hear(self, event: Event) -> None:
        if isinstance(event, Finished):
            self.log.append(str(event.outcome))

    def end(self, interrupted: bool, /) -> None:
        self.log.append("interrupted" if interrupted else "ends")
        if self.raises == "end":
            raise OSError("it can't end")


# -- what each writes -----------------------------------------------------------------------


@each_file
def test_each_report_is_written_alone(kind: Any, content: str, tmp_path: pathlib.Path) -> None:
    assert run(Suite(TASKS, reports=[kind(tmp_path / "it")])) == ["ok", "failed"]
    assert content in (tmp_path / "it").read_text()
    assert os.listdir(tmp_path) == ["it"]


@each_file
def test_a_run_whose_loop_is_left_has_each_report_whole(
    kind: Any, content: str, tmp_path: pathlib.Path
) -> None:
    path, whole = tmp_path / "it", tmp_path / "whole"
    for _ in Suite(TASKS, reports=[kind(path), JsonFile(whole)]).run(ThreadWorkerPool(1)):
        break
    assert outcomes(whole)["till"] == "ok" and outcomes(whole)["count"] != "ok"
    assert json.loads(whole.read_text())["interrupted"]
    assert path.read_text().rstrip().endswith(("}", "</html>", "</testsuites>", "..."))
    assert sorted(os.listdir(tmp_path)) == ["it", "whole"]


def test_what_is_raised_in_the_loop_is_raised_and_the_report_is_there(
    tmp_path: pathlib.Path,
) -> None:
    results: Any = Suite(TASKS, reports=[JsonFile(tmp_path / "it")]).run(ThreadWorkerPool(1))
    next(results)
    with pytest.raises(KeyboardInterrupt):
        results.throw(KeyboardInterrupt())
    assert json.loads((tmp_path / "it").read_text())["interrupted"]


def test_a_run_that_a_deadline_ends_counts_as_interrupted(tmp_path: pathlib.Path) -> None:
    suite = Suite([smoke, alone], reports=[JsonFile(tmp_path / "it")])
    for deadline, ended in (0.5, True), (5, False):  # each takes a second
        list(suite.run(VirtualPool(), deadline=deadline))
        assert json.loads((tmp_path / "it").read_text())["interrupted"] == ended


@each_file
def test_a_second_run_writes_the_file_anew(
    kind: Any, content: str, tmp_path: pathlib.Path
) -> None:
    suite = Suite(TASKS, reports=[kind(tmp_path / "it")])
    run(suite)
    length = len((tmp_path / "it").read_text())
    run(suite)
    assert abs(len((tmp_path / "it").read_text()) - length) < 100


@each_file
def test_a_report_of_a_scheduler_is_written_by_who_runs_it(
    kind: Any, content: str, tmp_path: pathlib.Path
) -> None:
    pool, report = ThreadWorkerPool(1), kind(tmp_path / "it")
    sched = Sched(TASKS, listeners=[report.begin(TASKS, pool.clock)])
    with pytest.warns(PexenWarning):
        list(sched.run(pool))
    report.end(False)
    assert content in (tmp_path / "it").read_text()


def test_a_task_that_goes_to_another_folder_takes_no_report_along(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    reports = [JsonFile("it"), JsonLines("lines")]
    suite = Suite([lambda: os.chdir(tmp_path / "other")], reports=reports)
    for _ in range(2):
        list(suite.run(ThreadWorkerPool(1)))
    assert sorted(os.listdir(tmp_path)) == ["it", "lines", "other"]
    assert os.listdir(tmp_path / "other") == []


def test_of_a_run_that_goes_on_reports_have_the_tasks_that_are_run(tmp_path: pathlib.Path) -> None:
    paths = tmp_path / "it", tmp_path / "lines"
    tasks = going_on(TASKS, lambda each: End(True) if each is till else None)
    run(Suite(tasks, reports=[JsonFile(paths[0]), JsonLines(paths[1])]))
    assert outcomes(paths[0]) == {"sell": "failed", "count": "blocked"}
    assert json.loads(paths[1].read_text().partition("\n")[0])["tasks"] == 2


def test_a_record_can_be_had_without_a_file_and_while_the_run_goes_on() -> None:
    record = Record()
    suite = Suite([smoke], reports=[record])
    for _ in range(2):
        results = suite.run(ThreadWorkerPool(1))
        next(results)
        document = record.document()
        assert document["interrupted"] and document["tasks"][0]["outcome"] == "ok"
        list(results)
        assert not record.document()["interrupted"] and len(record.all_ended) == 1


def test_github_is_told_where_it_is_github(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    run(Suite(TASKS, reports=[GitHubActions()]))
    assert capsys.readouterr().out == ""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    run(Suite(TASKS, reports=[GitHubActions()]))
    out = capsys.readouterr().out
    assert out.startswith("::error file=") and "title=sell::failed: ValueError: no price" in out
    assert "### 3 tasks" in (tmp_path / "summary").read_text()
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    with pytest.warns(PexenWarning, match="GITHUB_STEP_SUMMARY isn't set"):
        list(Suite([smoke], reports=[GitHubActions()]).run(ThreadWorkerPool(1)))


# -- what can't be written ------------------------------------------------------------------


@each_file
def test_a_path_that_cannot_be_written_is_refused_before_anything_runs(
    kind: Any, content: str, tmp_path: pathlib.Path
) -> None:
    for path, text in (
        (tmp_path / "no" / "it", "doesn't exist; make it first"),
        (tmp_path, "is a folder"),
        ("-", "can't go to stdout"),
    ):
        with pytest.raises(ReportError, match=text):
            kind(path)


@pytest.mark.parametrize("kind", [JsonFile, JUnitFile, HtmlFile, TapFile, TraceFile])
def test_a_file_that_cannot_be_written_in_the_end_is_warned_of(
    kind: Any, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "gone").mkdir()
    suite = Suite([smoke], reports=[kind(tmp_path / "gone" / "it"), JsonFile(tmp_path / "it")])
    results = suite.run(ThreadWorkerPool(1))
    assert str(next(results).outcome) == "ok"
    (tmp_path / "gone").rmdir()
    with pytest.warns(PexenWarning, match="gone/it' can't be written: No such file"):
        assert list(results) == []
    assert outcomes(tmp_path / "it") == {"smoke": "ok"}


def test_lines_whose_file_cannot_be_opened_keep_the_run_from_beginning(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "gone").mkdir()
    told = Told()
    suite = Suite([smoke], reports=[told, JsonLines(tmp_path / "gone" / "it")])
    (tmp_path / "gone").rmdir()
    with pytest.raises(ReportError, match="gone/it' can't be written: No such file"):
        next(suite.run(ThreadWorkerPool(1)))
    assert told.log == ["begins with 1", "interrupted"]


def test_lines_that_cannot_be_written_are_warned_of_once() -> None:
    with pytest.warns(PexenWarning) as found:
        suite = Suite([smoke, alone], reports=[JsonLines("/dev/full")])
        assert len(list(suite.run(ThreadWorkerPool(1)))) == 2
    (each,) = found
    assert str(each.message).startswith("JSON lines can't be written to '/dev/full': No space left on device")


def test_lines_go_to_a_stream_that_stays_open() -> None:
    stream = io.StringIO()
    list(Suite([smoke], reports=[JsonLines(stream)]).run(ThreadWorkerPool(1)))
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == [
        "run", "result", "end",
    ]  # fmt: skip


def test_who_gives_lines_a_stream_may_be_told_that_it_is_broken() -> None:
    stream = io.StringIO()
    told: list[OSError] = []
    stream.close()
    suite = Suite([smoke, alone], reports=[JsonLines(stream, failed=told.append)])
    assert len(list(suite.run(ThreadWorkerPool(1)))) == 2
    assert [error.errno for error in told] == [errno.EBADF]


# -- reports of one's own -------------------------------------------------------------------


def test_a_report_hears_of_the_run_and_of_its_end() -> None:
    told = Told()
    run(Suite(TASKS, reports=[told]))
    assert told.log == ["begins with 3", "ok", "failed", "blocked", "ends"]


def test_a_report_that_raises_in_the_end_loses_nothing(
    tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    told = Told("end")
    with caplog.at_level(logging.ERROR, "pexen"):
        assert run(Suite(TASKS, reports=[told, JsonFile(tmp_path / "it")])) == ["ok", "failed"]
    assert "raised at the end of the run" in caplog.text and "it can't end" in caplog.text
    assert outcomes(tmp_path / "it")["sell"] == "failed"


def test_a_report_that_cannot_begin_ends_those_that_have() -> None:
    first, second, third = Told(), Told("begin"), Told()
    suite = Suite([smoke], reports=[first, second, third])
    with pytest.raises(ReportError, match="it can't begin"):
        next(suite.run(ThreadWorkerPool(1)))
    assert (first.log, second.log) == (["begins with 1", "interrupted"], ["begins with 1"])
    assert third.log == []
    second.raises = ""
    assert len(list(suite.run(ThreadWorkerPool(1)))) == 1


def test_the_state_is_told_of_the_end_before_the_reports() -> None:
    log: list[str] = []

    class State(Told):
        def begin(self, tasks: Any, clock: Any, /) -> Any:
            super().begin(tasks, clock)

        def end(self, interrupted: bool, /) -> None:
            self.log.append("the state ends")

        def seconds(self, tasks: Any, /) -> dict[Any, float]:
            return {}

        def marker(self) -> None:
            return None

        def attachments(self) -> str:
            return ""

    list(Suite([smoke], state=State(log=log), reports=[Told(log=log)]).run(ThreadWorkerPool(1)))
    assert log == ["begins with 1", "begins with 1", "ok", "the state ends", "ends"]
