"""Who is not to be starved: keys reserved for a task that was passed over too often.

A task passed over by conflicting tasks of equal or lower priority, as often as patience
allows, gets a reservation, which refuses such tasks from then on; better priorities
still pass. Reservations are ordered by (priority, age), and a task that has one is only
bound by those before its own, so two of them can't wait for each other.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from .frontline import Entry
from .requests import Request


class Reservation(NamedTuple):
    """What a task asks for is kept from tasks that come after it."""

    priority: Any
    age: int
    node: int
    request: Request


class Reservations:
    """The reservations that stand. They are few: most runs never see one."""

    def __init__(self, patience: int) -> None:
        self._patience = patience  # how often a task may be passed over
        self._passed: dict[int, int] = {}  # node -> how often it was
        self._standing: dict[int, Reservation] = {}  # by node
        self._age = 0

    def __bool__(self) -> bool:
        """Whether anybody has been passed over, or has a reservation."""
        return bool(self._passed or self._standing)

    def pass_over(self, entry: Entry, request: Request) -> bool:
        """Somebody was let past the task; returns whether that was once too often."""
        priority, _, node = entry
        if node in self._standing:
            return False
        self._passed[node] = self._passed.get(node, 0) + 1
        if self._passed[node] >= self._patience:
            self._age += 1
            self._standing[node] = Reservation(priority, self._age, node, request)
            return True
        return False

    def against(self, request: Request, entry: Entry) -> Reservation | None:
        """A reservation that the task with this request may not pass, or None."""
        if not self._standing:
            return None
        own = self._standing.get(entry[2])
        rank = (entry[0], math.inf) if own is None else own[:2]
        for reservation in self._standing.values():
            if rank > reservation[:2] and reservation.request.conflicts(request):
                return reservation
        return None

    def stands(self, reservation: Reservation) -> bool:
        return reservation.node in self._standing

    def lift(self, node: int) -> list[Reservation]:
        """End the node's reservation, if it has one; whom it refused may try again."""
        self._passed.pop(node, None)
        return [self._standing.pop(node)] if node in self._standing else []

    def lift_conflicting(self, request: Request) -> list[Reservation]:
        """End all that wait for what this request holds for good."""
        nodes = [n for n, r in self._standing.items() if r.request.conflicts(request)]
        return [reservation for node in nodes for reservation in self.lift(node)]
