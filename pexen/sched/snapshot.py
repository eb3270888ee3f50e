"""A picture of a run while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .common import Task, identity
from .pool.base import Running
from .requests import CLAIM, plain_key
from .run import Run
from .state import State
from .tags import AFTER, ANY, EVERY
from .why import gate_text

_WORDS = {ANY: "tag", EVERY: "every provider of", AFTER: "the end of every provider of"}


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock, how it is held ('claims' or 'uses'), and by which tasks."""

    key: Any
    mode: str
    tasks: tuple[Task, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A task that hasn't begun, its state, and what it waits for, in words."""

    task: Task
    state: str
    waits_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What runs since when, which locks are held by whom, what waits and for what.

    `time` and each `since` are seconds on the pool's clock. `locks` includes those
    that tasks left held when they ended.
    """

    time: float
    running: tuple[Running, ...]
    locks: tuple[HeldLock, ...]
    waiting: tuple[Waiting, ...]


def snapshot(run: Run) -> Snapshot:
    """Look at a run; its mutex is held."""
    running = run.pool.running()
    ahead = {identity(task) for task in run.pool.ahead()} - {identity(r.task) for r in running}
    held: dict[tuple[str, Any], list[Task]] = {}
    for node, request in run.held().items():
        for mode, key in request.keys():
            name = "claims" if mode == CLAIM else "uses"
            held.setdefault((name, plain_key(key)), []).append(run.graph.tasks[node])
    gates = run.locks.gates()
    waiting = []
    for node, state in enumerate(run.state):
        task = run.graph.tasks[node]
        if state is State.WAITING:
            unmet = run.graph.unmet(node)
            what = tuple(f"{_WORDS[kind]} {tag.tag!r}" for kind, tag in unmet)
        elif state is State.PARKED:
            what = (gate_text(gates[node]) if node in gates else "a lock",)
        elif state is State.DELAYED:
            what = ("its next attempt",)
        elif state is State.READY or identity(task) in ahead:
            what = ("a worker",)
        else:
            continue
        waiting.append(Waiting(task, state.value, what))
    locks = tuple(HeldLock(key, mode, tuple(tasks)) for (mode, key), tasks in held.items())
    return Snapshot(run.pool.clock(), tuple(running), locks, tuple(waiting))
