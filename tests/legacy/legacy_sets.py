"""Random task sets inside what pexen 0.0.3 gets right, as plain data.

What it gets wrong, or leaves to chance, is left out by construction:

- a tag has one provider (a second one draws a false warning, and who comes first
  is chance), and is required by somebody;
- a task writes under a key of its own, so that it doesn't matter in which order its
  providers complete; only in a forest, where each task has at most one provider, any key
- a task that fails out of control leaves its locks held: elsewhere than in sets whose
  order is determined, these are locks that nobody waits for;
- an order is only determined with one worker and distinct priorities, and nothing handed
  ahead (or nothing that could come up meanwhile). Besides, 0.0.3 takes a task's locks as
  soon as its requirements are met, and while it queues with them a better priority
  waits: so only tasks that require nothing conflict, each with all of the same claims;
- no lock key is a prefix of another, as keys were not hierarchical;
- nothing exits, dies or raises what can't travel, and each set is run once.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

TaskData = dict[str, Any]
SetData = dict[str, Any]

SHAPES = ("shared", "shared", "shared", "named", "default", "nothing", "star")
ENDS = ("ok", "ok", "ok", "ok", "ok", "controlled", "careful", "value", "os", "broken")
UNCONTROLLED = ("value", "os", "broken")
GIVEN = ("decorator", "assign_val", "assign_meta", "update")


def _task(rng: random.Random, number: int) -> TaskData:
    task: TaskData = {
        "name": f"task{number}",
        "shape": rng.choice(SHAPES),
        "end": rng.choice(ENDS),
        "ret": rng.choice(["none", "number", "text", "tuple", "dict"]),
        "writes": [f"of task{number}"],
        "deletes": [],
        "given": rng.choice(GIVEN),
        "meta": {},
    }
    if rng.random() < 0.3:
        # A task of the shape "named" takes a and b, and fails if there is more.
        names = rng.sample(["a", "b", "a", "b", "more"], rng.randint(1, 2))
        task["meta"]["kwargs"] = {name: rng.choice([1, "one", [1, 2], None]) for name in names}
    return task


def _tasks(rng: random.Random, most: int) -> list[TaskData]:
    return [_task(rng, number) for number in range(rng.randint(1, most))]


def _fails(task: TaskData) -> bool:
    """Whether it fails out of control."""
    refuses = task["shape"] == "named" and "more" in task["meta"].get("kwargs", {})
    return refuses or task["end"] in UNCONTROLLED


def _connect(rng: random.Random, tasks: list[TaskData], most: int) -> None:
    """Let tasks require tags, up to `most`, of tasks before them; then shuffle them."""
    kinds: tuple[Callable[[int], Any], ...] = (lambda n: f"tag{n}", lambda n: n, lambda n: [n, "t"])
    density = rng.random()
    tags = 0
    for number, task in enumerate(tasks):
        wanted = [other for other in tasks[:number] if rng.random() < density]
        rng.shuffle(wanted)
        for other in wanted[:most]:
            provided = other["meta"].setdefault("provides", [])
            tag = rng.choice(provided) if provided else None
            if tag is None or rng.random() < 0.2:
                tags += 1
                tag = rng.choice(kinds)(tags)
                provided.append(tag)
            task["meta"].setdefault("requires", []).append(tag)
    rng.shuffle(tasks)


def _prioritise(rng: random.Random, tasks: list[TaskData], distinct: bool) -> None:
    if distinct:
        priorities = rng.sample(range(-len(tasks), len(tasks)), len(tasks))
    else:
        priorities = [rng.choice([-1, 0, 0, 0, 5]) for _ in tasks]
    for task, priority in zip(tasks, priorities):
        if priority:
            task["meta"]["priority"] = priority


def _lock(rng: random.Random, tasks: list[TaskData]) -> None:
    """Give tasks uses and claims, none of which is waited for in vain."""
    keys = ["disk", "net", 7, ["db", 1], ["db", 2]]
    for task in tasks:
        if rng.random() < 0.5:
            continue
        chosen = rng.sample(keys, rng.randint(1, 3))
        split = rng.randint(0, len(chosen))
        uses, claims = chosen[:split], chosen[split:]
        if _fails(task):
            uses, claims = ["only used"], ["own of " + task["name"]]
        elif rng.random() < 0.2:
            uses.append("only used")
        for name, taken in ("uses", uses), ("claims", claims):
            if taken:
                task["meta"][name] = taken


def _lock_in_order(rng: random.Random, tasks: list[TaskData]) -> None:
    """Give tasks locks so that the order stays determined, some of them left held."""
    bundles = [["disk"], ["net", 7, ["db", 1]]]
    for task in tasks:
        if rng.random() < 0.3:
            task["meta"]["uses"] = ["only used"]
        if rng.random() < 0.7:
            free_of_needs = "requires" not in task["meta"]
            own = ["own of " + task["name"]]
            task["meta"]["claims"] = rng.choice(bundles) if free_of_needs else own


def _graph(rng: random.Random) -> SetData:
    tasks = _tasks(rng, most=16)
    _connect(rng, tasks, most=4)
    _prioritise(rng, tasks, distinct=False)
    _lock(rng, tasks)
    return {"tasks": tasks, "workers": rng.randint(1, 3), "spare": rng.choice([0, 1, 1, 1, 4])}


def _forest(rng: random.Random) -> SetData:
    """Keys and presets overwritten and deleted on the way from task to task."""
    tasks = _tasks(rng, most=16)
    for task in tasks:
        keys = ["preset", "common", task["name"]]
        task["writes"] = rng.sample(keys, rng.randint(0, 2))
        task["deletes"] = rng.sample(keys, rng.randint(0, 1))
    _connect(rng, tasks, most=1)
    _prioritise(rng, tasks, distinct=False)
    return {"tasks": tasks, "workers": rng.randint(1, 3), "spare": rng.choice([0, 1, 1, 4])}


def _ordered(rng: random.Random) -> SetData:
    """Nothing is left to chance, so failing tasks may leave locks that others wait for."""
    tasks = _tasks(rng, most=14)
    _connect(rng, tasks, most=3)
    _prioritise(rng, tasks, distinct=True)
    _lock_in_order(rng, tasks)
    return {"tasks": tasks, "workers": 1, "spare": 0, "ordered": True}


def _ahead(rng: random.Random) -> SetData:
    """The order is determined also with tasks handed ahead, where nothing waits for another."""
    tasks = _tasks(rng, most=20)
    _prioritise(rng, tasks, distinct=True)
    return {"tasks": tasks, "workers": 1, "spare": rng.choice([1, 1, 5]), "ordered": True}


def _processes(rng: random.Random) -> SetData:
    make = rng.choice([_graph, _graph, _forest, _ordered, _ahead])
    return make(rng) | {"processes": True}


KINDS: dict[str, tuple[int, Callable[[random.Random], SetData]]] = {
    "graph": (120, _graph),
    "forest": (40, _forest),
    "ordered": (70, _ordered),
    "ahead": (20, _ahead),
    "processes": (50, _processes),
}


def task_sets(times: int = 1, start: int = 0) -> list[SetData]:
    """300 sets, or `times` as many; always the same ones."""
    sets = []
    for kind, (count, make) in KINDS.items():
        for seed in range(start, start + count * times):
            rng = random.Random(f"{kind} {seed}")
            data = {"kind": kind, "seed": seed, "ordered": False, "processes": False} | make(rng)
            data["presets"] = {"preset": rng.randint(0, 9)} if rng.random() < 0.5 else {}
            data["meddles"] = rng.random() < 0.3  # the consumer changes what is relayed
            sets.append(data)
    return sets
