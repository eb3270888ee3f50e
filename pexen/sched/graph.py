"""Which tasks may start: requires, every and after, as counters on integers.

Passive, in the way of the standard library's graphlib: it is told what was added
(`add`), that a run begins (`prepare`) and what ended (`done`), and answers what became
ready and what can't become ready any more. No thread, clock or I/O; it runs nothing
and knows no locks or priorities. Tasks are integers here, counted as they were added. How tags stand between tasks is told in `tags`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from .common import Tag, Task, identity
from .depcheck import double_provider, not_reached
from .meta import SchedMeta
from .metacheck import every, unique
from .tags import AFTER, ANY, EVERY, Barrier, Needs, TagNode, sorted_needs

# How a node stands in the present run.
OPEN, SUCCEEDED, UNSUCCESSFUL = range(3)

Blocked = list[tuple[int, TagNode]]
_NONE: tuple[Any, ...] = ()


class Graph:
    """Nodes, the tags between them, and how far the present run has come."""

    def __init__(self) -> None:
        # Fixed by what was added.
        self.tasks: list[Task] = []
        self.index: dict[Any, int] = {}  # identity of the task -> node
        self.tags: dict[Tag, TagNode] = {}
        self.needs: list[Needs] = []
        self.provides: list[Sequence[TagNode]] = []
        # An order in which the nodes can run; None when several batches made it stale.
        self._order: list[int] | None = []
        # Of the present run.
        self.missing: list[int] = []  # needs not met yet
        self.ended: list[int] = []  # OPEN, SUCCEEDED or UNSUCCESSFUL

    def __len__(self) -> int:
        return len(self.tasks)

    # -- adding -----------------------------------------------------------------

    def add(self, batch: Iterable[tuple[Task, SchedMeta]]) -> list[int]:
        """Add a batch, all or nothing; returns a possible order of the new nodes.

        Tasks already known are passed over. Raises DepcheckError for a tag that
        nothing known provides, a cycle within the batch, or a second provider of a
        `unique` tag.
        """
        first = len(self.tasks)
        try:
            for task, meta in batch:
                key = identity(task)
                if key not in self.index:
                    self._insert(key, task, meta)
            order = self._reach(first)
        except BaseException:
            self._truncate(first)
            raise
        if order:
            self._order = order if first == 0 else None
        return order

    def _insert(self, key: Any, task: Task, meta: SchedMeta) -> None:
        node = len(self.tasks)
        self.index[key] = node
        self.tasks.append(task)
        fields = vars(meta)
        needs: list[tuple[str, TagNode]] = []
        provided: list[TagNode] = []
        self.needs.append(needs)
        self.provides.append(provided)
        for need in fields.get("requires", _NONE):
            if type(need) is every:
                self._need(node, needs, EVERY, need.tag)
            else:
                self._need(node, needs, ANY, need)
        for tag in fields.get("after", _NONE):
            self._need(node, needs, AFTER, tag)
        for tag in fields.get("provides", _NONE):
            self._provide(node, provided, tag)
        if not needs:
            self.needs[node] = _NONE
        if not provided:
            self.provides[node] = _NONE

    def _need(self, node: int, needs: list[tuple[str, TagNode]], kind: str, tag: Tag) -> None:
        tagnode = self._tag(tag)
        needs.append((kind, tagnode))
        tagnode.waiters[kind].append(node)

    def _provide(self, node: int, provided: list[TagNode], tag: Tag) -> None:
        marked = type(tag) is unique
        tagnode = self._tag(tag.tag if isinstance(tag, unique) else tag)
        if tagnode.providers and tagnode.providers[-1] == node:
            tagnode.unique = tagnode.unique or marked
            return  # both as unique(tag) and plain, by one task
        provided.append(tagnode)
        tagnode.providers.append(node)
        if (marked or tagnode.unique) and len(tagnode.providers) > 1:
            raise double_provider(tagnode.tag, [self.tasks[i] for i in tagnode.providers])
        tagnode.unique = tagnode.unique or marked

    def _tag(self, tag: Tag) -> TagNode:
        tagnode = self.tags.get(tag)
        if tagnode is None:
            tagnode = self.tags[tag] = TagNode(tag)
        return tagnode

    def _truncate(self, first: int) -> None:
        """Forget the nodes from `first` on, as if they had never been added."""
        for node in range(len(self.provides) - 1, first - 1, -1):
            for tagnode in self.provides[node]:
                tagnode.providers.pop()
                tagnode.unique = tagnode.unique and bool(tagnode.providers)
            for kind, tagnode in self.needs[node]:
                tagnode.waiters[kind].pop()
        for task in self.tasks[first:]:
            del self.index[identity(task)]
        for column in (self.tasks, self.needs, self.provides):
            del column[first:]
        for tag in [t for t, n in self.tags.items() if not n.providers]:
            if not any(self.tags[tag].waiters.values()):
                del self.tags[tag]

    def _reach(self, first: int) -> list[int]:
        """An order in which the nodes from `first` on can run, those before being done."""
        left: dict[TagNode, int] = {}  # providers in the batch not reached yet
        missing = []
        order = []
        for node in range(first, len(self.tasks)):
            count = 0
            for kind, tag in self.needs[node]:
                in_batch = len(tag.providers) - bisect_left(tag.providers, first)
                known = len(tag.providers) > in_batch
                if in_batch and not (kind is ANY and known) or not tag.providers:
                    count += 1
            missing.append(count)
            if not count:
                order.append(node)
        for node in order:  # grows as it is walked
            for tag in self.provides[node]:
                start = bisect_left(tag.providers, first)
                kinds: tuple[str, ...] = ()
                if tag not in left:
                    left[tag] = len(tag.providers) - start
                    kinds = (ANY,) if start == 0 else ()
                left[tag] -= 1
                if not left[tag]:
                    kinds += (EVERY, AFTER)
                for kind in kinds:
                    waiters = tag.waiters[kind]
                    for waiter in waiters[bisect_left(waiters, first) :]:
                        missing[waiter - first] -= 1
                        if not missing[waiter - first]:
                            order.append(waiter)
        if len(order) < len(missing):
            raise not_reached(self, first, order)
        return order

    # -- running ----------------------------------------------------------------

    def prepare(self) -> tuple[list[int], list[int]]:
        """Begin a run afresh: (the nodes ready at once, an order of all nodes).

        Raises DepcheckError for a cycle that came about between batches.
        """
        if self._order is None:
            self._order = self._reach(0)
        for tag in self.tags.values():
            tag.met = False
            tag.alive = len(tag.providers)
            tag.barriers = [
                Barrier(kind, len(self.tasks), tag.alive, False, list(tag.waiters[kind]))
                for kind in (EVERY, AFTER)
                if tag.waiters[kind]
            ]
        self.missing = [len(needs) for needs in self.needs]
        self.ended = [OPEN] * len(self.tasks)
        return [node for node, missing in enumerate(self.missing) if not missing], self._order

    def admit(self, first: int) -> tuple[list[int], Blocked]:
        """Take the nodes from `first` on, added during the run, into it.

        Returns (those ready at once, those that can't become ready).
        """
        size = len(self.tasks)
        self.missing.extend([0] * (size - first))
        self.ended.extend([OPEN] * (size - first))
        for node in range(first, size):
            for tag in self.provides[node]:
                tag.alive += 1
        ready: list[int] = []
        blocked: Blocked = []
        for node in range(first, size):
            hopeless = None
            for kind, tag in sorted_needs(self.needs[node]):
                if kind is ANY:
                    unmet, failed = not tag.met, not tag.met and not tag.alive
                else:
                    unmet, failed = self._join_barrier(node, kind, tag)
                self.missing[node] += unmet
                hopeless = tag if failed and hopeless is None else hopeless
            if hopeless is not None:
                blocked.append((node, hopeless))
            elif not self.missing[node]:
                ready.append(node)
        return ready, blocked

    def _join_barrier(self, node: int, kind: str, tag: TagNode) -> tuple[bool, bool]:
        """Make a late node wait for the tag's providers: (is unmet, can't be met)."""
        size = len(self.tasks)
        for barrier in tag.barriers:
            if barrier.kind is kind and barrier.limit == size:
                break
        else:
            states = [self.ended[provider] for provider in tag.providers]
            failed = kind is EVERY and UNSUCCESSFUL in states
            barrier = Barrier(kind, size, states.count(OPEN), failed, [])
            tag.barriers.append(barrier)
        barrier.waiters.append(node)
        return barrier.left > 0 or barrier.failed, barrier.failed

    def done(self, node: int, succeeded: bool) -> tuple[list[int], Blocked]:
        """The node has ended: (nodes that became ready, nodes that never can).

        Each node is done once. Nodes that had already ended may be among those
        returned; the caller knows.
        """
        self.ended[node] = SUCCEEDED if succeeded else UNSUCCESSFUL
        ready: list[int] = []
        blocked: Blocked = []
        for tag in self.provides[node]:
            if succeeded:
                if not tag.met:
                    tag.met = True
                    self._release(tag.waiters[ANY], ready)
            else:
                tag.alive -= 1
                if not tag.alive and not tag.met:
                    blocked.extend((waiter, tag) for waiter in tag.waiters[ANY])
            for barrier in tag.barriers:
                if node >= barrier.limit or barrier.failed:
                    continue
                barrier.left -= 1
                if not succeeded and barrier.kind is EVERY:
                    barrier.failed = True
                    blocked.extend((waiter, tag) for waiter in barrier.waiters)
                elif not barrier.left:
                    self._release(barrier.waiters, ready)
        if len(self.provides[node]) > 1:  # whose order is that of a set
            ready.sort()
            blocked.sort(key=lambda pair: (pair[0], repr(pair[1].tag)))
        return ready, blocked

    def _release(self, waiters: list[int], ready: list[int]) -> None:
        for waiter in waiters:
            self.missing[waiter] -= 1
            if not self.missing[waiter]:
                ready.append(waiter)

    # -- asking -----------------------------------------------------------------

    def unmet(self, node: int) -> list[tuple[str, TagNode]]:
        """The needs of a node that are not met in the present run."""
        needs = sorted_needs(self.needs[node])
        return [(kind, tag) for kind, tag in needs if not self._is_met(kind, tag)]

    def _is_met(self, kind: str, tag: TagNode) -> bool:
        if kind is ANY:
            return tag.met
        if kind is EVERY:
            return all(self.ended[p] == SUCCEEDED for p in tag.providers)
        return all(self.ended[p] != OPEN for p in tag.providers)
