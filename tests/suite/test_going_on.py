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
from pexen.suite.done import Done


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


class World:
    """Fixtures that require each other, tests of them, and teardown that is after other teardown.

    A run may be cut off after so many tasks, as by a kill: then nothing more is done.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.there: set[int] = set()
        self.left = 0  # tasks until it is cut off
        self.ran: list[str] = []  # in this part of the run
        self.needs: dict[str, set[int]] = {}  # the fixtures of each task, by its name
        self.tasks: list[Task] = []
        fixtures = range(self.chance.randrange(1, 7))
        for n in fixtures:
            needs = self._some(n)
            used = [f"used {need}" for need in needs]
            self._make(f"make {n}", needs, lambda n=n: self._made(n), provides=[n, f"used {n}", *used])
            after = [n, f"used {n}"]
            remove = {"after": after, "provides": used, "teardown": True}
            self._make(f"remove {n}", {n}, lambda n=n: self.there.remove(n), **remove)
        for n in range(self.chance.randrange(1, 10)):
            needs = self._some(len(fixtures))
            provides = [f"used {need}" for need in needs]
            self._make(f"test {n}", needs, lambda: None, provides=provides)
        self.chance.shuffle(self.tasks)

    def _some(self, below: int) -> set[int]:
        return set(self.chance.sample(range(below), min(below, self.chance.randrange(3))))

    def _made(self, number: int) -> None:
        assert number not in self.there
        self.there.add(number)

    def _make(self, name: str, needs: set[int], act: Any, **fields: Any) -> None:
        def body() -> None:
            self.left -= 1
            if self.left < 0:
                return
            assert needs <= self.there
            act()
            self.ran.append(name)

        body.__qualname__ = name
        self.needs[name] = needs
        self.tasks.append(task(body, requires=needs, **fields))

    def needed_by(self, names: set[str]) -> set[str]:
        """What makes the fixtures of these tasks, and the fixtures of those."""
        found: set[str] = set()
        while names:
            names = {f"make {n}" for name in names for n in self.needs[name]}
            found |= names
        return found


@pytest.mark.filterwarnings("ignore::pexen.PexenWarning")
@pytest.mark.parametrize("seed", range(200))
def test_whatever_is_made_is_torn_down_in_the_end_and_nothing_is_made_without_need(
    seed: int,
) -> None:
    world = World(seed)
    names = {each: task_name(each) for each in world.tasks}
    ends: dict[Task, End] = {}
    once: list[str] = []
    while len(ends) < len(names) or world.there:
        left = {names[each] for each in names if each not in ends}
        tasks = going_on(world.tasks, ends.get)
        again = {getattr(each, "task", each) for each in tasks if not isinstance(each, Done)}
        ends = {each: end for each, end in ends.items() if each not in again}
        world.ran = []
        world.left = world.chance.choice([10**6, world.chance.randrange(1, 20)])
        stops = world.chance.randrange(1, 20)
        suite = Suite(tasks)
        for res in suite.run(ThreadWorkerPool(1)):
            assert res.outcome == "ok", res.excinfo
            if names[res.task] in world.ran:
                ends[res.task] = End(True)
            stops -= 1
            if not stops:
                suite.stop()
        made = {name for name in world.ran if name.startswith("make")}
        assert made <= left | world.needed_by(left)
        once += [name for name in world.ran if name.startswith("test")]
        assert world.left < 0 or not world.there
    assert sorted(once) == sorted(name for name in names.values() if name.startswith("test"))
