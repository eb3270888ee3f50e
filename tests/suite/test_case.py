"""Several results of a task, the same in every pool."""

from __future__ import annotations

import contextvars
import functools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any

import pytest

from pexen import Sched
from pexen.sched import TaskRes, TaskSkip
from pexen.sched.common import task_name
from pexen.sched.meta import SchedMeta
from pexen.sched.pool import ExecutorPool, ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.suite import Finding, Suite, SuiteError, report
from pexen.suite.case import Case, opened

POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(2),
    "fork": lambda: ProcessWorkerPool(2, start_method="fork"),
    "spawn": lambda: ProcessWorkerPool(2, start_method="spawn"),
}
EXECUTORS = {"threads of an executor": ThreadPoolExecutor, "its processes": ProcessPoolExecutor}


@pytest.fixture(params=[*POOLS, *EXECUTORS])
def pool(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    if request.param in POOLS:
        yield POOLS[request.param]()
        return
    with EXECUTORS[request.param](2) as executor:
        yield ExecutorPool(executor)


def run(pool: WorkerPool, *tasks: Callable[..., Any], **fields: Any) -> list[Any]:
    """The result of each task, with what it found."""
    cases = [Case(task, SchedMeta(**fields)) for task in tasks]
    found = [opened(res) for res in Sched(cases).run(pool)]
    found.sort(key=lambda res: tasks.index(res.task))
    return [(res, [*res.findings]) for res in found]


def quiet(shared: dict[str, Any]) -> int:
    shared["seen"] = True
    return 1


def passes() -> str:
    report("speed", "warn", "slow", seconds=1.5, tries=[1, 2])
    report("size")
    return "done"


def fails() -> str:
    report("left", "fail", "too far")
    report("right")
    report("top", "fail")
    return "done"


def raises() -> None:
    report("before", "info")
    raise OSError("broken")


def skips() -> None:
    report("before", "skip", "no disk")
    raise TaskSkip("no disk at all")


def test_what_is_found_comes_with_the_result(pool: WorkerPool) -> None:
    one, two, three, four, five = run(pool, quiet, passes, fails, raises, skips)
    assert [(r.task, str(r.outcome)) for r, _ in (one, two, three, four, five)] == [
        (quiet, "ok"), (passes, "ok"), (fails, "failed"), (raises, "failed"), (skips, "skipped")
    ]  # fmt: skip
    assert (one[0].ret, one[0].shared, one[1]) == (1, {"seen": True}, [])
    assert two[0].ret == "done" and two[1] == [
        Finding("speed", "warn", "slow", {"seconds": 1.5, "tries": [1, 2]}),
        Finding("size", "ok", "", {}),
    ]
    assert three[0].ret == "done" and [f.verdict for f in three[1]] == ["fail", "ok", "fail"]
    assert str(three[0].excinfo.val) == "left: too far; top"
    assert not three[0].deps_ok and three[0].locks_ok
    assert four[0].excinfo.type is OSError and [f.name for f in four[1]] == ["before"]
    assert not four[0].deps_ok and not four[0].locks_ok
    assert [f.note for f in five[1]] == ["no disk"]


def with_kwargs(*, times: int) -> None:
    for _ in range(times):
        report("again")


def test_a_case_is_called_as_its_task_would_be(pool: WorkerPool) -> None:
    ((_, found),) = run(pool, with_kwargs, kwargs={"times": 3})
    assert len(found) == 3


def test_a_case_has_the_name_and_the_duration_of_its_task() -> None:
    ((res, _),) = run(ThreadWorkerPool(), passes)
    assert isinstance(res, TaskRes) and res.worker == "thread-1" and res.duration is not None
    assert task_name(Case(passes, SchedMeta())) == "passes"
    assert task_name(Case(functools.partial(int), SchedMeta())) == task_name(functools.partial(int))


def test_a_report_outside_of_a_task_is_an_error() -> None:
    with pytest.raises(SuiteError, match="report 'x' was made outside of a task"):
        report("x")


def test_a_thread_that_a_task_starts_reports_in_the_context_of_the_task() -> None:
    errors = []

    def lost() -> None:
        try:
            report("x")
        except SuiteError as exc:
            errors.append(exc)

    def starts() -> None:
        context = contextvars.copy_context()
        for target in (lost, functools.partial(context.run, report, "y")):
            thread = threading.Thread(target=target)
            thread.start()
            thread.join()

    ((_, found),) = run(ThreadWorkerPool(), starts)
    assert [each.name for each in found] == ["y"] and len(errors) == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"verdict": "good"}, "verdict is 'good'; there are ok, warn, fail, skip, info"),
        ({"what": {1, 2}}, "data of report 'x' is nothing for JSON"),
    ],
)
def test_a_wrong_report_is_the_failure_of_its_task(arguments: dict[str, Any], error: str) -> None:
    ((res, found),) = run(ThreadWorkerPool(), lambda: report("x", **arguments))
    assert res.outcome == "failed" and error in str(res.excinfo.val) and found == []


def test_one_that_skips_with_a_failure_found_has_failed() -> None:
    def skips() -> None:
        report("disk", "fail", "gone")
        raise TaskSkip("nothing to do")

    (res,) = Suite([skips]).run()
    assert (res.outcome, res.excinfo and str(res.excinfo.val)) == ("failed", "disk: gone")


# -- what a task found isn't lost with what it returned or raised ---------------------------------


def returns_what_cant_travel() -> Any:
    report("before", "warn")
    return threading.Lock()


class Closed(Exception):
    """Takes no attributes, and can't be loaded from its arguments."""

    __slots__ = ()

    def __init__(self, one: str, other: str) -> None:
        super().__init__(one)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(name)

    def __reduce__(self) -> Any:
        raise TypeError("can't be pickled")


def raises_what_cant_travel() -> None:
    report("before", "warn")
    raise Closed("one", "other")


@pytest.mark.parametrize("task", [returns_what_cant_travel, raises_what_cant_travel])
def test_a_result_that_cant_travel_takes_nothing_with_it(
    pool: WorkerPool, task: Callable[..., Any]
) -> None:
    ((res, found),) = run(pool, task)
    assert [each.name for each in found] == ["before"]
    assert res.outcome == "failed" or isinstance(res.ret, type(threading.Lock()))


def test_tasks_that_raise_the_same_exception_each_have_what_they_found() -> None:
    broken = OSError("broken")
    all_there = threading.Barrier(2)

    def raises_it(name: str) -> None:
        report(name)
        all_there.wait(30)
        raise broken

    tasks = [functools.partial(raises_it, name) for name in ("one", "other")]
    found = run(ThreadWorkerPool(2), *tasks)
    assert [[each.name for each in findings] for _, findings in found] == [["one"], ["other"]]


class Text(str):
    """Local to where it was made, as far as pickle can tell."""

    def __str__(self) -> str:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("can't be pickled")


def reports_odd_data() -> None:
    data = {"seen": [1]}
    report(Text("name"), Text("ok"), Text("note"), text=Text("value"), **data)
    data["seen"].append(2)


def test_data_is_kept_as_it_was_when_it_was_reported(pool: WorkerPool) -> None:
    ((res, (finding,)),) = run(pool, reports_odd_data)
    assert res.outcome == "ok"
    assert finding == ("name", "ok", "note", {"text": "value", "seen": [1]})
