"""What a run would be like: how long it takes, why, and how it could be shorter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from .bounds import EXCLUSIVE, PATH, RESOURCE, WORKERS, Bound, Load, Part, all_loads, bounds, tails
from .common import Task
from .critical import CriticalPath, Step
from .declared import Declared
from .graph import Graph
from .order import Order
from .requests import NOTHING, Request, as_key
from .search import Search
from .simulation import START, Schedule, Simulation
from .taskmap import TaskMap

_ASKED = 10  # locks and resources of which it is simulated what they cost, the heaviest


class Planned(NamedTuple):
    """When a task would run, in seconds from the start of the run."""

    task: Task
    start: float
    end: float


class Contention(NamedTuple):
    """A lock or a resource for which several tasks contend, or that some are exclusive.

    `kind` is 'lock', 'resource' or 'exclusive', `key` the lock or the name. `tasks` counts
    those that ask for it, `seconds` is what they take at least because of it, one after
    another where they can't overlap. `saves` is by how many seconds the makespan would be
    shorter without it, found by a simulated run in the same order.
    """

    kind: str
    key: Any
    tasks: int
    seconds: float
    saves: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A run that was simulated, with every task ending `ok` after the seconds expected.

    `workers`
        how many there are.
    `makespan`
        seconds from the start of the run to its end.
    `work`
        seconds of all tasks together.
    `lower_bound`
        seconds that no run can be shorter than: the greatest of `bounds`.
    `bounds`
        what keeps a run from being shorter, the strongest first; each is a `Bound`.
    `path`
        the critical path, as `Step`s without a gap from 0 to the makespan.
    `contention`
        the locks and resources that several tasks contend for, as `Contention`, the
        heaviest first, at most 10.
    `schedule`
        all tasks in the order in which they start, as `Planned`.
    `order`
        what makes a run go like this: for `Sched.run(order=…)`. For each task the seconds
        from its start to the end of the run, or something like it; those with more go first.
    """

    workers: int
    makespan: float
    work: float
    lower_bound: float
    bounds: tuple[Bound, ...]
    path: tuple[Step, ...]
    contention: tuple[Contention, ...]
    schedule: tuple[Planned, ...]
    order: TaskMap[float]

    @property
    def utilisation(self) -> float:
        """The part of the workers' time in which they are at work, from 0 to 1."""
        return self.work / (self.workers * self.makespan) if self.makespan else 0.0


def make_plan(
    graph: Graph,
    declared: Declared,
    order: Order,
    workers: int,
    search: int,
    seed: int,
) -> Plan:
    """Plan a run of all tasks, and simulate up to `search` more in search of a shorter one.

    Uses the run state of the graph, as a run does. Raises as a run does for a cycle, and
    SchedulerError for a senseless duration.
    """
    _, nodes = graph.prepare()
    seconds = order.extend(nodes) or [1.0] * len(graph)
    ranks = [-entry[1] for entry in order.entries]
    requests = declared.requests
    simulation = Simulation(graph, declared, seconds)
    free = simulation.run(max(1, len(graph)), ranks, requests=[NOTHING] * len(graph))
    parts = list(map(Part, seconds, requests, free.starts, tails(graph, nodes, seconds)))
    loads = all_loads(parts, declared.capacity)
    found = bounds(free.makespan, workers, parts, loads)
    best = Search(simulation, workers, ranks, found[0].seconds)
    best.improve(search, seed)
    makespan = best.schedule.makespan
    entries = simulation.entries(best.ranks)
    return Plan(
        workers,
        makespan,
        sum(seconds),
        min(makespan, found[0].seconds),  # they may differ by the rounding of sums
        tuple(found),
        CriticalPath(graph, requests, entries, workers, best.schedule).steps(),
        tuple(_contention(load, simulation, best, found) for load in loads[:_ASKED]),
        _planned(graph, best.schedule),
        _as_map(graph, best.ranks),
    )


def _planned(graph: Graph, schedule: Schedule) -> tuple[Planned, ...]:
    starts, ends = schedule.starts, schedule.ends
    nodes = [node for what, node in schedule.log if what == START]
    return tuple(Planned(graph.tasks[node], starts[node], ends[node]) for node in nodes)


def _as_map(graph: Graph, ranks: Sequence[float]) -> TaskMap[float]:
    return TaskMap.of(zip(graph.tasks, ranks, strict=True))


# -- what a lock costs ----------------------------------------------------------------------


def _contention(
    load: Load, simulation: Simulation, best: Search, found: Sequence[Bound]
) -> Contention:
    makespan = best.schedule.makespan
    rest = [bound.seconds for bound in found if bound.kind in (PATH, WORKERS)]
    if load.kind != EXCLUSIVE and max(rest) >= makespan:
        return Contention(*load[:4], 0.0)  # without it, there is still what makes it as long
    requests = [_without(request, load) for request in simulation.declared.requests]
    saves = makespan - best.makespan_if(requests)
    # A run can become longer by having more room (Graham 1969); that is no one's gain.
    return Contention(*load[:4], max(0.0, saves))


def _without(request: Request, load: Load) -> Request:
    if load.kind == EXCLUSIVE:
        return request._replace(exclusive=False)
    if load.kind == RESOURCE:
        rest = tuple(pair for pair in request.resources if pair[0] != load.key)
        return request._replace(resources=rest)
    key = as_key(load.key)
    return request._replace(
        claims=tuple(pair for pair in request.claims if pair[0] != key),
        uses=tuple(pair for pair in request.uses if pair[0] != key),
    )
