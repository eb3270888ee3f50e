"""How short a run can be at best, and what shares a lock or a resource. No simulation."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from .graph import Graph
from .requests import SLACK, Key, Request, plain_key
from .tags import ANY, TagNode

PATH, WORKERS, LOCK, RESOURCE, EXCLUSIVE = "path", "workers", "lock", "resource", "exclusive"


class Bound(NamedTuple):
    """A reason for which no run takes less than `seconds`.

    `kind` is 'path' (the longest path through the requirements), 'workers' (all work,
    shared out), 'lock' or 'resource' (tasks that can't overlap), of which `key` is the
    lock or the name, or 'exclusive' (tasks beside which nothing runs).
    """

    kind: str
    key: Any
    seconds: float


class Load(NamedTuple):
    """What asks for a lock or a resource, or is exclusive: how many tasks, and the seconds
    that these take at least because of it; `around` are those that pass at least before the
    first of them can start, and after the last has ended."""

    kind: str
    key: Any
    tasks: int
    seconds: float
    around: float


class Part(NamedTuple):
    """A task as a part of a run: what it takes and asks for, and the seconds that pass at least
    before it can start (`head`) and after it has ended (`tail`)."""

    seconds: float
    request: Request
    head: float
    tail: float


def tails(graph: Graph, order: Iterable[int], seconds: Sequence[float]) -> list[float]:
    """Of each node the seconds from its end to the end of any run, at least.

    `order` is one in which the nodes can run. What any of several providers would do for
    doesn't have to wait for this one.
    """
    found = [0.0] * len(graph)
    beyond: dict[tuple[bool, TagNode], float] = {}
    for node in reversed(list(order)):
        for tag in graph.provides[node]:
            alone = beyond.get((True, tag), 0.0) if len(tag.providers) == 1 else 0.0
            found[node] = max(found[node], beyond.get((False, tag), 0.0), alone)
        path = seconds[node] + found[node]
        for kind, tag in graph.needs(node):
            key = kind is ANY, tag
            beyond[key] = max(beyond.get(key, 0.0), path)
    return found


def bounds(
    longest_path: float, workers: int, parts: Sequence[Part], loads: Sequence[Load]
) -> list[Bound]:
    """All that keeps a run from being shorter, the strongest first."""
    alone = sum(part.seconds for part in parts if part.request.exclusive)
    work = sum(part.seconds for part in parts)
    found = [
        Bound(PATH, None, longest_path),
        Bound(WORKERS, None, alone + (work - alone) / workers),
    ]
    for load in loads:
        # What comes before and after may be the exclusive tasks: not both count.
        beside = 0.0 if load.kind == EXCLUSIVE else alone
        found.append(Bound(load.kind, load.key, load.seconds + max(beside, load.around)))
    return sorted(found, key=lambda bound: -bound.seconds)


def all_loads(parts: Sequence[Part], capacity: Mapping[Any, float]) -> list[Load]:
    """Each lock and resource that makes several tasks wait for each other, the heaviest first.

    Exclusive tasks count as one more such thing, and are left out of the others.
    """
    shared = [part for part in parts if not part.request.exclusive]
    alone = [part for part in parts if part.request.exclusive]
    found = _lock_loads(shared) + _resource_loads(shared, capacity)
    if alone and len(parts) > 1:
        total = sum(part.seconds for part in alone)
        found.append(Load(EXCLUSIVE, None, len(alone), total, _around(alone)))
    return sorted(found, key=lambda load: (-load.seconds, repr(load.key)))


def _around(parts: Sequence[Part]) -> float:
    return min(part.head for part in parts) + min(part.tail for part in parts)


class _Lock:
    """A key, and of it and all below it what can't overlap."""

    def __init__(self) -> None:
        self.named = False  # a task asks for this very key
        self.claimed = 0.0  # seconds of the tasks that claim it
        self.used = 0.0  # seconds of the longest of those that use it
        self.tasks = 0  # tasks that ask for it, or for something below
        self.claims = 0  # those of them that claim
        # The least of these tasks.
        self.head = self.tail = math.inf
        # Seconds of the worst way down from here: claims alone, and with one use, which
        # overlaps with none of them.
        self.claims_below = 0.0
        self.all_below = 0.0


def _lock_loads(parts: Sequence[Part]) -> list[Load]:
    locks: dict[Key, _Lock] = {}
    for part in parts:
        _count(part, locks)
    found = []
    for key in sorted(locks, key=len, reverse=True):  # what is below comes first
        lock = locks[key]
        claims = lock.claimed + lock.claims_below
        whole = lock.claimed + max(lock.all_below, lock.used + lock.claims_below)
        if len(key) > 1:
            above = locks[key[:-1]]
            above.claims_below = max(above.claims_below, claims)
            above.all_below = max(above.all_below, whole)
        if lock.named and lock.claims and lock.tasks > 1:
            around = lock.head + lock.tail
            found.append(Load(LOCK, plain_key(key), lock.tasks, whole, around))
    return found


def _count(part: Part, locks: dict[Key, _Lock]) -> None:
    """Count a task for each of its keys, and at most once on the way to any."""
    seconds, request, head, tail = part
    taken: set[Key] = set()
    for keys, claims in ((request.claims, True), (request.uses, False)):
        for key, prefixes in sorted(keys, key=lambda pair: len(pair[0])):
            lock = locks.setdefault(key, _Lock())
            lock.named = True
            for prefix in prefixes:
                locks.setdefault(prefix, _Lock())
            if any(key[: len(t)] == t or t[: len(key)] == key for t in taken):
                continue
            taken.add(key)
            if claims:
                lock.claimed += seconds
            else:
                lock.used = max(lock.used, seconds)
    for way in {key[:n] for key in taken for n in range(1, len(key) + 1)}:
        lock = locks[way]
        lock.tasks += 1
        lock.claims += bool(request.claims)
        lock.head, lock.tail = min(lock.head, head), min(lock.tail, tail)


def _resource_loads(parts: Sequence[Part], capacity: Mapping[Any, float]) -> list[Load]:
    takers: dict[Any, list[tuple[Part, float]]] = {}
    for part in parts:
        for name, amount in part.request.resources:
            takers.setdefault(name, []).append((part, amount))
    found = []
    for name, pairs in takers.items():
        there = capacity[name]
        if len(pairs) > 1 and sum(amount for _, amount in pairs) > there:
            spread = sum(part.seconds * amount for part, amount in pairs) / there
            one_by_one = sum(part.seconds for part, amount in pairs if 2 * amount > there + SLACK)
            around = _around([part for part, _ in pairs])
            found.append(Load(RESOURCE, name, len(pairs), max(spread, one_by_one), around))
    return found
