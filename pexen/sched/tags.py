"""A tag: who provides it, and who needs it, in which of three ways.

A tag is one node between its providers and those who need it, so an all-to-all
dependency costs N + M, never N x M. Three kinds of need meet at it:

- ANY    (`requires=[tag]`)         met by the first provider that succeeds; a provider
                                    added later counts
- EVERY  (`requires=[every(tag)]`)  met when all providers have succeeded
- AFTER  (`after=[tag]`)            met when all providers have ended, however

EVERY and AFTER range over the providers known when the run began, or when the needing
task was added during it: each such range is a `Barrier`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from .common import Tag

ANY, EVERY, AFTER = "any", "every", "after"

_NOT_BARRED: dict[str, list[int]] = {}  # stays empty


class TagNode:
    """A tag, who provides it and who needs it. All lists hold nodes in ascending order.

    There is one for each tag, so what most of them don't have is one and the same for all.
    """

    __slots__ = (
        "tag", "providers", "marker", "waiters", "barred", "met", "failed", "barriers", "beyond"
    )

    def __init__(self, tag: Tag, providers: Sequence[int] = ()) -> None:
        # Fixed by what was added.
        self.tag = tag
        self.providers = providers  # a list when there are several, as one is smaller so
        self.marker: int | None = None  # who says that it is unique: a second provider is an error
        self.waiters: list[int] = []  # nodes with an ANY need of it
        self.barred: dict[str, list[int]] = _NOT_BARRED  # those with others, by kind
        # Of the present run.
        self.met = False  # a provider has succeeded
        self.failed = 0  # providers that have ended without success
        self.barriers: Sequence[Barrier] = ()
        self.beyond = 0.0  # the longest path of those who need it, as far as `order` has looked

    def provide(self, node: int) -> None:
        """A node provides it, which comes after all that do so far."""
        if isinstance(self.providers, list):
            self.providers.append(node)
        else:
            self.providers = [*self.providers, node] if self.providers else (node,)

    def truncate(self, first: int) -> None:
        """The nodes from `first` on are forgotten."""
        if self.providers and self.providers[-1] >= first:
            self.providers = [node for node in self.providers if node < first]
        if self.marker is not None and self.marker >= first:
            self.marker = None
        del self.waiters[bisect_left(self.waiters, first) :]
        for kind, nodes in list(self.barred.items()):
            del nodes[bisect_left(nodes, first) :]
            if not nodes:
                del self.barred[kind]

    def bar(self, kind: str, node: int) -> None:
        """A node has an EVERY or AFTER need of it."""
        if not self.barred:
            self.barred = {}
        self.barred.setdefault(kind, []).append(node)

    def reset(self) -> None:
        """Begin another run."""
        self.met, self.failed, self.barriers, self.beyond = False, 0, (), 0.0

    @property
    def needed(self) -> bool:
        """Whether any node needs it."""
        return bool(self.waiters or self.barred)


class Barrier:
    """An EVERY or AFTER need of some nodes for the providers of a tag below `limit`."""

    __slots__ = ("kind", "limit", "left", "failed", "waiters")

    def __init__(self, kind: str, limit: int, left: int, failed: bool, waiters: list[int]) -> None:
        self.kind = kind
        self.limit = limit
        self.left = left  # providers in range that haven't ended
        self.failed = failed  # EVERY only: one of them ended without success
        self.waiters = waiters


# What a node needs: the kind of need, and the tag.
Needs = Sequence[tuple[str, TagNode]]


def sorted_needs(needs: Needs) -> list[tuple[str, TagNode]]:
    """Needs in an order that is the same in every run, unlike that of the sets they were in."""
    return sorted(needs, key=lambda need: (need[0], repr(need[1].tag)))
