"""What puts one ready task before another: priority, then the longest remaining path."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

from .common import SchedulerError, Task, task_name
from .frontline import Entry
from .graph import Graph
from .meta import SchedMeta
from .tags import TagNode

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
    graph: Graph, order: list[int], weights: Mapping[int, float]
) -> dict[int, float]:
    """Of each node in `order`, the longest path from its start to the end of the run.

    `order` is one in which the nodes can run. Paths go along all three kinds of need; with
    several providers of a tag, through each of them.
    """
    beyond: dict[TagNode, float] = {}  # longest path of those who need the tag
    remaining: dict[int, float] = {}
    for node in reversed(order):
        path = weights[node]
        provided = graph.provides[node]
        if provided:
            path += max([beyond.get(tag, 0.0) for tag in provided])
        remaining[node] = path
        for _, tag in graph.needs[node]:
            if beyond.get(tag, 0.0) < path:
                beyond[tag] = path
    return remaining


class Order:
    """The place of each node in the frontline; fixed when the node joins the run.

    Weighing paths by the length of the way that remains is list scheduling with the
    critical path as priority (Graham 1966, Coffman 1976).
    """

    def __init__(self, graph: Graph, metas: list[SchedMeta], durations: Durations | None) -> None:
        # Configuration; graph and metas are the scheduler's and may grow.
        self._graph = graph
        self._metas = metas
        self._durations = durations
        self._unknown: float | None = None  # what a task of unknown duration counts
        # State.
        self._remaining: dict[int, float] = {}
        self._priority: Any = None  # that of the first task
        self.uniform = True  # all tasks have the same

    def extend(self, order: Iterable[int]) -> None:
        """Let nodes join, in an order in which they can run."""
        order = list(order)
        for node in order if self.uniform else ():
            priority = self._metas[node].priority
            self._priority = priority if self._priority is None else self._priority
            self.uniform = self.uniform and priority == self._priority
        tasks = self._graph.tasks
        known = {node: known_duration(self._durations, tasks[node]) for node in order}
        if self._unknown is None:
            values = [seconds for seconds in known.values() if seconds is not None]
            self._unknown = median(values) if values else _UNIT
        unknown = self._unknown
        weights = {node: unknown if s is None else s for node, s in known.items()}
        self._remaining.update(remaining_paths(self._graph, order, weights))

    def entry(self, node: int) -> Entry:
        """The node as the frontline sorts it."""
        return vars(self._metas[node]).get("priority", 0), -self._remaining[node], node

    def retry_entry(self, node: int) -> Entry:
        """The node before another attempt: after all others of its priority."""
        return vars(self._metas[node]).get("priority", 0), math.inf, node
