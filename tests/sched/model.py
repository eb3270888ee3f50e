"""An independent judge of what a scheduler did, from the events alone.

It replays the events of a run against the rules, sharing no code with the kernel: who
needs what, what is held and by whom, what has ended. Each rule is a check with a name, and
a scheduler that breaks it is rejected with `Violation(name)`.
"""

from __future__ import annotations

from typing import Any

from pexen.sched import Outcome, Sched, events, every
from pexen.sched.meta import DEFAULTS, SchedMeta


class Violation(Exception):
    """A rule was broken; `check` is its name."""

    def __init__(self, check: str, text: str) -> None:
        super().__init__(f"{check}: {text}")
        self.check = check


def meta_of(task: Any) -> SchedMeta:
    return getattr(task, "pexen_sched_meta_", DEFAULTS)


def key_tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def locks_conflict(a: SchedMeta, b: SchedMeta) -> bool:
    def related(some: Any, others: Any) -> bool:
        pairs = [(key_tuple(x), key_tuple(y)) for x in some for y in others]
        return any(x[: len(y)] == y or y[: len(x)] == x for x, y in pairs)

    return related(a.claims, b.claims | b.uses) or related(a.uses, b.claims)


class Judge:
    """A listener that knows the rules. `add` it the tasks as the scheduler gets them."""

    def __init__(self, resources: dict[str, float], pool: Any, seconds: Any) -> None:
        self.resources = resources
        self.pool = pool
        self.workers = pool.workers
        self.seconds = seconds
        self.tasks: list[Any] = []
        self.number: dict[Any, int] = {}
        self.known: dict[Any, int] = {}  # how many tasks there were when it was added
        self.remaining: dict[Any, float] = {}
        self.dependents: dict[Any, int] = {}  # needs of what it provides, in its batch
        self.queued: dict[Any, int] = {}  # ready and not at work: since which event
        self.at_work: list[Any] = []
        self.began: set[Any] = set()
        self.provided: set[Any] = set()  # tasks that ended with deps in order
        self.ended: dict[Any, str] = {}
        self.left: dict[Any, SchedMeta] = {}
        self.retry: set[Any] = set()
        self.bypassed: dict[Any, int] = {}
        self.stopped = False
        self.doubtful = False  # a tag has several providers
        self.clock = 0
        self.found: Violation | None = None

    # -- what the scheduler is given --------------------------------------------

    def add(self, batch: list[Any]) -> None:
        for task in batch:
            self.number[task] = len(self.tasks)
            self.tasks.append(task)
        for task in batch:
            self.known[task] = len(self.tasks)
        for task in batch:
            self.doubtful = self.doubtful or any(
                len(self._providers(tag)) > 1 for tag in self._tags(task)
            )
            self._weigh(task, batch)
            tags = self._tags(task)
            self.dependents[task] = sum(self._needs_of(u, tags) for u in batch)

    def _needs_of(self, task: Any, tags: set[Any]) -> int:
        meta = meta_of(task)
        needed = [getattr(need, "tag", need) for need in meta.requires] + list(meta.after)
        return sum(tag in tags for tag in needed)

    def _weigh(self, task: Any, batch: list[Any]) -> float:
        if task not in self.remaining:
            users = [u for u in batch if self._tags(task) & self._needed(u)]
            longest = max((self._weigh(u, batch) for u in users), default=0)
            self.remaining[task] = self.seconds(task) + longest
        return self.remaining[task]

    def _tags(self, task: Any) -> set[Any]:
        return {getattr(tag, "tag", tag) for tag in meta_of(task).provides}

    def _needed(self, task: Any) -> set[Any]:
        meta = meta_of(task)
        return {getattr(tag, "tag", tag) for tag in meta.requires} | meta.after

    def _providers(self, tag: Any, user: Any | None = None) -> list[Any]:
        limit = len(self.tasks) if user is None else max(self.known[user], self._base())
        return [t for t in self.tasks[:limit] if tag in self._tags(t)]

    def _base(self) -> int:
        return self.known[self.tasks[0]]

    # -- what the scheduler says ----------------------------------------------------

    def hear(self, event: events.Event) -> None:
        """The listener. The first violation is kept, as a listener's errors go nowhere."""
        self.clock += 1
        try:
            getattr(self, "on_" + type(event).__name__.lower())(event)
        except Violation as violation:
            self.found = self.found or violation

    def raise_found(self) -> None:
        if self.found is not None:
            raise self.found

    def on_queued(self, event: events.Queued) -> None:
        self.queued[event.task] = self.clock

    def on_checkpoint(self, event: events.Checkpoint) -> None:
        pass

    def on_stopped(self, event: events.Stopped) -> None:
        self.stopped = True

    def on_started(self, event: events.Started) -> None:
        task = event.task
        if task in self.ended or task in self.at_work:
            raise Violation("once", f"{task} started though at work or ended")
        if task in self.began and task not in self.retry:
            raise Violation("once", f"{task} started again without a retry")
        self.retry.discard(task)
        self._check_needs(task)
        self._check_locks(task)
        self._check_room(task)
        self._check_order(task)
        self.queued.pop(task, None)
        self.at_work.append(task)
        self.began.add(task)

    def _check_needs(self, task: Any) -> None:
        meta = meta_of(task)
        for need in meta.requires:
            if isinstance(need, every):
                if any(p not in self.provided for p in self._providers(need.tag, task)):
                    raise Violation("every", f"{task} started before every provider of {need}")
            elif not any(p in self.provided for p in self._providers(need)):
                raise Violation("requires", f"{task} started before {need} was provided")
        for tag in meta.after:
            if any(p not in self.ended for p in self._providers(tag, task)):
                raise Violation("after", f"{task} started before all providers of {tag} ended")
        if self.stopped and not (
            meta.teardown
            and any(p in self.began for tag in meta.after for p in self._providers(tag, task))
        ):
            raise Violation("stop", f"{task} started though the run was stopped")

    def _excused(self, task: Any) -> list[Any]:
        meta = meta_of(task)
        if not meta.teardown:
            return []
        return [t for t in self.left if self._tags(t) & meta.after]

    def _check_locks(self, task: Any) -> None:
        meta = meta_of(task)
        excused = self._excused(task)
        held = [(t, meta_of(t)) for t in self.at_work]
        held += [(t, m) for t, m in self.left.items() if t not in excused]
        for other, other_meta in held:
            if locks_conflict(meta, other_meta):
                raise Violation("locks", f"{task} started while {other} holds its locks")
        for name, amount in meta.resources.items():
            used = sum(meta_of(t).resources.get(name, 0) for t in self.at_work)
            if used + amount > self.resources[name] + 1e-6:
                raise Violation("resources", f"{task} started with {name} used up")
        if self.at_work and (meta.exclusive or any(meta_of(t).exclusive for t in self.at_work)):
            raise Violation("exclusive", f"{task} started beside {self.at_work}")

    def _check_room(self, task: Any) -> None:
        if len(self.pool.running()) >= self.workers:
            raise Violation("workers", f"{task} started as one more than {self.workers}")

    def _rank(self, task: Any) -> tuple[Any, ...]:
        priority = meta_of(task).priority
        return priority, -self.remaining[task], -self.dependents[task], self.number[task]

    def _check_order(self, task: Any) -> None:
        """Compare with those waiting that nothing but their rank could hold up."""
        for other in self.queued:
            if other is task:
                continue
            theirs, ours = meta_of(other), meta_of(task)
            if locks_conflict(theirs, ours) and self._rank(task) > self._rank(other):
                self._count_bypass(other, task)
        # A claim counts more than its path.
        if meta_of(task).exclusive or meta_of(task).retries or meta_of(task).claims:
            return
        for other in self.queued:
            meta = meta_of(other)
            held = meta.uses or meta.claims or meta.resources or meta.exclusive
            if other is task or held or meta.retries or meta.teardown and self.stopped:
                continue
            if meta.priority < meta_of(task).priority:
                raise Violation("priority", f"{task} started before {other}")
            if meta.priority == ours.priority and self._exact(other) and self._exact(task):
                if self._rank(other) < self._rank(task):
                    raise Violation("order", f"{task} started before {other}")

    def _exact(self, task: Any) -> bool:
        """Whether there is no doubt about the remaining path: it may go through one of
        several providers of a tag, of which the first to end opens the way."""
        return not self.doubtful or self.remaining[task] == self.seconds(task)

    def _count_bypass(self, waiting: Any, by: Any) -> None:
        """Being passed by those that became ready later, more often than patience allows."""
        if self.queued.get(by, self.clock) < self.queued[waiting]:
            return
        if any(locks_conflict(meta_of(waiting), left) for left in self.left.values()):
            return
        self.bypassed[waiting] = self.bypassed.get(waiting, 0) + 1
        rivals = sum(locks_conflict(meta_of(waiting), meta_of(t)) for t in self.queued)
        if self.bypassed[waiting] > 2 * self.workers * (1 + rivals):
            raise Violation("starvation", f"{waiting} was passed {self.bypassed[waiting]} times")

    def on_retried(self, event: events.Retried) -> None:
        if event.attempt > meta_of(event.task).retries:
            raise Violation("once", f"{event.task} retried more often than it says")
        self.at_work.remove(event.task)
        self.retry.add(event.task)

    def on_blocked(self, event: events.Blocked) -> None:
        task, reason = event.task, event.reason
        if reason.kind == "requires":
            live = [p for p in self._providers(reason.key) if p not in self.ended]
            met = any(p in self.provided for p in self._providers(reason.key))
            if every(reason.key) not in meta_of(task).requires and (live or met):
                raise Violation("blocked", f"{task} is blocked by {reason.key}, which can be met")
            if not reason.culprits:
                raise Violation("blocked", f"{task} is blocked and nobody is named")
        elif reason.kind == "lock":
            if not any(locks_conflict(meta_of(task), left) for left in self.left.values()):
                raise Violation("blocked", f"{task} is blocked by a lock that nobody left")

    def on_finished(self, event: events.Finished) -> None:
        task = event.task
        if task in self.ended:
            raise Violation("outcome", f"{task} has two outcomes")
        self.ended[task] = event.outcome
        self.queued.pop(task, None)
        if event.result is None:
            return
        if task not in self.at_work and task not in self.retry:
            raise Violation("outcome", f"{task} has a result and was not at work")
        if task in self.at_work:
            self.at_work.remove(task)
        res, meta = event.result, meta_of(task)
        if res.deps_ok:
            self.provided.add(task)
        if not res.locks_ok and (meta.uses or meta.claims):
            self.left[task] = SchedMeta(uses=meta.uses, claims=meta.claims)
        if res.outcome.succeeded and meta.teardown:
            for other in self._excused(task):
                del self.left[other]

    # -- at the end --------------------------------------------------------------------

    def check_end(self, sched: Sched, yielded: list[Any]) -> None:
        for task in self.tasks:
            if task not in self.ended or sched.outcomes.get(task) != self.ended[task]:
                raise Violation("outcome", f"{task} has no outcome, or another one")
            ran = self.ended[task] not in (Outcome.BLOCKED, Outcome.CANCELLED)
            if ran != (yielded.count(task) == 1) or ran != (task not in sched.blocked):
                raise Violation("outcome", f"{task} is {self.ended[task]}: {yielded.count(task)}")
            if not ran and not str(sched.blocked[task]):
                raise Violation("blocked", f"{task} did not run and nobody knows why")
            attempts = getattr(task, "runs", None)
            if attempts is not None and ran != bool(attempts):
                raise Violation("once", f"{task} is {self.ended[task]} and ran {attempts} times")
