"""What puts one ready task before another: priority, then the longest remaining path."""

from __future__ import annotations

import math
import numbers
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count, repeat
from operator import neg
from typing import Any

from .common import SchedulerError, Task, task_name
from .declared import Declared
from .frontline import Entry
from .graph import Graph
from .requests import Key
from .tags import TagNode

Durations = Mapping[Any, float] | Callable[[Task], float | None]

_UNIT = 1.0  # what a task counts when nothing is known of any
_TIE = 1e-7  # what a dependent adds to a path, in tasks; enough to tell equal paths apart


def known_duration(
    durations: Durations | None, task: Task, what: str = "duration"
) -> float | None:
    """Seconds the task is known to take, or None; SchedulerError for a senseless value."""
    if durations is None:
        return None
    if isinstance(durations, Mapping):
        try:
            seconds = durations.get(task)
        except TypeError:  # an unhashable task
            return None
    else:
        seconds = durations(task)
    if seconds is None:
        return None
    if not isinstance(seconds, numbers.Real) or not 0 <= seconds < math.inf:
        raise SchedulerError(
            f"the {what} of {task_name(task)!r} is {seconds!r}; give seconds, or None"
        )
    return float(seconds)


def remaining_paths(
    graph: Graph, order: Sequence[int], weights: Sequence[float] | None, tie: float, first: int = 0
) -> list[float]:
    """Of each node from `first` on, the longest path from its start to the end of the run.

    `order` has these nodes, in an order in which they can run. Paths go along all three kinds
    of need; with several providers of a tag, through each of them. For each need of what it
    provides, by one of these nodes, a node's own path is longer by `tie`. Without
    weights each node counts one.
    """
    paths = [_UNIT] * len(order) if weights is None else list(weights)
    requires, provides, barred = graph.requires, graph.provides, graph.barred
    for node in reversed(order) if graph.tags else ():
        provided, required = provides[node], requires[node]
        if not provided and not required and not barred:
            continue
        path = paths[node - first]
        if provided:
            longest, dependents = 0.0, 0
            for tag in provided:
                if tag.beyond > longest:
                    longest = tag.beyond
                dependents += _dependents(tag, first) if first or tag.barred else len(tag.waiters)
            path += longest
            paths[node - first] = path + tie * dependents
        for tag in required:
            if tag.beyond < path:
                tag.beyond = path
        if barred and node in barred:
            for _, tag in barred[node]:
                if tag.beyond < path:
                    tag.beyond = path
    return paths


def sort_graph(graph: Graph, order: Sequence[int]) -> None:
    """Find the entries of a new graph for all runs of it in which nothing else counts.

    So who builds a scheduler pays for it, and not who waits for the first task of a run.
    """
    # The numbers of the nodes are there, as objects, and needn't be made again; nor is the same
    # path made for each.
    paths = map(neg, remaining_paths(graph, order, None, _TIE)) if graph.tags else repeat(-_UNIT)
    graph.entries = _equals(paths, graph.index.values())


def _equals(negated: Iterable[float], nodes: Iterable[int]) -> list[Entry]:
    """Entries of nodes without priorities, whose remaining paths are given as negative numbers."""
    return list(zip(repeat(0), negated, nodes))


def _dependents(tag: TagNode, first: int) -> int:
    waiters = (tag.waiters, *tag.barred.values())
    return sum(len(nodes) - bisect_left(nodes, first) for nodes in waiters)


def _queue_up(
    declared: Declared, weights: Sequence[float] | None, paths: list[float], first: int
) -> None:
    """Let what claims a lock count no less than the seconds of what queues for it behind it.

    The longest remaining path is first in the queue, and counts no less than that path.
    """
    queues: dict[Key, list[int]] = {}
    for node in declared.special[bisect_left(declared.special, first) :]:
        for key, _ in declared.requests[node].claims:
            queues.setdefault(key, []).append(node)
    longest = paths.copy() if queues else paths
    for queue in queues.values():
        # Ascending, and among equals the node added last comes first: sorting keeps their order.
        queue.reverse()
        queue.sort(key=lambda node: longest[node - first])
        behind = 0.0
        for node in queue:
            behind += _UNIT if weights is None else weights[node - first]
            if behind < longest[node - first]:
                behind = longest[node - first]
            if paths[node - first] < behind:
                paths[node - first] = behind


class Order:
    """The place of each node in the frontline; fixed when the node joins the run.

    Weighing paths by the length of the way that remains is list scheduling with the
    critical path as priority (Graham 1966, Coffman 1976). Among equals, the one with more
    dependents goes first (Kasahara and Narita 1984). Of those that claim the same lock
    only one runs at a time, so they count as if each depended on the one before it.
    """

    def __init__(
        self,
        graph: Graph,
        declared: Declared,
        durations: Durations | None,
        given: Mapping[Task, float] | None = None,
    ) -> None:
        # Configuration; graph and columns are the scheduler's and may grow.
        self._graph = graph
        self._declared = declared
        self._durations = durations
        self._given = given  # to be used in place of the remaining paths that it knows
        self._unknown: float | None = None  # what a task of unknown duration counts
        # State.
        self.entries: list[Entry] = []  # of each node, as the frontline sorts it

    def extend(self, order: Sequence[int]) -> list[float] | None:
        """Let nodes join, in an order in which they can run.

        Returns the seconds that each counts, None if nothing is known and each counts one.
        """
        first = len(self.entries)
        for node in order if first else ():
            # Paths of those added on the way only go through their own batch.
            for tag in self._graph.provides[node]:
                tag.beyond = 0.0
        weights = self._weights(first)
        known = None if first or weights is not None else self._graph.entries
        if known is not None:
            if not (self._declared.priorities or self._declared.special or self._given):
                self.entries.extend(known)
                return None
            paths = [-entry[1] for entry in known]
        else:
            tie = _TIE * (_UNIT if self._unknown is None else self._unknown)
            paths = remaining_paths(self._graph, order, weights, tie, first)
        _queue_up(self._declared, weights, paths, first)
        if self._given is not None:
            for node, task in enumerate(self._graph.tasks[first:], first):
                given = known_duration(self._given, task, "order")
                if given is not None:
                    paths[node - first] = given
        self.entries.extend(self._entries(first, paths))
        return weights

    def check(self, tasks: Iterable[Task]) -> None:
        """SchedulerError if anything senseless is known of one of the tasks."""
        for task in tasks:
            known_duration(self._durations, task)
            known_duration(self._given, task, "order")

    def _weights(self, first: int) -> list[float] | None:
        """What each node from `first` on counts."""
        if self._durations is None:
            return None
        known = [known_duration(self._durations, task) for task in self._graph.tasks[first:]]
        if self._unknown is None:
            self._unknown = _median([seconds for seconds in known if seconds is not None])
        unknown = self._unknown
        return [unknown if seconds is None else seconds for seconds in known]

    def _entries(self, first: int, paths: list[float]) -> list[Entry]:
        """Entries of the nodes from `first` on, whose remaining paths are given."""
        priorities = self._declared.priorities
        if not priorities:
            return _equals(map(neg, paths), count(first))
        return [(priorities.get(node, 0), -path, node) for node, path in enumerate(paths, first)]

    def retry_entry(self, node: int) -> Entry:
        """The node before another attempt: after all others of its priority."""
        return self._declared.priorities.get(node, 0), math.inf, node


def _median(values: list[float]) -> float:
    # statistics has one, but brings decimals, fractions and random numbers.
    if not values:
        return _UNIT
    values.sort()
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
