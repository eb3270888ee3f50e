"""Seeded random task graphs, with tasks that fail, for property tests of schedulers."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from ..sched.common import TaskFailError, TaskSkip
from ..sched.meta import func_meta
from ..sched.metacheck import every

_LOCKS: list[Any] = ["disk", "net", ("proc",), ("proc", "sys"), ("proc", "sys", "vm"), ("proc", "fs")]


class RandomTask:
    """A task that takes `seconds` of virtual time and ends as `behaviour` says.

    'ok'; 'fail' raises ValueError; 'controlled' raises TaskFailError with `flags`;
    'skip' raises TaskSkip; 'flaky' fails until its last attempt. `runs` counts calls.
    """

    def __init__(self, name: str, seconds: float, behaviour: str, flags: dict[str, bool]) -> None:
        self.name = name
        self.seconds = seconds
        self.behaviour = behaviour
        self.flags = flags
        self.retries = 0
        self.runs = 0

    def __repr__(self) -> str:
        return self.name

    def __call__(self, shared: dict[str, Any]) -> str:
        self.runs += 1
        shared[self.name] = self.runs
        if self.behaviour == "fail" or self.behaviour == "flaky" and self.runs <= self.retries:
            raise ValueError(self.name)
        if self.behaviour == "controlled":
            raise TaskFailError(self.name, **self.flags)
        if self.behaviour == "skip":
            raise TaskSkip(self.name)
        return self.name


@dataclass
class RandomGraph:
    """Tasks, and what a scheduler of them needs to know.

    `later` maps a task to those to be added when its result comes. `resources` are
    the capacities, `workers` a number of workers to try it with.
    """

    tasks: list[RandomTask] = field(default_factory=list)
    later: dict[RandomTask, list[RandomTask]] = field(default_factory=dict)
    resources: dict[str, float] = field(default_factory=dict)
    workers: int = 1

    def every_task(self) -> list[RandomTask]:
        """All tasks, those added later included, in the order in which they are numbered."""
        return self.tasks + [task for batch in self.later.values() for task in batch]

    @staticmethod
    def seconds(task: RandomTask) -> float:
        """A task's duration; to be given to VirtualPool and Sched as `durations`."""
        return task.seconds


def random_graph(seed: int, size: int = 25) -> RandomGraph:
    """A graph of about `size` tasks; the same for the same arguments on every platform.

    It has every kind of need, lock, resource and priority; about one task in six fails
    in some way, and some tasks are added on the way. Tasks only need tags of tasks
    before them, so it can always be run.
    """
    rng = random.Random(f"pexen {seed} {size}")
    graph = RandomGraph(workers=rng.choice([1, 2, 3, 4]))
    graph.resources = {"cpu": rng.choice([1, 2, 4]), "licence": 1.5}
    numbers = iter(range(10 * size + 10))
    tags: list[str] = []
    count = rng.randint(max(1, size // 2), size)
    graph.tasks = [_random_task(rng, next(numbers), tags, graph.resources) for _ in range(count)]
    for trigger in rng.sample(graph.tasks, min(len(graph.tasks), rng.choice([0, 0, 1, 3]))):
        known = list(tags)  # not those of another batch, which may not be there yet
        size = rng.randint(1, 4)
        graph.later[trigger] = [
            _random_task(rng, next(numbers), known, graph.resources) for _ in range(size)
        ]
    return graph


def _random_task(
    rng: random.Random, number: int, tags: list[str], resources: dict[str, float]
) -> RandomTask:
    behaviour = rng.choices(["ok", "fail", "controlled", "skip", "flaky"], [30, 3, 2, 1, 1])[0]
    flags = {"deps_ok": rng.random() < 0.5, "locks_ok": rng.random() < 0.5}
    task = RandomTask(f"t{number}", rng.choice([0, 1, 1, 1, 2, 3, 0.5]), behaviour, flags)
    fields: dict[str, Any] = _random_needs(rng, tags) | _random_locks(rng, resources)
    if rng.random() < 0.25:
        fields["priority"] = rng.choice([-1, 1, 2])
    if behaviour == "flaky":
        task.retries = rng.choice([1, 2])
        fields.update(retries=task.retries, retry_delay=rng.choice([0, 0, 1.5]))
    if rng.random() < 0.6:
        # A second provider of a tag has no needs, as it could close a cycle with those
        # before it that need every provider.
        free = tags and not fields["requires"] and not fields["after"]
        tag = rng.choice(tags) if free and rng.random() < 0.5 else f"tag{number}"
        fields["provides"] = {tag}
        tags.append(tag)
    func_meta(task, **fields)
    return task


def _random_needs(rng: random.Random, tags: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"requires": set(), "after": set()}
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3]) if tags else 0):
        tag = rng.choice(tags)
        kind = rng.choice(["any", "any", "every", "after"])
        if kind == "after":
            fields["after"].add(tag)
            fields["teardown"] = rng.random() < 0.5
        else:
            fields["requires"].add(every(tag) if kind == "every" else tag)
    return fields


def _random_locks(rng: random.Random, resources: dict[str, float]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if rng.random() < 0.4:
        keys = rng.sample(_LOCKS, rng.choice([1, 1, 2]))
        cut = rng.randint(0, len(keys))
        fields.update(uses=set(keys[:cut]), claims=set(keys[cut:]))
    if rng.random() < 0.25:
        name = rng.choice(sorted(resources))
        fields["resources"] = {name: rng.choice([0.5, 1, resources[name]])}
    if rng.random() < 0.04:
        fields["exclusive"] = True
    return fields
