"""One run: the state of every task, and all that moves it.

    WAITING ──> READY <──> PARKED
       │         │ ^
       │         v │
       │       HANDED ──> DELAYED ──> READY
       │         │           │
       └─────────┴───────────┴──────> ENDED   (from every state)

=========  ==============================================  ===================================
state      what is true                                    left by
=========  ==============================================  ===================================
WAITING    the graph misses some of its needs              _offer_ready, _end (blocked, cancelled)
READY      its entry is in the frontline                   hand_out, _end (cancelled)
PARKED     its entry is in a queue of the locks            _take_reoffered, _end (blocked, …)
HANDED     the pool has it; it holds all that it asked for receive, apply, _take_back
DELAYED    its last attempt failed; it holds nothing and   _wake_delayed, apply
           waits for its next, or for its turn in _overdue
ENDED      it has exactly one outcome, for good            -
=========  ==============================================  ===================================

`_move` performs every transition. A task taken back from the pool, or whose retry is
due, is READY again. Invariants, checked by `check()`:

R1  `unfinished` is the number of tasks that are not ENDED.
R2  A task has an outcome if and only if it is ENDED, or HANDED with its result yielded and
    not yet applied.
R3  `_handed` has exactly the HANDED tasks.
R4  A READY task is in the frontline, a PARKED one in a queue of the locks.

A run has no thread of its own and is not safe to be used by two at once: its scheduler
holds a lock around each call.
"""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any

from . import events
from .common import (
    InternalError,
    Outcome,
    Reason,
    Task,
    TaskLostError,
    TaskMap,
    TaskRes,
    identity,
    task_name,
)
from .frontline import Frontline
from .graph import Blocked, Graph, TagNode
from .locks import Entry, Locks, Request
from .meta import SchedMeta
from .order import Durations, Order
from .pool.base import WorkerPool
from .shared import SharedDicts
from .why import lock_reason, requires_reason, stopped_reason

_RETRIED = (Outcome.FAILED, Outcome.TIMEOUT, Outcome.LOST)


class State(Enum):
    """Where a task stands in the run; see the top of the module."""

    WAITING = "waiting for its requirements"
    READY = "ready"
    PARKED = "waiting for a lock"
    HANDED = "handed to the pool"
    DELAYED = "waiting for its next attempt"
    ENDED = "ended"


class Run:
    """The state machine of one run of a scheduler's tasks on one pool."""

    def __init__(
        self,
        graph: Graph,
        metas: list[SchedMeta],
        requests: list[Request],
        presets: dict[str, Any],
        capacity: dict[Any, float],
        durations: Durations | None,
        announcer: events.Announcer,
        pool: WorkerPool,
        mutex: threading.RLock,
    ) -> None:
        # Configuration. The lists belong to the scheduler and grow when it is added to.
        self.graph = graph
        self.metas = metas
        self.requests = requests
        self.pool = pool
        self._announcer = announcer
        self._deadline: float | None = None  # on the pool's clock
        # State, guarded by the mutex, which is the scheduler's.
        self.mutex = mutex
        self.locks = Locks(capacity, requests, patience=2 * pool.workers)
        self.outcomes: TaskMap[Outcome] = TaskMap()
        self.blocked: TaskMap[Reason] = TaskMap()
        self.state: list[State] = []  # of each node
        self.unfinished = 0
        self.requested = ""  # '', 'stop' or 'abort': what was asked for, by anyone
        self.aborts = 0  # how often abort was asked for
        self.stopped = ""  # what of `requested` is done
        self._killed = 0  # how many of `aborts` are done
        self._order = Order(graph, metas, durations)
        self._shared = SharedDicts(presets)
        self._frontline = Frontline()
        self._handed: dict[int, Entry] = {}
        self._begun: set[int] = set()  # nodes of which an attempt began, or may have
        self._delayed: list[tuple[float, int]] = []  # heap of (due, node)
        self._attempts: dict[int, list[TaskRes]] = {}  # results of attempts that were retried
        self._first_shared: dict[int, dict[str, Any]] = {}  # for tasks that may be retried
        self._overdue: deque[TaskRes] = deque()  # final results of retries given up

    # -- joining ------------------------------------------------------------------

    def begin(self, deadline: float | None) -> None:
        """Let all tasks of the graph join; DepcheckError if they can't run.

        `deadline`: seconds from now after which the run is aborted.
        """
        self._deadline = None if deadline is None else self.pool.clock() + deadline
        ready, order = self.graph.prepare()
        self._order.extend(order)
        self.state = [State.WAITING] * len(self.graph)
        self.unfinished = len(self.graph)
        if self._announcer:
            self.pool.on_begin = self._tell_started
        self._offer_ready(ready)

    def admit(self, first: int, order: list[int]) -> None:
        """Let the nodes from `first` on, just added to the graph, join."""
        self.pool.admit(self.graph.tasks[first:])
        ready, blocked = self.graph.admit(first)
        self._order.extend(order)
        added = len(self.graph) - first
        self.state.extend([State.WAITING] * added)
        self.unfinished += added
        self._offer_ready(ready)
        self._block(blocked)
        if self.stopped:
            self._cancel()
        self.pool.wake()

    # -- the loop's steps -----------------------------------------------------------

    def results(self) -> Iterator[TaskRes]:
        """Run everything; yield each final result, and apply it when resumed."""
        while True:
            with self.mutex:
                self._obey()
                self._wake_delayed()
                self.hand_out()
                if not self._handed and not self._overdue and not self._delayed:
                    if not self._resolve():
                        return
                    continue
            for res in self._wait():
                with self.mutex:
                    final = self.receive(res)
                if final is None:
                    continue
                yield final
                with self.mutex:
                    self.apply(final)
                    self._obey()
                    self.hand_out()

    def _wait(self) -> list[TaskRes]:
        if self._overdue:
            late = list(self._overdue)
            self._overdue.clear()
            return late
        moments = [self._delayed[0][0]] if self._delayed else []
        if self._deadline is not None and not self.aborts:
            moments.append(self._deadline)
        if not moments:
            return self.pool.results(None)
        return self.pool.results(max(0.0, min(moments) - self.pool.clock()))

    def hand_out(self) -> None:
        """Give the pool the best ready tasks whose locks are to be had, until it is full."""
        frontline, pool = self._frontline, self.pool
        while frontline:
            if pool.full() and not self._make_room():
                return
            entry = frontline.pop()
            node = entry[2]
            if self.state[node] is not State.READY:
                self.locks.forget(node)
            elif self.stopped and not self._tears_down(node):
                self._end([node], Outcome.CANCELLED, stopped_reason(self.stopped))
            elif self.locks.acquire(entry, self._excused_from(node)):
                self._submit(node, entry)
            else:
                self._move(node, State.PARKED)
            self._take_reoffered()

    def _submit(self, node: int, entry: Entry) -> None:
        shared = self._first_shared.get(node)
        if shared is None:
            shared = self._shared.build(self.graph.needs[node])
            if self.metas[node].retries:
                self._first_shared[node] = shared
        if node in self._first_shared:
            shared = dict(shared)
        self._move(node, State.HANDED)
        self._handed[node] = entry
        self._begun.add(node)
        self.pool.submit(self.graph.tasks[node], shared)

    def _make_room(self) -> bool:
        """Take back what was handed ahead if a better priority has come up since."""
        ahead = self.pool.ahead()
        if not ahead:
            return False
        index = self.graph.index
        worst = max(self._handed[index[identity(task)]][0] for task in ahead)
        if self._frontline.best_priority() >= worst:
            return False
        return self._take_back() > 0 and not self.pool.full()

    def _take_back(self) -> int:
        tasks = self.pool.withdraw()
        for task in tasks:
            node = self.graph.index[identity(task)]
            entry = self._handed.pop(node)
            if node not in self._attempts:
                self._begun.discard(node)
            self.locks.release(node)
            self._move(node, State.READY)
            self._frontline.push(entry)
        self._take_reoffered()
        return len(tasks)

    def receive(self, res: TaskRes) -> TaskRes | None:
        """Take in a result: the final one, or None if another attempt follows."""
        node = self.graph.index[identity(res.task)]
        if self.state[node] is not State.HANDED:
            return self._record(node, res)  # of a retry given up
        earlier = self._attempts.get(node, [])
        res.attempts = len(earlier) + 1
        res.errors = tuple(r.excinfo for r in earlier if r.excinfo is not None)
        meta = self.metas[node]
        again = res.outcome in _RETRIED and len(earlier) < meta.retries
        if not again or self.requested or res.abandoned:
            return self._record(node, res)
        self._attempts.setdefault(node, []).append(res)
        del self._handed[node]
        self.locks.release(node)
        self._move(node, State.DELAYED)
        heapq.heappush(self._delayed, (self.pool.clock() + meta.retry_delay, node))
        self._take_reoffered()
        self._tell(events.Retried, res.task, res.attempts, res, meta.retry_delay)
        return None

    def _record(self, node: int, res: TaskRes) -> TaskRes:
        self.outcomes._set(res.task, res.outcome)
        self._tell(events.Finished, res.task, res.outcome, res)
        return res

    def apply(self, res: TaskRes) -> None:
        """Let follow what follows from a final result."""
        node = self.graph.index[identity(res.task)]
        if self._handed.pop(node, None) is not None:
            keep = "all" if res.abandoned else "" if res.locks_ok else "locks"
            self.locks.release(node, keep)
        self._attempts.pop(node, None)
        self._first_shared.pop(node, None)
        if res.deps_ok:
            self._shared.provide(self.graph.provides[node], res.shared)
        if res.outcome.succeeded and self.metas[node].teardown:
            for left in self._excused_from(node):
                self.locks.release_left(left)
        self._move(node, State.ENDED)
        self._done(node, res.deps_ok)

    def _done(self, node: int, succeeded: bool) -> None:
        ready, blocked = self.graph.done(node, succeeded)
        self._offer_ready(ready)
        self._block(blocked)
        self._take_reoffered()

    def _offer_ready(self, nodes: list[int]) -> None:
        for node in nodes:
            if self.state[node] is State.WAITING:
                self._move(node, State.READY)
                self._frontline.push(self._order.entry(node))
                self._tell(events.Queued, self.graph.tasks[node])

    def _take_reoffered(self) -> None:
        reoffered = self.locks.reoffered
        for entry in reoffered:
            if self.state[entry[2]] is State.PARKED:
                self._move(entry[2], State.READY)
            self._frontline.push(entry)
        reoffered.clear()

    def _wake_delayed(self) -> None:
        while self._delayed and self._delayed[0][0] <= self.pool.clock():
            node = heapq.heappop(self._delayed)[1]
            if self.state[node] is State.DELAYED:
                self._move(node, State.READY)
                self._frontline.push(self._order.retry_entry(node))

    def _move(self, node: int, state: State) -> None:
        """The one place where a task's state changes."""
        if state is State.ENDED:
            self.unfinished -= 1
        self.state[node] = state

    # -- ends without a result --------------------------------------------------------

    def _end(self, nodes: Iterable[int], outcome: Outcome, reason: Reason) -> None:
        """End tasks that will never start, and then what depends on them.

        One that waited for another attempt ends with the result of its last.
        """
        pending = [(node, outcome, reason) for node in nodes]
        for node, outcome, reason in pending:  # grows as it is walked
            attempts = self._attempts.pop(node, None)
            if attempts:
                self._give_up_retry(node, attempts[-1])
            if self.state[node] is State.ENDED or self.state[node] is State.DELAYED:
                continue
            task = self.graph.tasks[node]
            self._move(node, State.ENDED)
            self.outcomes._set(task, outcome)
            self.blocked._set(task, reason)
            self.locks.forget(node)
            if outcome is Outcome.BLOCKED:
                self._tell(events.Blocked, task, reason)
            self._tell(events.Finished, task, outcome, None)
            ready, blocked = self.graph.done(node, False)
            self._offer_ready(ready)
            pending.extend((n, Outcome.BLOCKED, self._requires_reason(t)) for n, t in blocked)
        self._take_reoffered()

    def _give_up_retry(self, node: int, last: TaskRes) -> None:
        """Make the last attempt's result the final one, to be yielded in its turn."""
        last.locks_ok = True  # they were released for the retry, others may have them
        self._overdue.append(last)
        self._move(node, State.DELAYED)
        self.locks.forget(node)

    def _block(self, blocked: Blocked) -> None:
        for node, tag in blocked:
            self._end([node], Outcome.BLOCKED, self._requires_reason(tag))

    def _requires_reason(self, tag: TagNode) -> Reason:
        return requires_reason(self.graph, tag, self.outcomes, self.blocked)

    def _resolve(self) -> bool:
        """Nothing runs and nothing can be handed out: end what can't go on.

        Returns False when there is nothing left. First go those whose end lets a
        teardown run, as it may release what the others wait for.
        """
        if not self.unfinished:
            return False
        parked = [n for n, state in enumerate(self.state) if state is State.PARKED]
        if not parked:
            raise InternalError("the run can't go on\n" + self.describe_unfinished())
        gating = [n for n in parked if self._gates_teardown(n)]
        for node in gating or parked:
            reason = lock_reason(self.graph, self.requests[node], self.locks, self.outcomes)
            self._end([node], Outcome.BLOCKED, reason)
        return True

    def _gates_teardown(self, node: int) -> bool:
        """Whether the end of this task is waited for by a teardown, maybe through others."""
        seen = {node}
        path = [node]
        while path:
            for tag in self.graph.provides[path.pop()]:
                waiting = [w for kind in ("any", "every") for w in tag.waiters[kind]]
                for after in tag.waiters["after"]:
                    if self.state[after] is State.WAITING:
                        if self.metas[after].teardown:
                            return True
                        waiting.append(after)
                new = [w for w in waiting if w not in seen and self.state[w] is State.WAITING]
                seen.update(new)
                path.extend(new)
        return False

    def describe_unfinished(self) -> str:
        """The state of every unfinished task, a line each."""
        lines = []
        for node, state in enumerate(self.state):
            if state is not State.ENDED:
                unmet = [f"{kind} {tag.tag!r}" for kind, tag in self.graph.unmet(node)]
                needs = f" ({', '.join(unmet)})" if unmet else ""
                lines.append(f"  {task_name(self.graph.tasks[node])}: {state.value}{needs}")
        return "\n".join(lines)

    # -- stopping -----------------------------------------------------------------------

    def request(self, how: str) -> None:
        """Ask for 'stop' or 'abort'; safe in any thread and in signal handlers."""
        if how == "abort":
            self.aborts += 1
            self.requested = "abort"
        else:
            self.requested = self.requested or "stop"
        self.pool.wake()

    def _obey(self) -> None:
        if self._deadline is not None and self.pool.clock() >= self._deadline and not self.aborts:
            self.request("abort")
        if self.stopped != self.requested:
            self.stopped = self.requested
            self._tell(events.Stopped, self.stopped)
            self._take_back()
            self._cancel()
        if self._killed < self.aborts:
            self._killed = self.aborts
            if self.aborts > 1:
                self._cancel()
            tasks = self.graph.tasks
            spare_teardown = self.aborts == 1
            self.pool.kill(
                tasks[node]
                for node in list(self._handed)
                if not (spare_teardown and self.metas[node].teardown)
            )

    def _cancel(self) -> None:
        """End everything that hasn't begun, but for teardown tasks."""
        keep_teardown = self.aborts < 2
        ended = []
        for node, state in enumerate(self.state):
            if state is State.ENDED or state is State.HANDED:
                continue
            if node in self._attempts or not (keep_teardown and self.metas[node].teardown):
                ended.append(node)
        self._delayed.clear()
        self._end(ended, Outcome.CANCELLED, stopped_reason(self.stopped))

    def _tears_down(self, node: int) -> bool:
        """Whether it is a teardown of something that began."""
        return self.metas[node].teardown and any(
            provider in self._begun
            for kind, tag in self.graph.needs[node]
            if kind == "after"
            for provider in tag.providers
        )

    def _excused_from(self, node: int) -> list[int]:
        """The nodes whose left locks are free to this node: a teardown after them."""
        left = self.locks.left()
        if not left or not self.metas[node].teardown:
            return []
        after = [tag for kind, tag in self.graph.needs[node] if kind == "after"]
        return [n for n in left if any(tag in self.graph.provides[n] for tag in after)]

    def give_up(self, error: BaseException | None) -> None:
        """End every task on the books; the pool's workers are gone or will be."""
        for node, state in enumerate(self.state):
            if state is State.ENDED:
                continue
            task = self.graph.tasks[node]
            began = node in self._begun
            if task in self.outcomes:  # yielded, not applied
                pass
            elif began:
                lost = TaskLostError("the run ended under it")
                res = TaskRes.unfinished(task, {}, Outcome.LOST, lost, "")
                self._record(node, res)
            else:
                self.outcomes._set(task, Outcome.CANCELLED)
                self.blocked._set(task, stopped_reason("abort", error))
                self._tell(events.Finished, task, Outcome.CANCELLED, None)
            self._move(node, State.ENDED)
        self._handed.clear()

    def held(self) -> dict[int, Request]:
        """What each task that holds something holds, running or ended."""
        return {node: self.requests[node] for node in self._handed} | self.locks.left()

    # -- telling ------------------------------------------------------------------------

    def _tell(self, event: Any, *details: Any) -> None:
        if self._announcer:
            self._announcer.tell(event(self.pool.clock(), *details))

    def _tell_started(self, task: Task, time: float) -> None:
        self._announcer.tell(events.Started(time, task))
