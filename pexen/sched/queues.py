"""Who waits for locks: a queue for each gate, found by the key or resource it is about.

What a gate is, is told in `locks`. One with two parts, (key, mode) or (resource, amount), is
also noted under the first, so that those near a request are found without asking for each
gate that there could be.
"""

from __future__ import annotations

import heapq
from typing import Any

from .frontline import Entry
from .requests import Key, Request
from .reservations import Reservation

Gate = Any


class Queues:
    """Queues of entries, best first; there is none that is empty."""

    def __init__(self) -> None:
        self._queues: dict[Gate, list[Entry]] = {}
        # The gates with two parts that have a queue.
        self._at_keys: dict[Key, list[Gate]] = {}
        self._at_resources: dict[Any, list[Gate]] = {}

    def __bool__(self) -> bool:
        return bool(self._queues)

    def push(self, gate: Gate, entry: Entry) -> None:
        """Let an entry wait at a gate."""
        queue = self._queues.get(gate)
        if queue is None:
            queue = self._queues[gate] = []
            if _has_two_parts(gate):
                self._noted(gate).setdefault(gate[0], []).append(gate)
        heapq.heappush(queue, entry)

    def first(self, gate: Gate) -> Entry | None:
        """The best of those who wait at a gate, None if nobody does."""
        queue = self._queues.get(gate)
        return queue[0] if queue else None

    def pop(self, gate: Gate) -> Entry:
        """Take out the best of those who wait at a gate; there is one."""
        queue = self._queues[gate]
        entry = heapq.heappop(queue)
        if not queue:
            del self._queues[gate]
            if _has_two_parts(gate):
                noted = self._noted(gate)
                noted[gate[0]].remove(gate)
                if not noted[gate[0]]:
                    del noted[gate[0]]
        return entry

    def drop(self, reservation: Reservation) -> list[Entry]:
        """Take out all whom a reservation had refused."""
        return self._queues.pop(reservation, [])

    def near(self, request: Request) -> list[Gate]:
        """The gates that a request may shut, where somebody waits; large amounts first."""
        gates: list[Gate] = []
        if self._at_keys:
            for key in request.places:
                if key in self._at_keys:
                    gates += self._at_keys[key]
        if self._at_resources:
            for name, _ in request.resources:
                at_resource = self._at_resources.get(name, ())
                gates += sorted(at_resource, key=lambda gate: gate[1], reverse=True)
        return gates

    def gates(self) -> dict[int, Gate]:
        """The nodes that wait, with the gate that refused each."""
        return {entry[2]: gate for gate, queue in self._queues.items() for entry in queue}

    def _noted(self, gate: Gate) -> dict[Any, list[Gate]]:
        return self._at_keys if isinstance(gate[1], str) else self._at_resources


def _has_two_parts(gate: Gate) -> bool:
    return isinstance(gate, tuple) and not isinstance(gate, Reservation)
