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

Why this file is large: whoever takes, gives back or passes on does so by what is held and by
who waits, at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .frontline import Entry
from .queues import Gate, Queue, Queues
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
        self._offered: dict[int, Queue] = {}  # node -> the queue whose offer it is
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
            self._take(request, entry, origin)
        elif excused_from:
            self._excused.append(entry)
        else:
            queue = self._queues.push(gate, entry)
            if origin is not None:
                if self._pass_over(entry):
                    queue.promote(entry)
                if queue is origin:  # it is shut, and so no offer is to be passed on
                    queue.offered = False
                    return False
        if origin is not None:
            # Who waited at it for a claim, and has that now, has shut it.
            self._pass_on(origin, shut=gate is None and origin.how is CLAIM)
        return gate is None

    def take_behind(self, entry: Entry, most: int, fit: Callable[[int], bool]) -> list[int]:
        """Take out of the queue, best first, who may hold in turn what this entry's node was given.

        They are those who wait for its claim, as far as they ask for the same, have the same
        priority, and are `fit`. There are none where this would pass over somebody. Each of them
        holds what it asks for from now on; who calls sees to it that they run one at a time.
        All of them count as one that was let past.
        """
        request = self._requests[entry[2]]
        queue = self._queues.at((request.claims[0][0], CLAIM)) if request.claims else None
        if queue is None or queue.offered or self._queues.near(request) != [queue]:
            return []
        if request.resources or request.exclusive or self._queues.at(EXCLUSIVE) is not None:
            return []
        taken: list[int] = []
        while queue and len(taken) < most:
            first = queue.first()
            node = first[2]
            if self._requests[node] is not request or first[0] != entry[0] or not fit(node):
                break
            if self._reservations:
                if self._reservations.against(request, first):
                    break
                self._retry_refused(self._reservations.lift(node))
            queue.pop()
            taken.append(node)
            self._handed += 1
            self._count(request, +1)
        if not queue:
            self._queues.forget(queue)
        elif taken:
            self._note_passed_in(queue, entry)
        return taken

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
            self._pass_on(origin)
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
        return self._reservations.against(request, entry) if self._reservations else None

    def _take(self, request: Request, entry: Entry, origin: Queue | None) -> None:
        if self._reservations:
            lifted = self._reservations.lift(entry[2])
            if lifted:
                self._retry_refused(lifted)
        self._handed += 1
        self._exclusive = request.exclusive
        for name, amount in request.resources:
            self._free[name] -= amount
        self._count(request, +1)
        if origin is not None and len(self._queues) == 1 and origin.how is CLAIM:
            # What _note_passed() comes to where there is but the queue from which it came.
            self._note_passed_in(origin, entry)
        elif self._queues:
            self._note_passed(request, entry)

    def _count(self, request: Request, by: int) -> None:
        held = self._held
        for key, prefixes in request.claims:
            (held.get(key) or self._at(key)).claims += by
            for prefix in prefixes:
                self._at(prefix).claims_below += by
        for key, prefixes in request.uses:
            (held.get(key) or self._at(key)).uses += by
            for prefix in prefixes:
                self._at(prefix).uses_below += by
        if by < 0:
            for key in request.places:
                if key in held and held[key].opens(CLAIM):
                    del held[key]

    def _at(self, key: Key) -> _Held:
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held()
        return held

    # -- waiting --------------------------------------------------------------------

    def _is_open(self, queue: Queue) -> bool:
        what, how = queue.what, queue.how
        if isinstance(how, str):
            held = self._held.get(what)
            return held is None or held.opens(how)
        if how is not None:
            return bool(self._free[what] + SLACK >= how)
        gate = queue.gate
        if gate is EXCLUSIVE:
            return not self._handed
        if gate is BESIDE:
            return not self._exclusive
        return not self._reservations.stands(gate)

    def _open(self, request: Request) -> None:
        """The request was given back: offer those who wait where it may have been in the way."""
        for queue in self._queues.near(request):
            self._offer(queue)
        if not self._handed:
            self._offer_at(EXCLUSIVE)
        if request.exclusive:
            self._offer_at(BESIDE)
        if self._excused:
            self.reoffered.extend(self._excused)
            self._excused.clear()

    def _offer(self, queue: Queue) -> None:
        """Offer the gate to the first who waits there, where it is open and L1 asks for it."""
        if queue.offered or not queue or not self._is_open(queue):
            return
        entry = queue.pop()
        queue.offered = True
        self._offered[entry[2]] = queue
        self.reoffered.append(entry)

    def _offer_at(self, gate: Gate) -> None:
        queue = self._queues.at(gate)
        if queue is not None:
            self._offer(queue)

    def _pass_on(self, queue: Queue, shut: bool = False) -> None:
        """Who had the offer of this queue has had it: offer it to the next, unless it is `shut`."""
        queue.offered = False
        if not queue:
            self._queues.forget(queue)
        elif not shut:
            self._offer(queue)

    # -- starvation -------------------------------------------------------------------

    def _note_passed(self, request: Request, by: Entry) -> None:
        """Count it for the first in each queue that this grant went past."""
        queues = self._queues.near(request)
        for gate in (EXCLUSIVE, BESIDE) if request.exclusive else (EXCLUSIVE,):
            queue = self._queues.at(gate)
            if queue is not None:
                queues.append(queue)
        for queue in queues:
            if queue and not self._is_open(queue):
                self._note_passed_in(queue, by)

    def _note_passed_in(self, queue: Queue, by: Entry) -> None:
        """The same for one queue; and for that equal who waits there longest, as others may
        always come before it, so that it is never the first.
        """
        if not queue:
            return
        first, longest = queue.first(), queue.longest_waiting(by[0])
        if first[0] <= by[0]:
            self._pass_over(first)
        if longest is not None and longest[2] != first[2] and self._pass_over(longest):
            queue.promote(longest)

    def _pass_over(self, entry: Entry) -> bool:
        """Returns whether it now has a reservation for that."""
        request = self._requests[entry[2]]
        if self._left and any(request.conflicts(left) for left in self._left.values()):
            return False  # It waits for what nobody will release, and nobody should wait for it.
        return self._reservations.pass_over(entry, request)

    def _retry_refused(self, lifted: list[Reservation]) -> None:
        for reservation in lifted:
            self.reoffered.extend(self._queues.drop(reservation))
