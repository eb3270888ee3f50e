"""The critical path of a simulated run: the chain of tasks that makes it as long as it is.

What starts between two ends could not start before the first of them: so each task has
one whose end let it start, at that very moment, and the chain of these, from the task that
ends last back to one that started at once, is without gaps. What bound the two together
is found out afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .bounds import EXCLUSIVE, LOCK, RESOURCE
from .common import Task, task_name
from .frontline import Entry
from .graph import Graph
from .requests import CLAIM, Request, plain_key
from .simulation import END, START, Schedule
from .tags import AFTER, ANY, TagNode, sorted_needs

AT_ONCE, REQUIRES, AFTERWARDS, WORKER, TURN = "at once", "requires", "after", "worker", "turn"

_WORDS = {
    AT_ONCE: "starts at once",
    REQUIRES: "requires {!r}",
    AFTERWARDS: "after {!r}",
    LOCK: "waits for the lock {!r}",
    RESOURCE: "waits for the resource {!r}",
    EXCLUSIVE: "one of the two is exclusive",
    WORKER: "waits for a worker",
    TURN: "waits for the turn of another",
}


class Step(NamedTuple):
    """A task of the critical path; `start` and `end` are seconds from the start of the run.

    `kind` says why it did not start before the end of the one before it: it 'requires' what
    that provides, comes 'after' it, needed the 'lock', the 'resource' or the 'worker' that
    it had, one of them is 'exclusive', or a lock was kept free for a task that had waited
    longer ('turn'). The first of a path starts 'at once'. `key` is the tag, lock or resource.
    """

    task: Task
    start: float
    end: float
    kind: str
    key: Any = None

    @property
    def why(self) -> str:
        """The kind and the key, in words."""
        return _WORDS[self.kind].format(self.key)

    def __str__(self) -> str:
        return f"{self.start:.2f} s to {self.end:.2f} s  {task_name(self.task)}  {self.why}"


class CriticalPath:
    """Walks back through one schedule."""

    def __init__(
        self,
        graph: Graph,
        requests: Sequence[Request],
        entries: Sequence[Entry],
        workers: int,
        schedule: Schedule,
    ) -> None:
        # Configuration; entries are those of the frontline.
        self._graph = graph
        self._requests = requests
        self._entries = entries
        self._workers = workers
        self._schedule = schedule
        # Of each node the places in the log, and whose end came last before its start.
        self._start: dict[int, int] = {}
        self._end: dict[int, int] = {}
        self._released_by: dict[int, int | None] = {}
        self._busy: list[int] = []  # workers, before each place in the log
        self._met: dict[tuple[bool, TagNode], int] = {}  # where a need of a tag was met
        self._read()

    def _read(self) -> None:
        last: int | None = None
        busy = 0
        for place, (what, node) in enumerate(self._schedule.log):
            self._busy.append(busy)
            if what == START:
                self._start[node], self._released_by[node] = place, last
                busy += 1
            else:
                self._end[node], last = place, node
                busy -= 1

    def steps(self) -> tuple[Step, ...]:
        """The path, in the order of time."""
        schedule = self._schedule
        node = schedule.log[-1][1] if schedule.log else None
        found = []
        while node is not None:
            before = self._released_by[node]
            kind, key = (AT_ONCE, None) if before is None else self._bond(before, node)
            task = self._graph.tasks[node]
            found.append(Step(task, schedule.starts[node], schedule.ends[node], kind, key))
            node = before
        return tuple(reversed(found))

    def _bond(self, before: int, node: int) -> tuple[str, Any]:
        """Why the node started no sooner than when `before` ended."""
        end = self._end[before]
        ready = -1
        for kind, tag in sorted_needs(self._graph.needs(node)):
            met = self._met_at(kind, tag)
            if met == end:
                return AFTERWARDS if kind is AFTER else REQUIRES, tag.tag
            ready = max(ready, met)
        if self._held_up(node, max(ready, self._start[before]), end):
            conflict = _conflict(self._requests[node], self._requests[before])
            if conflict is not None:
                return conflict
        return (WORKER if self._busy[end] == self._workers else TURN), None

    def _held_up(self, node: int, since: int, until: int) -> bool:
        """Whether a worker was to be had meanwhile: it was idle, or taken by one less urgent.

        The places looked at are those at which one task of the path runs: few in all.
        """
        log, own = self._schedule.log, self._entries[node]
        for place in range(since + 1, until + 1):
            what, other = log[place]
            if what == START and self._entries[other] > own:
                return True
            if what == END and self._busy[place] < self._workers:
                return True
        return False

    def _met_at(self, kind: str, tag: TagNode) -> int:
        """Where in the log the end was that met the need."""
        key = kind is ANY, tag
        if key not in self._met:
            ends = [self._end[provider] for provider in tag.providers]
            self._met[key] = min(ends) if kind is ANY else max(ends)
        return self._met[key]


def _conflict(request: Request, held: Request) -> tuple[str, Any] | None:
    """What two tasks can't have at a time, or compete for."""
    if request.exclusive or held.exclusive:
        return EXCLUSIVE, None
    for mode, key in sorted(request.keys(), key=repr):
        for other_mode, other in held.keys():
            related = key[: len(other)] == other or other[: len(key)] == key
            if related and CLAIM in (mode, other_mode):
                return LOCK, plain_key(key)
    names = {name for name, _ in held.resources}
    for name, _ in request.resources:
        if name in names:
            return RESOURCE, name
    return None
