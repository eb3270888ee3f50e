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

import heapq
from collections.abc import Iterable, Mapping
from typing import Any

from .frontline import Entry
from .requests import CLAIM, NOTHING, SLACK, USE, Key, Request
from .reservations import Reservation, Reservations

Gate = Any

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
        self._queues: dict[Gate, list[Entry]] = {}  # heaps, none of them empty
        self._amounts: dict[Any, set[float]] = {}  # resource -> amounts waited for
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
            self._wait(gate, entry)
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
        kept = request if keep == "all" else Request(request.claims, request.uses)
        if keep and kept != NOTHING:
            self._left[node] = kept
            self._retry_refused(self._reservations.lift_conflicting(kept))
        if keep == "all":
            self._abandoned.add(node)
            return
        self._handed -= 1
        opened: list[Gate] = []
        if not self._handed:
            opened.append(EXCLUSIVE)
        if request.exclusive:
            self._exclusive = False
            opened.append(BESIDE)
        for name, amount in request.resources:
            self._free[name] += amount
            opened.extend((name, n) for n in sorted(self._amounts.get(name, ()), reverse=True))
        if not keep:
            self._count(request, -1)
            opened.extend(self._gates_of(request))
        self._open(opened)

    def release_left(self, node: int) -> None:
        """Give back the locks that a node left held when it ended."""
        request = self._left.pop(node)
        self._count(request, -1)
        self._open(self._gates_of(request))

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
        return {entry[2]: gate for gate, queue in self._queues.items() for entry in queue}

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
            for keys, here, below in (
                (request.claims, CLAIM, CLAIM_BELOW),
                (request.uses, USE, USE_BELOW),
            ):
                for key, prefixes in keys:
                    if key in held and not held[key].opens(here):
                        return key, here
                    for prefix in prefixes:
                        if prefix in held and not held[prefix].opens(below):
                            return prefix, below
        for name, amount in request.resources:
            if self._free[name] + SLACK < amount:
                return name, amount
        return self._reservations.against(request, entry)

    def _take(self, request: Request, entry: Entry) -> None:
        self._retry_refused(self._reservations.lift(entry[2]))
        self._handed += 1
        self._exclusive = request.exclusive
        for name, amount in request.resources:
            self._free[name] -= amount
        self._count(request, +1)
        if self._queues:
            self._note_passed(request, entry)

    def _count(self, request: Request, by: int) -> None:
        for keys, here in ((request.claims, "claims"), (request.uses, "uses")):
            for key, prefixes in keys:
                self._count_at(key, here, by)
                for prefix in prefixes:
                    self._count_at(prefix, here + "_below", by)

    def _count_at(self, key: Key, what: str, by: int) -> None:
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held()
        setattr(held, what, getattr(held, what) + by)
        if by < 0 and held.opens(CLAIM):
            del self._held[key]

    # -- waiting --------------------------------------------------------------------

    def _gates_of(self, request: Request) -> list[Gate]:
        """The gates that holding the request may shut, resources aside."""
        keys: dict[Key, None] = {}
        for key, prefixes in request.claims + request.uses:
            keys[key] = None
            keys.update(dict.fromkeys(prefixes))
        return [(k, mode) for k in keys for mode in (CLAIM, USE, CLAIM_BELOW, USE_BELOW)]

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

    def _wait(self, gate: Gate, entry: Entry) -> None:
        queue = self._queues.get(gate)
        if queue is None:
            queue = self._queues[gate] = []
            if isinstance(gate, tuple) and not isinstance(gate[1], str):
                if not isinstance(gate, Reservation):
                    self._amounts.setdefault(gate[0], set()).add(gate[1])
        heapq.heappush(queue, entry)

    def _pop(self, gate: Gate) -> Entry:
        queue = self._queues[gate]
        entry = heapq.heappop(queue)
        if not queue:
            del self._queues[gate]
            if isinstance(gate, tuple) and not isinstance(gate, Reservation):
                self._amounts.get(gate[0], set()).discard(gate[1])
        return entry

    def _open(self, gates: list[Gate]) -> None:
        for gate in gates:
            self._offer(gate)
        self.reoffered.extend(self._excused)
        self._excused.clear()

    def _offer(self, gate: Gate) -> None:
        """Offer the first who waits at the gate, where it is open and L1 asks for it."""
        if gate in self._queues and gate not in self._offers and self._is_open(gate):
            entry = self._pop(gate)
            self._offers.add(gate)
            self._offered[entry[2]] = gate
            self.reoffered.append(entry)

    # -- starvation -------------------------------------------------------------------

    def _note_passed(self, request: Request, by: Entry) -> None:
        """Count it for the first in each queue that this grant went past."""
        gates: list[Gate] = [EXCLUSIVE, *self._gates_of(request)]
        if request.exclusive:
            gates.append(BESIDE)
        for name, _ in request.resources:
            gates.extend((name, amount) for amount in self._amounts.get(name, ()))
        for gate in gates:
            queue = self._queues.get(gate)
            if queue and queue[0][0] <= by[0] and not self._is_open(gate):
                self._pass_over(queue[0])

    def _pass_over(self, entry: Entry) -> None:
        request = self._requests[entry[2]]
        if not any(request.conflicts(left) for left in self._left.values()):
            # Else it waits for what nobody will release, and nobody should wait for it.
            self._reservations.pass_over(entry, request)

    def _retry_refused(self, lifted: list[Reservation]) -> None:
        for reservation in lifted:
            self.reoffered.extend(self._queues.pop(reservation, ()))
