"""Which tasks may start: requires, every and after, as counters on integers.

Passive, in the way of the standard library's graphlib: it is told what was added
(`add`), that a run begins (`prepare`) and what ended (`done`), and answers what became
ready and what can't become ready any more. No thread, clock or I/O; it runs nothing
and knows no locks or priorities. Tasks are integers here, counted as they were added. How tags
stand between tasks is told in `tags`.

Why this file is large: what is added to the columns, what a run makes of them, and what is asked of
both are told side by side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from operator import not_
from typing import Any

from .common import Tag, Task, identities
from .depcheck import double_provider
from .meta import BITS, SchedMeta
from .metacheck import every, unique
from .reach import reach
from .tags import AFTER, ANY, EVERY, Barrier, TagNode, sorted_needs
from .taskmap import number_new

# How a node stands in the present run.
OPEN, SUCCEEDED, UNSUCCESSFUL = range(3)

Blocked = list[tuple[int, TagNode]]
_REQUIRES, _PROVIDES, _AFTER = BITS["requires"], BITS["provides"], BITS["after"]
_NONE: tuple[Any, ...] = ()
_NOBODY: Blocked = []  # only to be read


class Graph:
    """Nodes, the tags between them, and how far the present run has come."""

    def __init__(self) -> None:
        # Fixed by what was added.
        self.tasks: list[Task] = []
        self.index: dict[Any, int] = {}  # identity of the task -> node
        self.tags: dict[Tag, TagNode] = {}
        self.requires: list[Sequence[TagNode]] = []  # the ANY needs of each node
        self.barred: dict[int, list[tuple[str, TagNode]]] = {}  # the others, where there are any
        self.provides: list[Sequence[TagNode]] = []
        # An order in which the nodes can run; None when several batches made it stale.
        self._order: Sequence[int] | None = ()
        # How the frontline sorts each node if nothing but the graph counts: `order` finds it out, and
        # keeps it here for all runs. None before, and when something was added since.
        self.entries: Sequence[Any] | None = None
        # Every need so far was for a tag all of whose providers had been added before.
        self._in_order = True
        # Of the present run.
        self.missing: list[int] = []  # needs not met yet
        self.ended: list[int] = []  # OPEN, SUCCEEDED or UNSUCCESSFUL, where anything is provided
        self._prepared = False  # tags may have state of a run, or of finding out `entries`

    def __len__(self) -> int:
        return len(self.tasks)

    # -- adding -----------------------------------------------------------------

    def add(self, tasks: Sequence[Task], metas: Sequence[SchedMeta]) -> Sequence[int]:
        """Add tasks with this metadata, all or none; returns a possible order of the new nodes.

        Tasks already known are passed over. Raises DepcheckError for a tag that
        nothing known provides, a cycle within the batch, or a second provider of a
        `unique` tag.
        """
        first, before = len(self.tasks), self._order
        self._in_order = True
        try:
            self._insert(tasks, metas)
            order = range(first, len(self.tasks)) if self._in_order else reach(self, first)
            if order:
                self._order = order if first == 0 else None
                # What finding it out has left at the tags is to be cleared away.
                self._prepared = self._prepared or self.entries is not None
                self.entries = None
            return order
        except BaseException:
            self._order = before
            self._truncate(first)
            raise

    def _insert(self, tasks: Sequence[Task], metas: Sequence[SchedMeta]) -> None:
        nodes, places = number_new(self.index, identities(tasks))
        if len(places) < len(tasks):
            tasks, metas = [tasks[n] for n in places], [metas[n] for n in places]
        self.tasks.extend(tasks)
        for column in (self.requires, self.provides):  # of tuples, which are smaller than lists
            column.extend([_NONE] * len(tasks))
        self._tie(nodes, metas)

    def _tie(self, nodes: Sequence[int], metas: Sequence[SchedMeta]) -> None:
        """Tie new nodes to their tags."""
        tags, all_requires, all_provides = self.tags, self.requires, self.provides
        for node, meta in zip(nodes, metas):
            stored = meta.stored_bits
            if stored & _REQUIRES and meta.requires:
                try:
                    required: Sequence[TagNode] = tuple([tags[need] for need in meta.requires])
                except KeyError:  # of a tag that is new, or of every(tag)
                    required = self._require(node, meta.requires)
                for tagnode in required:
                    tagnode.waiters.append(node)
                    if not tagnode.providers:
                        self._in_order = False
                all_requires[node] = required
            if stored & _AFTER:
                for tag in meta.after:
                    self._bar(node, AFTER, tag)
            if stored & _PROVIDES and meta.provides:
                provided: list[TagNode] = []
                for tag in meta.provides:
                    if tag in tags or type(tag) is unique:
                        self._provide(node, provided, tag)
                    else:
                        tags[tag] = tagnode = TagNode(tag, (node,))
                        provided.append(tagnode)
                all_provides[node] = tuple(provided)

    def _require(self, node: int, needs: Iterable[Any]) -> Sequence[TagNode]:
        """The tags of which a node has an ANY need, in their order; the others bar it."""
        for need in needs:
            if type(need) is every:
                self._bar(node, EVERY, need.tag)
        return tuple([self._tag(need) for need in needs if type(need) is not every])

    def _bar(self, node: int, kind: str, tag: Tag) -> None:
        tagnode = self._tag(tag)
        self.barred.setdefault(node, []).append((kind, tagnode))
        tagnode.bar(kind, node)
        if not tagnode.providers:
            self._in_order = False

    def _provide(self, node: int, provided: list[TagNode], tag: Tag) -> None:
        marked = type(tag) is unique
        tagnode = self._tag(tag.tag if isinstance(tag, unique) else tag)
        if not tagnode.providers or tagnode.providers[-1] != node:
            if tagnode.needed:
                self._in_order = False
            provided.append(tagnode)
            tagnode.provide(node)
        # Else it is both unique(tag) and plain, by one task.
        if marked and tagnode.marker is None:
            tagnode.marker = node
        if tagnode.marker is not None and len(tagnode.providers) > 1:
            raise double_provider(tagnode.tag, [self.tasks[i] for i in tagnode.providers])

    def _tag(self, tag: Tag) -> TagNode:
        if tag not in self.tags:
            self.tags[tag] = TagNode(tag)
        return self.tags[tag]

    def _truncate(self, first: int) -> None:
        """Forget the nodes from `first` on, as if they had never been added."""
        # An interrupt may have come between any two steps of adding: columns need not be of one
        # length, and a tag may have a node that doesn't have it yet. So all tags are looked at.
        for node in range(first, len(self.index)):
            self.index.popitem()
            self.barred.pop(node, None)
        for column in (self.tasks, self.requires, self.provides):
            del column[first:]
        for tagnode in self.tags.values():
            tagnode.truncate(first)
        for tag in [t for t, n in self.tags.items() if not n.providers and not n.needed]:
            del self.tags[tag]

    # -- running ----------------------------------------------------------------

    def prepare(self) -> tuple[Sequence[int], Sequence[int]]:
        """Begin a run afresh: (the nodes ready at once, an order of all nodes).

        Raises DepcheckError for a cycle that came about between batches.
        """
        if self._order is None:
            self._order = reach(self, 0)
        if self._prepared:
            for tag in self.tags.values():
                tag.reset()
        self._prepared = True
        self.ended = [OPEN] * len(self.tasks)
        if not self.tags:  # nobody waits for anybody
            self.missing = [0] * len(self.tasks)
            return range(len(self.tasks)), self._order
        self.missing = list(map(len, self.requires))
        for node, needs in self.barred.items():
            self.missing[node] += len(needs)
            for kind, tag in needs:
                if tag.barred[kind][0] == node:
                    waiters = list(tag.barred[kind])
                    limit = len(self.tasks)
                    barrier = Barrier(kind, limit, len(tag.providers), False, waiters)
                    tag.barriers = (*tag.barriers, barrier)
        return [*compress(self.index.values(), map(not_, self.missing))], self._order

    def admit(self, first: int) -> tuple[list[int], Blocked]:
        """Take the nodes from `first` on, added during the run, into it.

        Returns (those ready at once, those that can't become ready).
        """
        size = len(self.tasks)
        self.missing.extend([0] * (size - first))
        self.ended.extend([OPEN] * (size - first))
        ready: list[int] = []
        blocked: Blocked = []
        for node in range(first, size):
            hopeless = None
            for kind, tag in sorted_needs(self.needs(node)):
                if kind is ANY:
                    unmet = not tag.met
                    failed = unmet and tag.failed == len(tag.providers)
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
            tag.barriers = (*tag.barriers, barrier)
        barrier.waiters.append(node)
        return barrier.left > 0 or barrier.failed, barrier.failed

    def done(self, node: int, succeeded: bool) -> tuple[list[int], Blocked]:
        """The node has ended: (nodes that became ready, nodes that never can).

        Each node is done once; one that provides nothing needn't be. Nodes that had already
        ended may be among those returned; the caller knows.
        """
        ready: list[int] = []
        provided, missing = self.provides[node], self.missing
        if not succeeded:
            return ready, self._failed(node, provided, ready)
        self.ended[node] = SUCCEEDED
        for tag in provided:
            if not tag.met:
                tag.met = True
                for waiter in tag.waiters:
                    missing[waiter] = left = missing[waiter] - 1
                    if not left:
                        ready.append(waiter)
            if tag.barriers:
                self._pass_barriers(tag, node, True, ready, _NOBODY)
        if len(provided) > 1:  # whose order is that of a set
            ready.sort()
        return ready, _NOBODY

    def _failed(self, node: int, provided: Sequence[TagNode], ready: list[int]) -> Blocked:
        """The same for one that has not succeeded; notes who became ready."""
        self.ended[node] = UNSUCCESSFUL
        blocked: Blocked = []
        for tag in provided:
            tag.failed += 1
            if tag.failed == len(tag.providers) and not tag.met:
                blocked.extend((waiter, tag) for waiter in tag.waiters)
            if tag.barriers:
                self._pass_barriers(tag, node, False, ready, blocked)
        if len(provided) > 1:  # as above
            ready.sort()
            blocked.sort(key=lambda pair: (pair[0], repr(pair[1].tag)))
        return blocked

    def _pass_barriers(
        self, tag: TagNode, node: int, succeeded: bool, ready: list[int], blocked: Blocked
    ) -> None:
        for barrier in tag.barriers:
            if node >= barrier.limit or barrier.failed:
                continue
            barrier.left -= 1
            if not succeeded and barrier.kind is EVERY:
                barrier.failed = True
                blocked.extend((waiter, tag) for waiter in barrier.waiters)
            elif not barrier.left:
                for waiter in barrier.waiters:
                    self.missing[waiter] -= 1
                    if not self.missing[waiter]:
                        ready.append(waiter)

    # -- asking -----------------------------------------------------------------

    def needs(self, node: int) -> list[tuple[str, TagNode]]:
        """What a node needs."""
        return [*((ANY, tag) for tag in self.requires[node]), *self.barred.get(node, _NONE)]

    def unmet(self, node: int) -> list[tuple[str, TagNode]]:
        """The needs of a node that are not met in the present run."""
        needs = sorted_needs(self.needs(node))
        return [(kind, tag) for kind, tag in needs if not self._is_met(kind, tag)]

    def _is_met(self, kind: str, tag: TagNode) -> bool:
        if kind is ANY:
            return tag.met
        if kind is EVERY:
            return all(self.ended[p] == SUCCEEDED for p in tag.providers)
        return all(self.ended[p] != OPEN for p in tag.providers)
