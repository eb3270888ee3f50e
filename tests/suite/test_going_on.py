"""A run that goes on runs nothing again that had ended."""

from __future__ import annotations

import pathlib
import pickle
import random
from typing import Any

import pytest

from pexen import PexenWarning, task
from pexen.sched.common import Task, task_name
from pexen.sched.events import Event
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.state import Recorder, Recording, Store
from pexen.state.history import broken_off, results
from pexen.suite import End, Suite, going_on, select


@task(provides=["rows"])
def fill(shared: dict[str, Any]) -> None:
    shared["rows"] = 3


@task(requires=["rows"])
def count(shared: dict[str, Any]) -> int:
    rows: int = shared["rows"]
    return rows


@task(provides=["rows"])
def other(shared: dict[str, Any]) -> None:
    shared["rows"] = 5


@pytest.mark.parametrize("make", [ThreadWorkerPool, ProcessWorkerPool])
def test_what_ended_provides_what_it_did_and_is_not_run(make: Any) -> None:
    ends = {fill: End(True, pickle.dumps({"rows": 7}))}
    heard: list[Event] = []
    suite = Suite(going_on([fill, count], ends.get), listeners=[heard.append])
    (res,) = suite.run(make(2))
    assert (res.task, res.ret) == (count, 7)
    assert {getattr(event, "task", count) for event in heard} == {count}


def test_what_had_failed_provides_nothing() -> None:
    ends = {fill: End(False)}
    (first, second) = Suite(going_on([fill, other, count], ends.get)).run()
    assert [first.task, second.task, second.ret] == [other, count, 5]
    with pytest.warns(PexenWarning, match="unmet deps"):
        assert list(Suite(going_on([fill, count], ends.get)).run()) == []


@pytest.mark.parametrize("lost", [b"", b"no pickle"])
def test_what_cant_be_handed_on_is_made_again_if_it_is_needed(lost: bytes) -> None:
    @task(requires=["rows"], provides=["sum"])
    def add_up(shared: dict[str, Any]) -> None:
        shared["sum"] = shared["rows"] + 1

    @task(requires=["sum"])
    def last(shared: dict[str, Any]) -> Any:
        return shared["sum"]

    ends = {fill: End(True, lost), add_up: End(True, lost), count: End(True, lost)}
    with pytest.warns(PexenWarning, match="is run again, as what it handed on") as warned:
        suite = Suite(going_on([fill, add_up, last, count], ends.get))
    found = list(suite.run())
    assert [res.task for res in found] == [fill, add_up, last] and found[-1].ret == 4
    assert len(warned) == 2
    assert list(Suite(going_on([fill, count], ends.get)).run()) == []


def test_what_was_selected_goes_on_as_well() -> None:
    chosen = select([fill, other, count], ["count"])
    found = [res.task for res in Suite(going_on(chosen, {fill: End(True)}.get)).run()]
    assert found == [other, count]


def make(name: str, **fields: Any) -> Task:
    def body(shared: dict[str, Any]) -> list[str]:
        shared[name] = name
        return sorted(shared)

    body.__qualname__ = name
    return task(body, **fields)


@pytest.mark.parametrize("seed", range(20))
def test_a_run_that_is_stopped_again_and_again_comes_to_the_same_end(
    seed: int, tmp_path: pathlib.Path
) -> None:
    chance = random.Random(seed)
    tasks = [
        make(f"t{n}", provides=[n], requires=chance.sample(range(n), min(n, chance.randrange(4))))
        for n in range(30)
    ]
    tasks.append(make("last", requires=list(range(30))))
    names = [*map(task_name, tasks)]
    whole = {res.task: res.ret for res in Suite(tasks).run()}
    found: dict[Task, Any] = {}
    with Store(tmp_path) as store:
        Recording.begin(store, names, 0.0, {})
        while len(found) < len(tasks):
            run = broken_off(store)
            assert run is not None
            known = {past.name: past.how for past in results(store, run)}
            ends = {
                each: End(known[name].deps_ok, known[name].shared)
                for each, name in zip(tasks, names)
                if name in known and known[name].outcome != "cancelled"
            }
            assert ends.keys() == found.keys()
            recording = Recording.resume(store, run, names)
            recorder = Recorder(recording, tasks, 0.0, pytest.fail)
            suite = Suite(going_on(tasks, ends.get), listeners=[recorder.hear])
            left = chance.randrange(1, 9)
            for res in suite.run(ThreadWorkerPool(2)):
                assert res.task not in found
                found[res.task] = res.ret
                left -= 1
                if not left:
                    suite.stop()
            recorder.write()
        assert found == whole


def family() -> dict[str, Task]:
    """A folder, data in it, two tests of the data, and the folder's teardown."""
    given: dict[str, dict[str, Any]] = {
        "folder": {"provides": ["folder"]},
        "data": {"requires": ["folder"], "provides": ["data", "used"]},
        "one": {"requires": ["data"], "provides": ["used"]},
        "two": {"requires": ["data"], "provides": ["used"]},
        "apart": {"provides": ["other"]},
        "remove": {"requires": ["folder"], "after": ["folder", "used"], "teardown": True},
    }
    made: dict[str, Task] = {}
    for name, fields in given.items():
        made[name] = task(lambda: None, **fields)
        made[name].__qualname__ = name
    return made


@pytest.mark.filterwarnings("ignore:Dep 'other' provided")
@pytest.mark.parametrize(
    ("ended", "run"),
    [
        ("folder data one apart", "two remove"),
        ("folder data one apart remove", "folder data two remove"),
        ("folder data one two remove", "apart"),
        ("apart remove", "folder data one two remove"),
    ],
)
def test_what_teardown_took_away_is_made_again_if_it_is_needed(ended: str, run: str) -> None:
    tasks = family()
    ends = {tasks[name]: End(True) for name in ended.split()}
    suite = Suite(going_on(tasks.values(), ends.get))
    assert {res.task for res in suite.run()} == {tasks[name] for name in run.split()}


def test_nobody_is_warned_of_a_tag_that_was_needed_by_what_has_ended() -> None:
    tasks = family()
    del tasks["apart"]
    ends = {tasks[name]: End(True) for name in ("folder", "data", "two", "remove")}
    assert len(list(Suite(going_on(tasks.values(), ends.get)).run())) == 4
    free = task(lambda: None, provides=["x"]), task(lambda: None, requires=["x"])
    assert [res.task for res in Suite(going_on(free, {free[1]: End(True)}.get)).run()] == [free[0]]
