"""Runs in virtual time, by the code that runs tasks in earnest, without running any.

All that differs from a real run is the pool, in which a task only takes time, and that
every task ends `ok`. So what it finds holds for locks, resources, priorities and every
kind of need as they are handled in fact.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .common import Task, identity
from .declared import Declared
from .events import Announcer
from .frontline import Entry
from .graph import Graph
from .interrupt import Interrupts
from .meta import SchedMeta
from .order import Order
from .pool.simulated import SimulatedPool
from .requests import Request
from .run import Run
from .tags import ANY, TagNode

START, END = "start", "end"


class Schedule(NamedTuple):
    """What happened in a simulated run.

    `makespan` is in seconds. `starts` and `ends` are those of each node. `log` has them all
    in the order in which they happened, as (START or END, node): what starts between two
    ends could not start before the first of them.
    """

    makespan: float
    starts: list[float]
    ends: list[float]
    log: list[tuple[str, int]]


class Simulation:
    """Simulates runs of one set of tasks, each time in another order, or under other conditions.

    It uses the graph as a run does, so no run of it may be under way.
    """

    def __init__(
        self,
        graph: Graph,
        declared: Declared,
        seconds: Sequence[float],
    ) -> None:
        # Configuration; of each node what it declares, and how long it takes.
        self.graph = graph
        self.declared = declared
        self.seconds = seconds

    def run(
        self,
        workers: int,
        ranks: Sequence[float],
        *,
        requests: list[Request] | None = None,
    ) -> Schedule:
        """Simulate a run; of tasks with the same priority the one of the greatest rank goes first.

        `requests` is for asking what if the tasks' were others.
        """
        index, known = self.graph.index, self.seconds

        def seconds_of(task: Task) -> float:
            return known[index[identity(task)]]

        declared = self.declared
        if requests is not None:
            declared = declared.asking(requests, declared.metas)
        pool = SimulatedPool(workers, seconds_of)
        order = _Ranked(declared, ranks)
        mutex = threading.RLock()
        run = Run(self.graph, declared, {}, order, Announcer(()), pool, mutex)
        pool.start()
        run.begin(None)
        for _ in run.results(Interrupts(lambda: None)):
            pass
        return self._schedule(pool)

    def entries(self, ranks: Sequence[float]) -> list[Entry]:
        """Each node as the frontline sorts it."""
        return _Ranked(self.declared, ranks).entries

    def _schedule(self, pool: SimulatedPool) -> Schedule:
        index = self.graph.index
        starts, ends = [0.0] * len(self.graph), [0.0] * len(self.graph)
        log = []
        for now, what, task in pool.log:
            node = index[identity(task)]
            (starts if what == START else ends)[node] = now
            log.append((what, node))
        return Schedule(pool.now, starts, ends, log)


class _Ranked(Order):
    """The order that ranks make, which are there for all nodes."""

    def __init__(self, declared: Declared, ranks: Sequence[float]) -> None:
        self._declared = declared
        self.entries = self._entries(0, list(ranks))

    def extend(self, order: object) -> None:
        """Nothing to do."""


# -- backwards ------------------------------------------------------------------------------


class _Mirror:
    """Stands for a task where time runs backwards."""


def mirrored(simulation: Simulation, schedule: Schedule) -> Simulation:
    """The simulation in which what needs comes before what is needed, and better priorities last.

    Of several providers any of which would do, the one that was first in the schedule is
    the one that is needed: which keeps it free of cycles.
    """
    graph = simulation.graph
    fields: list[dict[str, Any]] = [
        {"after": set(), "provides": set(), "priority": -meta.priority}
        for meta in simulation.declared.metas
    ]
    place = {node: n for n, (what, node) in enumerate(schedule.log) if what == END}
    for tag in graph.tags.values():
        _mirror_tag(tag, place, fields)
    mirror = Graph()
    metas = [SchedMeta(**given) for given in fields]
    mirror.add([_Mirror() for _ in metas], metas)  # type: ignore[misc]  # never called
    declared = simulation.declared.asking(simulation.declared.requests, metas)
    return Simulation(mirror, declared, simulation.seconds)


def _mirror_tag(tag: TagNode, place: Mapping[int, int], fields: list[dict[str, Any]]) -> None:
    for kind, waiters in ((ANY, tag.waiters), *tag.barred.items()):
        if not waiters or not tag.providers:
            continue
        first = min(tag.providers, key=place.__getitem__)
        for waiter in waiters:
            fields[waiter]["provides"].add((kind, tag))
        for provider in [first] if kind is ANY else tag.providers:
            fields[provider]["after"].add((kind, tag))
