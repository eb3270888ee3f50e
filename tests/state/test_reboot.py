"""A point of reboot tells whether a task had come so far when its run was broken off."""

from __future__ import annotations

import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from pexen import task
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.state import Store, keeping
from pexen.suite import End, Suite, SuiteError, going_on, reboot_point

POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(1),
    "processes": lambda: ProcessWorkerPool(1),
}


@pytest.fixture(params=POOLS.values(), ids=POOLS)
def pool(request: pytest.FixtureRequest) -> WorkerPool:
    made: WorkerPool = request.param()
    return made


@task(provides=["installed"])
def installs() -> None:
    pass


@task(requires=["installed"])
def reboots() -> bool:
    return reboot_point()


@task(requires=["installed"], retries=1)
def fails_at_first(shared: dict[str, Any]) -> bool:
    passed = reboot_point()
    marks = pathlib.Path("attempts")
    with marks.open("a") as file:
        file.write("x")
    if len(marks.read_text()) == 1:
        raise OSError("not yet")
    return passed


def broken_off(folder: pathlib.Path, pool: WorkerPool, *tasks: Any) -> dict[str, Any]:
    """Run the tasks, and leave the state as a run that was killed before its last end."""
    with keeping(folder) as keeper:
        suite = Suite(tasks, state=keeper)
        results = {res.task.__name__: res for res in suite.run(pool)}
    with keeping(folder) as keeper:
        store: Any = keeper._store
        with store.writing() as database:
            database.execute("UPDATE run SET status = 'running'")
            database.execute("DELETE FROM result WHERE task = (SELECT max(task) FROM result)")
    return results


def gone_on(folder: pathlib.Path, pool: WorkerPool, *tasks: Any) -> dict[str, Any]:
    with keeping(folder) as keeper:
        keeper.resumes = True
        over = {past: End(True) for past in keeper.over(tasks)}
        suite = Suite(going_on(tasks, lambda each: over.get(id(each))), state=keeper)
        return {res.task.__name__: res for res in suite.run(pool)}


def test_a_task_is_told_when_it_has_come_there_before_its_run_was_broken_off(
    pool: WorkerPool, tmp_path: pathlib.Path
) -> None:
    found = broken_off(tmp_path, pool, installs, reboots)
    assert found["reboots"].ret is False
    found = gone_on(tmp_path, pool, installs, reboots)
    assert found.keys() == {"reboots"} and found["reboots"].ret is True


def test_another_attempt_of_the_same_run_has_not_come_there(
    pool: WorkerPool, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = broken_off(tmp_path / "state", pool, installs, fails_at_first)
    assert found["fails_at_first"].attempts == 2 and found["fails_at_first"].ret is False


def test_another_run_has_not_come_there(pool: WorkerPool, tmp_path: pathlib.Path) -> None:
    for _ in range(2):
        with keeping(tmp_path) as keeper:
            results = Suite([installs, reboots], state=keeper).run(pool)
            assert [res.ret for res in results] == [None, False]


def test_what_ended_before_it_is_written_when_it_returns(tmp_path: pathlib.Path) -> None:
    def ended_before() -> list[tuple[str, str]]:
        reboot_point()
        query = "SELECT name, outcome FROM result JOIN task ON task.id = result.task"
        with Store(tmp_path) as store:
            return list(store.read(query))

    with keeping(tmp_path) as keeper:
        last = task(ended_before, requires=["installed"])
        *_, res = Suite([installs, last], state=keeper).run(ThreadWorkerPool(1))
    assert ("installs", "ok") in res.ret


def test_without_a_state_there_is_none(pool: WorkerPool) -> None:
    _, res = Suite([installs, reboots]).run(pool)
    assert res.outcome == "failed" and res.excinfo is not None
    assert res.excinfo.type is SuiteError and "--no-state" in res.excinfo.text
