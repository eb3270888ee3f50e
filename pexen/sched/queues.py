"""Who waits for locks: a queue for each gate, found by the key or resource it is about.

What a gate is, is told in `locks`. One with two parts, (key, mode) or (resource, amount), is
also noted under the first, so that those near a request are found without asking for each
gate that there could be.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from typing import Any

from .frontline import Entry
from .requests import Key, Request
from .reservations import Reservation

Gate = Any


class Queue:
    """Those who wait at one gate, best first.

    Nobody has two entries: with another one, who is promoted has that in place of the first.
    """

    __slots__ = ("_arrived", "_entries", "_heap", "gate", "how", "offered", "what")

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.what: Any = None  # the two parts of the gate, if it has two
        self.how: Any = None
        if _has_two_parts(gate):
            self.what, self.how = gate
        self.offered = False  # one of them has been offered the gate, and was taken out for it
        self._entries: dict[int, Entry] = {}  # of those who wait, by node
        # With some that aren't in there any more:
        self._heap: list[Entry] = []
        self._arrived: dict[Any, deque[Entry]] = {}  # by priority, as they came

    def __len__(self) -> int:
        return len(self._entries)

    def entries(self) -> list[Entry]:
        """Of those who wait, in any order."""
        return [*self._entries.values()]

    def push(self, entry: Entry) -> None:
        """Let an entry wait."""
        self._entries[entry[2]] = entry
        heapq.heappush(self._heap, entry)
        arrived = self._arrived.get(entry[0])
        if arrived is None:
            arrived = self._arrived[entry[0]] = deque()
        arrived.append(entry)

    def first(self) -> Entry:
        """The best; there is one."""
        heap, entries = self._heap, self._entries
        while entries.get(heap[0][2]) is not heap[0]:
            heapq.heappop(heap)
        return heap[0]

    def pop(self) -> Entry:
        """Take out the best; there is one."""
        entry = self.first()
        del self._entries[entry[2]]
        return heapq.heappop(self._heap)

    def longest_waiting(self, priority: Any) -> Entry | None:
        """The entry that came first of those of this priority; None if none of them waits."""
        arrived, entries = self._arrived.get(priority), self._entries
        while arrived:
            if arrived[0][2] in entries:
                return arrived[0]
            arrived.popleft()
        return None

    def promote(self, entry: Entry) -> None:
        """Let who waits be before all others of its priority."""
        promoted = self._entries[entry[2]] = (entry[0], -math.inf, entry[2])
        heapq.heappush(self._heap, promoted)


class Queues:
    """The queues; there is none at which nobody waits and nobody has been offered the gate."""

    def __init__(self) -> None:
        self._queues: dict[Gate, Queue] = {}
        # Those of gates with two parts.
        self._at_keys: dict[Key, list[Queue]] = {}
        self._at_resources: dict[Any, list[Queue]] = {}

    def __len__(self) -> int:
        return len(self._queues)

    def at(self, gate: Gate) -> Queue | None:
        """The queue at a gate, if there is one."""
        return self._queues.get(gate)

    def push(self, gate: Gate, entry: Entry) -> Queue:
        """Let an entry wait at a gate."""
        queue = self._queues.get(gate)
        if queue is None:
            queue = self._queues[gate] = Queue(gate)
            if queue.how is not None:
                self._noted(queue).setdefault(queue.what, []).append(queue)
        queue.push(entry)
        return queue

    def forget(self, queue: Queue) -> None:
        """Nobody waits there any more, nor has been offered the gate."""
        del self._queues[queue.gate]
        if queue.how is not None:
            noted = self._noted(queue)
            noted[queue.what].remove(queue)
            if not noted[queue.what]:
                del noted[queue.what]

    def drop(self, reservation: Reservation) -> list[Entry]:
        """Take out all whom a reservation had refused."""
        queue = self._queues.pop(reservation, None)
        return [] if queue is None else queue.entries()

    def near(self, request: Request) -> list[Queue]:
        """The queues at gates that a request may shut; those for large amounts first."""
        queues: list[Queue] = []
        if self._at_keys:
            for key in request.places:
                if key in self._at_keys:
                    queues += self._at_keys[key]
        if self._at_resources:
            for name, _ in request.resources:
                at_resource = self._at_resources.get(name, ())
                queues += sorted(at_resource, key=lambda queue: queue.how, reverse=True)
        return queues

    def gates(self) -> dict[int, Gate]:
        """The nodes that wait, with the gate that refused each."""
        return {
            entry[2]: gate for gate, queue in self._queues.items() for entry in queue.entries()
        }

    def _noted(self, queue: Queue) -> dict[Any, list[Queue]]:
        return self._at_keys if isinstance(queue.how, str) else self._at_resources


def _has_two_parts(gate: Gate) -> bool:
    return isinstance(gate, tuple) and not isinstance(gate, Reservation)
