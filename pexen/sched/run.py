"""One run: all that moves a task from one state to another. The states are in `state`.

A run has no thread of its own and is not safe to be used by two at once: its scheduler
holds a lock around each call.

The way of a plain task (see `declared`) through `hand_out`, `results` and `apply` is the hot
loop, gone through once for each task. There, what is seldom needed is tested for before it is
called, and what needn't be done for each task is done for many at once. Measured on a machine where
such a task costs 3 µs through threads: a call of a method that does nothing is 0.04 µs of that, the
lock 0.09, into a dictionary and out of it 0.13, and of a heap of a hundred 0.25, or 0.15 where these
are sorted at once. A hop to another thread and back is 13 to 50, which is why tasks are handed out
many at a time, and of very short ones none while there are results at hand.

Why this file is large: all transitions stand here, to be held against the table in
`state`. What needs none is elsewhere: `control`, `declared`, `retries`, `impasse`, `why`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from heapq import heappush
from typing import Any, cast

from . import events
from .common import Outcome, PoolError, Reason, Task, TaskLostError, TaskRes, identity
from .control import ABORT, Control
from .declared import Declared
from .frontline import Entry, Frontline
from .garbage import uncollected
from .graph import Blocked, Graph
from .impasse import gating_teardown, impasse
from .interrupt import Interrupts, may_go_on, this_place
from .locks import Locks
from .meta import FOR_POOLS, for_pool
from .order import Order
from .pool.base import WorkerPool
from .pool.row import ROW_SECONDS, Row, Submission, tasks_of
from .pool.spare import AHEAD_SECONDS, MANY
from .requests import Request
from .retries import Retries
from .shared import SharedDicts
from .state import State
from .tags import AFTER, TagNode
from .taskmap import TaskMap
from .why import lock_reason, requires_reason, stopped_reason

WAITING, READY, HANDED, ENDED = State.WAITING, State.READY, State.HANDED, State.ENDED
PARKED = State.PARKED
OK = Outcome.OK


class Run:
    """The state machine of one run of a scheduler's tasks on one pool."""

    def __init__(
        self,
        graph: Graph,
        declared: Declared,
        presets: dict[str, Any],
        order: Order,
        announcer: events.Announcer,
        pool: WorkerPool,
        mutex: threading.RLock,
    ) -> None:
        # Configuration. The columns belong to the scheduler and grow when it is added to.
        self.graph = graph
        self.declared = declared
        self.pool = pool
        self._announcer = announcer
        self._heard = announcer.heard()
        # State, guarded by the mutex, which is the scheduler's.
        self.mutex = mutex
        self.locks = Locks(declared.capacity, declared.requests, patience=2 * pool.workers)
        self._outcomes: dict[int, Outcome] = {}  # by node, in the order in which they came
        self._blocked: dict[int, Reason] = {}
        self.outcomes = TaskMap(graph.index, graph.tasks, self._outcomes)
        self.blocked = TaskMap(graph.index, graph.tasks, self._blocked)
        self.state: list[State] = []  # of each node
        self.open = False  # tasks added now join it
        self.control = Control()
        self._order = order
        self._shared = SharedDicts(graph, presets)
        self._frontline = Frontline()
        self._rows: dict[int, Row] = {}  # of the nodes that are HANDED in one
        # While tasks are handed out: those that asked for something and got it, with their places.
        self._granted: list[tuple[int, Entry]] = []
        self._pace = 0.0  # seconds that each of the last results took here, and the consumer
        self._worst: Any = None  # no task that is ahead in the pool has a worse priority
        # Exclusive tasks wait for all others, so that even plain ones go through the locks.
        self._counting = False
        self._retries = Retries()
        self._overdue: deque[TaskRes] = deque()  # final results of retries given up

    # -- joining ------------------------------------------------------------------

    def begin(self, deadline: float | None) -> None:
        """Let all tasks of the graph join; DepcheckError if they can't run.

        `deadline`: seconds from now after which the run is aborted.
        """
        if deadline is not None:
            self.control.set_deadline(self.pool.clock() + deadline)
        count = len(self.graph)
        ready, order = uncollected(count, self.graph.prepare)
        uncollected(count, self._order.extend, order)
        entries, fresh = self._order.entries, self._frontline.fresh
        if len(ready) == count:
            self.state = [READY] * count
            fresh.extend(entries)
        else:
            self.state = [WAITING] * count
            for node in ready:
                self.state[node] = READY
            fresh.extend(map(entries.__getitem__, ready))
        self._counting = self.declared.exclusives
        if events.Started in self._heard:
            self.pool.on_begin = self._tell_started
        if events.Queued in self._heard:
            for node in ready:
                self._tell(events.Queued, self.graph.tasks[node])
        self.open = True

    def check(self, tasks: Iterable[Task]) -> None:
        """SchedulerError if one of some tasks, which are to be added, has a senseless duration."""
        self._order.check(tasks)

    def admit(self, first: int, order: Sequence[int]) -> None:
        """Let the nodes from `first` on, just added to the graph and the pool, join."""
        ready, blocked = self.graph.admit(first)
        self._order.extend(order)
        self.state.extend([WAITING] * (len(self.graph) - first))
        if self.declared.exclusives and not self._counting:
            self._counting = True
            self.locks.begin_counting(len(self.handed_nodes()))
        self._offer_ready(ready)
        self._end(self._ends_of(blocked))
        if self.control.stopped:
            self._cancel()
        self.pool.wake()

    # -- the loop's steps -----------------------------------------------------------

    def results(self, interrupts: Interrupts) -> Iterator[TaskRes]:
        """Run everything; yield each final result, and apply it when resumed.

        However the consumer leaves, the run is aborted and goes on to its end, unless it is
        left by another thread or process, or at the interpreter's exit.

        Why this is long: it is the hot loop.
        """
        graph, mutex, control, pool = self.graph, self.mutex, self.control, self.pool
        index, provides, done, state = graph.index, graph.provides, graph.done, self.state
        delayed = self._retries.delayed
        fresh, best, others = self._frontline.fresh, self._frontline.sorted, self._frontline.heap
        entries = self._order.entries
        declared, locks = self.declared, self.locks
        priorities, plain, ordinary = declared.priorities, declared.plain, declared.ordinary
        outcomes, tells = self._outcomes, events.Finished in self._heard
        queues = events.Queued in self._heard
        has_checkpoints = events.Checkpoint in self._heard
        acquire, release = mutex.acquire, mutex.release
        clock, enough, place = pool.clock, 2 * MANY, this_place()
        res: Any
        leaving: BaseException | None = None
        final: TaskRes | None = None  # what the consumer had last, to be applied
        node, usual = -1, False  # its node, and whether it is ordinary, and ok
        came, count = 0.0, 1  # when results came last, and how many
        while True:
            with mutex:
                if final is not None:  # the last of those that came at once
                    self.apply(node, final)
                    final = None
                    self._pace = (clock() - came) / count
                if control.pending:
                    self._obey()
                if delayed:
                    self._wake_delayed()
                if fresh or best or others:
                    self.hand_out()
                if not (pool.due or delayed or self._overdue):
                    if not self._resolve():
                        self.open = False
                        break
                    continue
            if has_checkpoints:
                self._tell(events.Checkpoint)
            timed = delayed or self._overdue or control.pending
            results = self._wait() if timed else pool.results(None)
            came, count = clock(), len(results)
            if count > 1:  # else nothing is handed out between two of them
                few, low = pool.marks()
                # How many are out only changes where tasks are handed out, or taken back.
                due, late = pool.due, came + AHEAD_SECONDS
                many = enough - len(best) - len(others)
            for res in results:
                acquire()
                try:
                    if final is not None:
                        if usual:
                            # What apply() does, as far as it concerns such a task.
                            state[node] = ENDED
                            if not plain[node] or self._counting:
                                self._release(node, "" if final.locks_ok else "locks")
                                if locks.reoffered:
                                    self._take_reoffered()
                                due = pool.due
                            provided = provides[node]
                            if provided:
                                succeeded = final.deps_ok
                                if final[1] and succeeded:
                                    self._shared.provide(provided, final[1])
                                ready, blocked = done(node, succeeded)
                                if queues:
                                    self._offer_ready(ready)
                                else:
                                    for waiter in ready:
                                        if state[waiter] is WAITING:
                                            state[waiter] = READY
                                            fresh.append(entries[waiter])
                                if blocked:
                                    self._end(self._ends_of(blocked))
                        else:
                            self.apply(node, final)
                        if control.pending:
                            self._obey()
                            due = pool.due
                        if (fresh or best or others) and (
                            priorities
                            or due <= few
                            or due <= low
                            and (len(fresh) >= many or clock() >= late)
                        ):
                            self.hand_out()
                            due, late = pool.due, clock() + AHEAD_SECONDS
                            many = enough - len(best) - len(others)
                    try:
                        node = index[id(res[0])]
                    except KeyError:  # of a bound method
                        node = index[identity(res[0])]
                    usual = res.outcome is OK and ordinary[node]
                    if usual and not tells:
                        outcomes[node] = OK
                        final = res
                    else:
                        final = self.receive(node, res)
                finally:
                    release()
                if leaving is None and final is not None:
                    interrupts.busy = False
                    try:
                        yield final
                    except BaseException as exc:
                        interrupts.busy = True
                        if not may_go_on(place):
                            raise
                        leaving = exc
                        self.request(ABORT)
                    interrupts.busy = True
            res, results = None, ()  # not to be kept alive while waiting
        if leaving is not None:
            try:
                raise leaving
            finally:
                del leaving  # which has this frame in its traceback

    def _wait(self) -> Sequence[TaskRes]:
        """Wait for results, until something else is due."""
        if self._overdue:
            late = list(self._overdue)
            self._overdue.clear()
            return late
        moments = [self._retries.next_due(), self.control.next_moment()]
        times = [moment for moment in moments if moment is not None]
        if not times:
            return self.pool.results(None)
        return self.pool.results(max(0.0, min(times) - self.pool.clock()))

    def hand_out(self) -> None:
        """Give the pool the best ready tasks whose locks are to be had, as many as it wants."""
        if self._frontline.fresh:
            self._frontline.settle()
        prioritised = self.declared.priorities and self._worst is not None
        if prioritised and self._frontline.best_priority() < self._worst:
            self._overtake()
        room = self.pool.room()
        if not room:
            return
        tasks, state, plain = self.graph.tasks, self.state, self.declared.plain
        build, are_empty = self._shared.build, self._shared.are_empty
        simple = not (self._counting or self.control.stopped)
        best, others = self._frontline.sorted, self._frontline.heap
        batch: list[Submission | Row] = []
        metas, takes = self.declared.metas, self.declared.takes
        # Where nobody asks for anything, nothing comes to the front while these are handed out.
        free = simple and not self.declared.special
        at_once = room if free else 1
        while (best or others) and len(batch) < room:
            for entry in self._frontline.take(min(at_once, room - len(batch))):
                node = entry[2]
                if state[node] is READY and (free or simple and plain[node]):
                    state[node] = HANDED
                    shared = {} if are_empty else build(node)
                    meta = metas[node]
                    said = for_pool(meta) if meta.stored_bits & FOR_POOLS else None
                    batch.append((tasks[node], shared, said, takes[node], node))
                else:
                    self._ask(node, entry, batch)
        if batch:
            # Those that were taken last are the worst of them.
            self._worst = entry[0] if self._worst is None else max(self._worst, entry[0])
            self._submit(batch)

    def _ask(self, node: int, entry: Entry, batch: list[Submission | Row]) -> None:
        """Let a task that isn't plain ask for what it needs; it joins the batch if it gets it."""
        if self.state[node] is not READY:
            self.locks.forget(node)
        elif self.control.stopped and not self._tears_down(node):
            self._end([(node, Outcome.CANCELLED, stopped_reason(self.control.stopped))])
        elif self.locks.acquire(entry, self._excused_from(node) if self.locks.left() else ()):
            self._granted.append((len(batch), entry))
            batch.append(self._submission(node))
        else:
            self.state[node] = PARKED
        if self.locks.reoffered:
            self._take_reoffered()
        if self._frontline.fresh:  # of what follows from an end
            self._frontline.settle()

    def _submit(self, batch: list[Submission | Row]) -> None:
        rows = self._granted and self._make_rows(batch)
        if events.Checkpoint in self._heard:
            self._tell(events.Checkpoint, [task for h in batch for task in tasks_of(h)])
        if rows:
            self.pool.submit_rows(batch)
        else:
            self.pool.submit_all(cast(list[Submission], batch))

    def _submission(self, node: int) -> Submission:
        """Move the node to HANDED; returns what to hand in."""
        shared = self._shared.build(node)
        if not self.declared.ordinary[node] and self.declared.metas[node].retries:
            shared = self._retries.shared(node, shared)
        self.state[node] = HANDED
        said, takes = for_pool(self.declared.metas[node]), self.declared.takes[node]
        return self.graph.tasks[node], shared, said, takes, node

    def _make_rows(self, batch: list[Submission | Row]) -> bool:
        """Hand out, with those in the batch that hold a claim, who may hold it next.

        Returns whether there are any.
        """
        granted, self._granted = self._granted, []
        longest = self.pool.longest_row()
        if longest * self._pace > ROW_SECONDS:
            longest = int(ROW_SECONDS / self._pace)
        if longest <= 1:
            return False
        made = False
        for place, entry in granted:
            if not self._may_be_in_row(entry[2]):
                continue
            behind = self.locks.take_behind(entry, longest - 1, self._may_follow)
            if behind:
                row = Row([cast(Submission, batch[place]), *map(self._submission, behind)])
                self._rows.update(dict.fromkeys([entry[2], *behind], row))
                batch[place] = row
                made = True
        self._take_reoffered()
        return made

    def _may_be_in_row(self, node: int) -> bool:
        """Whether nothing is to be done between this task and the next; of a timeout there is.

        And a teardown may hold what others may not, as it is free to it.
        """
        return self.declared.ordinary[node] and self.declared.metas[node].timeout is None

    def _may_follow(self, node: int) -> bool:
        return self.state[node] is PARKED and self._may_be_in_row(node)

    def _overtake(self) -> None:
        """Take back what is ahead in the pool if a better priority is ready than is there."""
        index, entries = self.graph.index, self._order.entries
        ahead = [entries[index[identity(task)]][0] for task in self.pool.ahead()]
        self._worst = max(ahead, default=None)
        if ahead and self._frontline.best_priority() < self._worst:
            self._take_back()

    def _take_back(self) -> None:
        for task in self.pool.withdraw():
            self._put_back(self.graph.index[identity(task)])
        self._frontline.settle()
        self._worst = None
        self._take_reoffered()

    def _put_back(self, node: int) -> None:
        """The node, which was handed out, has not begun, and is taken back."""
        self._release(node)
        self.state[node] = READY
        order = self._order
        again = self._retries.started(node)
        self._frontline.fresh.append(order.retry_entry(node) if again else order.entries[node])

    def receive(self, node: int, res: TaskRes) -> TaskRes | None:
        """Take in a result: the final one, or None if another attempt follows."""
        if self.state[node] is not HANDED:
            return self._record(node, res)  # of a retry given up
        if self.declared.ordinary[node]:
            return self._record(node, res)
        meta = self.declared.metas[node]
        if not meta.retries or not self._retries.count(node, res, meta) or self.control.requested:
            return self._record(node, res)
        self._retries.schedule(node, res, self.pool.clock() + meta.retry_delay)
        self._release(node)
        self.state[node] = State.DELAYED
        self._take_reoffered()
        self._tell(events.Retried, res.task, res.attempts, res, meta.retry_delay)
        return None

    def _record(self, node: int, res: TaskRes) -> TaskRes:
        self._outcomes[node] = res.outcome
        self._tell(events.Finished, res.task, res.outcome, res)
        return res

    def apply(self, node: int, res: TaskRes) -> None:
        """Let follow what follows from a final result."""
        plain = self.declared.plain[node]
        if self.state[node] is HANDED:
            self._release(node, "all" if res.abandoned else "" if res.locks_ok else "locks")
        succeeded = res.deps_ok
        if succeeded and res[1]:
            self._shared.provide(self.graph.provides[node], res[1])
        if not plain:
            meta = self.declared.metas[node]
            if meta.retries:
                self._retries.forget(node)
            if meta.teardown and res.outcome.succeeded:
                for left in self._excused_from(node):
                    self.locks.release_left(left)
        self.state[node] = ENDED
        ready, blocked = self.graph.done(node, succeeded)
        if ready:
            self._offer_ready(ready)
        if blocked:
            self._end(self._ends_of(blocked))
        if self.locks.reoffered:
            self._take_reoffered()

    def _release(self, node: int, keep: str = "") -> None:
        """The node, which was handed out, gives back what it holds, but for what it keeps."""
        row = self._rows.pop(node, None) if self._rows else None
        if row is not None and row.rest and (row.over or keep):
            for task in self.pool.withdraw_rest(row):
                self._put_back(self.graph.index[identity(task)])
        if self._counting or keep == "all" or not self.declared.plain[node]:
            self.locks.release(node, keep)

    def _offer_ready(self, nodes: Sequence[int]) -> None:
        state, entries, fresh = self.state, self._order.entries, self._frontline.fresh
        tells = events.Queued in self._heard
        for node in nodes:
            if state[node] is WAITING:
                state[node] = READY
                fresh.append(entries[node])
                if tells:
                    self._tell(events.Queued, self.graph.tasks[node])

    def _take_reoffered(self) -> None:
        reoffered, state, heap = self.locks.reoffered, self.state, self._frontline.heap
        for entry in reoffered:
            if state[entry[2]] is PARKED:
                state[entry[2]] = READY
            heappush(heap, entry)
        reoffered.clear()

    def _wake_delayed(self) -> None:
        for node in self._retries.take_due(self.pool.clock()):
            self.state[node] = READY
            self._frontline.fresh.append(self._order.retry_entry(node))

    # -- ends without a result --------------------------------------------------------

    def _end(self, ends: Iterable[tuple[int, Outcome, Reason]]) -> None:
        """End tasks that will never start, and then what depends on them.

        One that waited for another attempt ends with the result of its last.
        """
        pending = list(ends)
        for node, outcome, reason in pending:  # grows as it is walked
            last = self._retries.give_up(node)
            if last is not None:  # to be yielded in its turn
                self._overdue.append(last)
                self.state[node] = State.DELAYED
                self.locks.forget(node)
            if self.state[node] is ENDED or self.state[node] is State.DELAYED:
                continue
            task = self.graph.tasks[node]
            self.state[node] = ENDED
            self._outcomes[node] = outcome
            self._blocked[node] = reason
            self.locks.forget(node)
            if outcome is Outcome.BLOCKED:
                self._tell(events.Blocked, task, reason)
            self._tell(events.Finished, task, outcome, None, reason)
            ready, blocked = self.graph.done(node, False)
            self._offer_ready(ready)
            pending.extend(self._ends_of(blocked))
        self._take_reoffered()

    def _ends_of(self, blocked: Blocked) -> Iterator[tuple[int, Outcome, Reason]]:
        """The ends of nodes that need what won't be provided; a reason is found once a tag."""
        reasons: dict[TagNode, Reason] = {}
        for node, tag in blocked:
            if tag not in reasons:
                reasons[tag] = requires_reason(self.graph, tag, self.outcomes, self.blocked)
            yield node, Outcome.BLOCKED, reasons[tag]

    def _resolve(self) -> bool:
        """Nothing runs and nothing can be handed out: end what can't go on.

        Returns False when there is nothing left. First go those whose end lets a
        teardown run, as it may release what the others wait for.
        """
        if not self.unfinished:
            return False
        if HANDED in self.state:  # and yet the pool has nothing more
            ended = "the pool was ended during the run; stop() or abort() the run instead"
            raise impasse(self) if self.pool.accepting() else PoolError(ended)
        parked = [n for n, state in enumerate(self.state) if state is PARKED]
        if not parked:
            raise impasse(self)
        gating = gating_teardown(self)
        for node in [n for n in parked if n in gating] or parked:
            reason = lock_reason(
                self.graph, self.declared.requests[node], self.locks, self.outcomes
            )
            self._end([(node, Outcome.BLOCKED, reason)])
        return True

    # -- stopping -----------------------------------------------------------------------

    def request(self, how: str) -> None:
        """Ask for 'stop' or 'abort'; safe in any thread and in signal handlers."""
        self.control.ask(how)
        self.pool.wake()

    def _obey(self) -> None:
        control = self.control
        control.check_deadline(self.pool.clock())
        if control.begin_stopping():
            self._tell(events.Stopped, control.stopped)
            self._take_back()
            self._cancel()
        if control.begin_killing():
            if not control.spares_teardown:
                self._cancel()
            metas, spares = self.declared.metas, control.spares_teardown
            ended = [n for n in self.handed_nodes() if not (spares and metas[n].teardown)]
            self.pool.kill(self.graph.tasks[node] for node in ended)

    def _cancel(self) -> None:
        """End everything that hasn't begun, but for teardown tasks."""
        ended = []
        for node, state in enumerate(self.state):
            if state is State.ENDED or state is State.HANDED:
                continue
            spared = self.control.spares_teardown and self.declared.metas[node].teardown
            if self._retries.started(node) or not spared:
                ended.append(node)
        reason = stopped_reason(self.control.stopped)
        self._end((node, Outcome.CANCELLED, reason) for node in ended)

    def _tears_down(self, node: int) -> bool:
        """Whether it is a teardown of something that began."""
        return self.declared.metas[node].teardown and any(
            self._has_begun(provider)
            for kind, tag in self.graph.barred.get(node, ())
            if kind is AFTER
            for provider in tag.providers
        )

    def _has_begun(self, node: int) -> bool:
        """Whether an attempt at the node began, or may have."""
        if self.state[node] in (HANDED, State.DELAYED) or self._retries.started(node):
            return True
        outcome = self._outcomes.get(node)
        return outcome not in (None, Outcome.CANCELLED, Outcome.BLOCKED)

    def _excused_from(self, node: int) -> list[int]:
        """The nodes whose left locks are free to this node: a teardown after them.

        A task that still runs, in an abandoned thread, keeps its locks against all.
        """
        if not self.locks.left() or not self.declared.metas[node].teardown:
            return []
        left = self.locks.left().keys() - self.locks.abandoned()
        after = [tag for kind, tag in self.graph.barred.get(node, ()) if kind is AFTER]
        return list(dict.fromkeys(n for tag in after for n in tag.providers if n in left))

    def give_up(self, error: BaseException | None) -> None:
        """End every task on the books; the pool's workers are gone or will be."""
        # A run that could not even begin has never told anybody of anything.
        for node in range(len(self.state), len(self.graph)):
            self._outcomes[node] = Outcome.CANCELLED
            self._blocked[node] = stopped_reason("abort", error)
        for node, state in enumerate(self.state) if self.unfinished else ():
            if state is ENDED:
                continue
            task = self.graph.tasks[node]
            if node in self._outcomes:  # yielded, not applied
                pass
            elif self._has_begun(node):
                lost = TaskLostError("the run ended under it")
                res = TaskRes.unfinished(task, {}, Outcome.LOST, lost, "")
                self._record(node, res)
            else:
                self._outcomes[node] = Outcome.CANCELLED
                reason = self._blocked[node] = stopped_reason("abort", error)
                self._tell(events.Finished, task, Outcome.CANCELLED, None, reason)
            self.state[node] = ENDED

    @property
    def unfinished(self) -> bool:
        """Whether there are tasks that are not ENDED; looks at every node."""
        return self.state.count(ENDED) < len(self.state)

    def handed_nodes(self) -> list[int]:
        """The nodes that are handed out; looks at every node."""
        return [node for node, state in enumerate(self.state) if state is HANDED]

    def held(self) -> dict[int, Request]:
        """What each task that holds something holds, running or ended."""
        index, rows = self.graph.index, {id(row): row for row in self._rows.values()}
        later = {index[identity(task)] for row in rows.values() for task in row.tasks()}
        handed = [node for node in self.handed_nodes() if node not in later]
        return {node: self.declared.requests[node] for node in handed} | self.locks.left()

    # -- telling ------------------------------------------------------------------------

    def _tell(self, event: Any, *details: Any) -> None:
        if event in self._heard:
            self._announcer.tell(event(self.pool.clock(), *details))

    def _tell_started(self, task: Task, time: float) -> None:
        self._announcer.tell(events.Started(time, task))
