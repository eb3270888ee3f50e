"""What puts one ready task before another: priority, then the longest remaining path."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .common import SchedulerError, Task, task_name
from .frontline import Entry
from .graph import Graph

Durations = Mapping[Any, float] | Callable[[Task], float | None]

_UNIT = 1.0  # what a task counts when nothing is known of any


def known_duration(durations: Durations | None, task: Task) -> float | None:
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
            f"the duration of {task_name(task)!r} is {seconds!r}; give seconds, or None"
        )
    return float(seconds)


def remaining_paths(
    graph: Graph,
    order: Sequence[int],
    weights: Mapping[int, float] | None,
    paths: list[float],
    first: int = 0,
) -> None:
    """Set, for each node in `order`, its longest path from its start to the end of the run.

    They go into `paths`, that of node `first` at its beginning. `order` is one in which the nodes can run. Paths go along all three kinds of need; with
    several providers of a tag, through each of them. Without weights each node counts one.
    """
    requires, provides, barred = graph.requires, graph.provides, graph.barred
    for node in reversed(order):
        path = 0.0
        for tag in provides[node]:
            if tag.beyond > path:
                path = tag.beyond
        path += _UNIT if weights is None else weights[node]
        paths[node - first] = path
        for tag in requires[node]:
            if tag.beyond < path:
                tag.beyond = path
        if node in barred:
            for _, tag in barred[node]:
                if tag.beyond < path:
                    tag.beyond = path


class Order:
    """The place of each node in the frontline; fixed when the node joins the run.

    Weighing paths by the length of the way that remains is list scheduling with the
    critical path as priority (Graham 1966, Coffman 1976).
    """

    def __init__(
        self, graph: Graph, durations: Durations | None, priorities: Mapping[int, Any]
    ) -> None:
        # Configuration; graph and priorities are the scheduler's and may grow.
        self._graph = graph
        self._durations = durations
        self._priorities = priorities  # of the nodes that have one other than 0
        self._unknown: float | None = None  # what a task of unknown duration counts
        # State.
        self.entries: list[Entry] = []  # of each node, as the frontline sorts it

    @property
    def uniform(self) -> bool:
        """Whether all tasks have the same priority."""
        return not self._priorities

    def extend(self, order: Sequence[int]) -> None:
        """Let nodes join, in an order in which they can run."""
        first = len(self.entries)
        for node in order if first else ():
            # Paths of those added on the way only go through their own batch.
            for tag in self._graph.provides[node]:
                tag.beyond = 0.0
        paths = [0.0] * len(order)
        remaining_paths(self._graph, order, self._weights(order), paths, first)
        self.entries.extend(self._entries(first, paths))

    def _weights(self, order: Sequence[int]) -> dict[int, float] | None:
        """What each node counts, None if nothing is known of any."""
        if self._durations is None:
            return None
        tasks = self._graph.tasks
        known = {node: known_duration(self._durations, tasks[node]) for node in order}
        if self._unknown is None:
            values = sorted(seconds for seconds in known.values() if seconds is not None)
            self._unknown = _median(values) if values else _UNIT
        unknown = self._unknown
        return {node: unknown if s is None else s for node, s in known.items()}

    def _entries(self, first: int, paths: list[float]) -> list[Entry]:
        """Entries of the nodes from `first` on, whose remaining paths are given."""
        priorities = self._priorities
        if not priorities:
            return [(0, -path, node) for node, path in enumerate(paths, first)]
        return [(priorities.get(node, 0), -path, node) for node, path in enumerate(paths, first)]

    def retry_entry(self, node: int) -> Entry:
        """The node before another attempt: after all others of its priority."""
        return self._priorities.get(node, 0), math.inf, node


def _median(values: list[float]) -> float:
    # Of sorted values. statistics has one, but brings decimals, fractions and random numbers.
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
