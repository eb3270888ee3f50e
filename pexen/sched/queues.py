"""Who waits for locks: a queue for each gate, found by the key or resource it is about.

What a gate is, is told in `locks`. One with two parts, (key, mode) or (resource, amount), is
filed under the first, so that those near a request are found without asking for each
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
        self._at_keys: dict[Key, dict[str, list[Entry]]] = {}
        self._at_resources: dict[Any, dict[float, list[Entry]]] = {}
        self._others: dict[Gate, list[Entry]] = {}  # of gates that don't have two parts

    def __bool__(self) -> bool:
        return bool(self._at_keys or self._at_resources or self._others)

    def _filed(self, gate: Gate) -> dict[Any, Any] | None:
        """Where a gate with two parts is filed, by the first part; None for others."""
        if not isinstance(gate, tuple) or isinstance(gate, Reservation):
            return None
        return self._at_keys if isinstance(gate[1], str) else self._at_resources

    def push(self, gate: Gate, entry: Entry) -> None:
        """Let an entry wait at a gate."""
        filed = self._filed(gate)
        if filed is None:
            queue = self._others.setdefault(gate, [])
        else:
            queue = filed.setdefault(gate[0], {}).setdefault(gate[1], [])
        heapq.heappush(queue, entry)

    def first(self, gate: Gate) -> Entry | None:
        """The best of those who wait at a gate, None if nobody does."""
        filed = self._filed(gate)
        if filed is None:
            queue = self._others.get(gate)
        elif gate[0] in filed:
            queue = filed[gate[0]].get(gate[1])
        else:
            queue = None
        return queue[0] if queue else None

    def pop(self, gate: Gate) -> Entry:
        """Take out the best of those who wait at a gate; there is one."""
        filed = self._filed(gate)
        queues = self._others if filed is None else filed[gate[0]]
        how = gate if filed is None else gate[1]
        entry: Entry = heapq.heappop(queues[how])
        if not queues[how]:
            del queues[how]
            if filed is not None and not queues:
                del filed[gate[0]]
        return entry

    def drop(self, reservation: Reservation) -> list[Entry]:
        """Take out all whom a reservation had refused."""
        return self._others.pop(reservation, [])

    def near(self, request: Request) -> list[Gate]:
        """The gates that a request may shut, where somebody waits; large amounts first."""
        gates: list[Gate] = []
        if self._at_keys:
            for key in request.places:
                if key in self._at_keys:
                    gates += [(key, mode) for mode in self._at_keys[key]]
        if self._at_resources:
            for name, _ in request.resources:
                amounts = sorted(self._at_resources.get(name, ()), reverse=True)
                gates += [(name, amount) for amount in amounts]
        return gates

    def gates(self) -> dict[int, Gate]:
        """The nodes that wait, with the gate that refused each."""
        queues = list(self._others.items())
        for filed in (self._at_keys, self._at_resources):
            by_part: dict[Any, Any] = filed
            queues += [((what, how), q) for what, hows in by_part.items() for how, q in hows.items()]
        return {entry[2]: gate for gate, queue in queues for entry in queue}
