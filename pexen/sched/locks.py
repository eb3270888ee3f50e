"""Who may run beside whom: uses, claims, resources and exclusive tasks.

Passive, like the graph: `acquire` takes all that a task asks for or nothing,
`release` gives it back, and `reoffered` then names the tasks worth trying again.

Keys are tuples (a plain key k is (k,)) and hierarchical. What is held counts at its
own key and, as held below, at each prefix; so a test costs the depth of the key, not
the number of locks. A refused task waits in the queue of one *gate* that refused it:

    (key, CLAIM)        nothing held at, or below, the key
    (key, USE)          no claim at, or below, the key
    (key, CLAIM_BELOW)  nothing held at the key itself
    (key, USE_BELOW)    no claim at the key itself
    (name, amount)      as much of the resource is free
    EXCLUSIVE           nothing is handed out
    BESIDE              no exclusive task is handed out
    a Reservation       it has been lifted (see `reservations`)

A gate treats all that wait at it alike, which gives the invariant that makes queues cheap:

L1  Where a gate is open and somebody waits at it, exactly one of them, the first in
    order, has been offered anew and not tried yet.

So a release tests the first of each queue it may have opened, and each grant or
refusal elsewhere passes the offer on, until the gate is shut again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .frontline import Entry
from .queues import Gate, Queues
from .requests import CLAIM, NOTHING, SLACK, USE, Key, Request
from .reservations import Reservation, Reservations

CLAIM_BELOW, USE_BELOW = "claim below", "use below"
EXCLUSIVE, BESIDE = "exclusive", "beside an exclusive task"


class _Held:
    """How often a key is held itself, and how often something below it is."""

    __slots__ = ("claims", "uses", "claims_below", "uses_below")

    def __init__(self) -> None:
        self.claims = self.uses = self.claims_below = self.uses_below = 0

    def opens(self, mode: str) -> bool:
        if mode is CLAIM:
            return not (self.claims or self.uses or self.claims_below or self.uses_below)
        if mode is USE:
            return not (self.claims or self.claims_below)
        if mode is CLAIM_BELOW:
            return not (self.claims or self.uses)
        return not self.claims


class Locks:
    """What is held, and who waits for it."""

    def __init__(
        self, capacity: Mapping[Any, float], requests: list[Request], patience: int
    ) -> None:
        # Configuration. `requests` is the scheduler's list, which may grow.
        self._requests = requests
        # State.
        self._held: dict[Key, _Held] = {}
        self._free = dict(capacity)
        self._handed = 0  # tasks handed out
        self._exclusive = False  # one of them is exclusive
        self._left: dict[int, Request] = {}  # kept after their task ended
        self._abandoned: set[int] = set()  # nodes that keep everything for good
        self._queues = Queues()
        self._offered: dict[int, Gate] = {}  # node -> the gate whose offer it is
        self._offers: set[Gate] = set()  # the gates in _offered
        self._excused: list[Entry] = []  # refused teardown tasks some kept locks are free to
        self._reservations = Reservations(patience)
        self.reoffered: list[Entry] = []  # to be tried again; the caller takes them away

    def begin_counting(self, handed: int) -> None:
        """There are exclusive tasks from now on, so all tasks are to be told of; these are out."""
        self._handed = handed + len(self._abandoned)

    # -- taking and giving back ---------------------------------------------------

    def acquire(self, entry: Entry, excused_from: Iterable[int] = ()) -> bool:
        """Take all that the entry's task asks for, or let it wait and return False.

        Locks left by the nodes in `excused_from` don't hinder it.
        """
        node = entry[2]
        request = self._requests[node]
        for left in excused_from:
            self._count(self._left[left], -1)
        gate = self._refusal(request, entry)
        for left in excused_from:
            self._count(self._left[left], +1)
        origin = self._offered.pop(node, None)
        if gate is None:
            self._take(request, entry)
        elif excused_from:
            self._excused.append(entry)
        else:
            self._queues.push(gate, entry)
            if origin is not None:
                self._pass_over(entry)
        if origin is not None:
            self._offers.discard(origin)
            if gate != origin:
                self._offer(origin)
        return gate is None

    def release(self, node: int, keep: str = "") -> None:
        """Give back what a node that was handed out holds.

        `keep='locks'`: but for its uses and claims; `keep='all'`: it gives back nothing.
        """
        request = self._requests[node]
        if keep:
            kept = request if keep == "all" else request.locks_only()
            if kept != NOTHING:
                self._left[node] = kept
                self._retry_refused(self._reservations.lift_conflicting(kept))
        if keep == "all":
            self._abandoned.add(node)
            return
        self._handed -= 1
        if request.exclusive:
            self._exclusive = False
        for name, amount in request.resources:
            self._free[name] += amount
        if not keep:
            self._count(request, -1)
        self._open(request)

    def release_left(self, node: int) -> None:
        """Give back the locks that a node left held when it ended."""
        request = self._left.pop(node)
        self._count(request, -1)
        self._open(request)

    def forget(self, node: int) -> None:
        """The node won't ask any more: pass on its offer, lift its reservation."""
        origin = self._offered.pop(node, None)
        if origin is not None:
            self._offers.discard(origin)
            self._offer(origin)
        self._retry_refused(self._reservations.lift(node))

    def left(self) -> dict[int, Request]:
        """The nodes that ended and left locks held, with what they hold."""
        return self._left

    def gates(self) -> dict[int, Gate]:
        """The nodes that wait, with the gate that refused each."""
        return self._queues.gates()

    def abandoned(self) -> set[int]:
        """The nodes whose tasks still run though they ended, in threads nobody can end."""
        return self._abandoned

    def _refusal(self, request: Request, entry: Entry) -> Gate | None:
        """A gate that is shut to the request, or None."""
        if self._exclusive:
            return BESIDE
        if request.exclusive and self._handed:
            return EXCLUSIVE
        held = self._held
        if held:
            for key, prefixes in request.claims:
                if key in held and not held[key].opens(CLAIM):
                    return key, CLAIM
                for prefix in prefixes:
                    if prefix in held and not held[prefix].opens(CLAIM_BELOW):
                        return prefix, CLAIM_BELOW
            for key, prefixes in request.uses:
                if key in held and not held[key].opens(USE):
                    return key, USE
                for prefix in prefixes:
                    if prefix in held and not held[prefix].opens(USE_BELOW):
                        return prefix, USE_BELOW
        for name, amount in request.resources:
            if self._free[name] + SLACK < amount:
                return name, amount
        return self._reservations.against(request, entry)

    def _take(self, request: Request, entry: Entry) -> None:
        lifted = self._reservations.lift(entry[2])
        if lifted:
            self._retry_refused(lifted)
        self._handed += 1
        self._exclusive = request.exclusive
        for name, amount in request.resources:
            self._free[name] -= amount
        self._count(request, +1)
        if self._queues:
            self._note_passed(request, entry)

    def _count(self, request: Request, by: int) -> None:
        for key, prefixes in request.claims:
            self._at(key).claims += by
            for prefix in prefixes:
                self._at(prefix).claims_below += by
        for key, prefixes in request.uses:
            self._at(key).uses += by
            for prefix in prefixes:
                self._at(prefix).uses_below += by
        if by < 0:
            for key in request.places:
                if key in self._held and self._held[key].opens(CLAIM):
                    del self._held[key]

    def _at(self, key: Key) -> _Held:
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held()
        return held

    # -- waiting --------------------------------------------------------------------

    def _is_open(self, gate: Gate) -> bool:
        if gate is EXCLUSIVE:
            return not self._handed
        if gate is BESIDE:
            return not self._exclusive
        if isinstance(gate, Reservation):
            return not self._reservations.stands(gate)
        what, how = gate
        if isinstance(how, str):
            return what not in self._held or self._held[what].opens(how)
        return bool(self._free[what] + SLACK >= how)

    def _open(self, request: Request) -> None:
        """The request was given back: offer those who wait where it may have been in the way."""
        for gate in self._queues.near(request):
            self._offer(gate)
        if not self._handed:
            self._offer(EXCLUSIVE)
        if request.exclusive:
            self._offer(BESIDE)
        if self._excused:
            self.reoffered.extend(self._excused)
            self._excused.clear()

    def _offer(self, gate: Gate) -> None:
        """Offer the first who waits at the gate, where it is open and L1 asks for it."""
        if gate in self._offers or self._queues.first(gate) is None or not self._is_open(gate):
            return
        entry = self._queues.pop(gate)
        self._offers.add(gate)
        self._offered[entry[2]] = gate
        self.reoffered.append(entry)

    # -- starvation -------------------------------------------------------------------

    def _note_passed(self, request: Request, by: Entry) -> None:
        """Count it for the first in each queue that this grant went past."""
        gates = self._queues.near(request)
        gates += [EXCLUSIVE, BESIDE] if request.exclusive else [EXCLUSIVE]
        for gate in gates:
            first = self._queues.first(gate)
            if first is not None and first[0] <= by[0] and not self._is_open(gate):
                self._pass_over(first)

    def _pass_over(self, entry: Entry) -> None:
        request = self._requests[entry[2]]
        if not self._left or not any(request.conflicts(left) for left in self._left.values()):
            # Else it waits for what nobody will release, and nobody should wait for it.
            self._reservations.pass_over(entry, request)

    def _retry_refused(self, lifted: list[Reservation]) -> None:
        for reservation in lifted:
            self.reoffered.extend(self._queues.drop(reservation))
