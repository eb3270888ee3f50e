"""Whether all nodes can be reached, and in which order: the check of what was added.

A node is reached when its needs are met by nodes reached before it: an ANY need by one
provider, an EVERY or AFTER need by all of them. What a fixpoint of this leaves out can never
run. This is topological sorting (Kahn 1962), where an edge may have alternatives.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from .depcheck import not_reached
from .tags import AFTER, ANY, EVERY, TagNode

if TYPE_CHECKING:
    from .graph import Graph


def reach(graph: Graph, first: int) -> list[int]:
    """An order in which the nodes from `first` on can run, those before being done.

    Raises DepcheckError if there is none.
    """
    missing = []
    order = []
    for node in range(first, len(graph)):
        count = 0
        for kind, tag in graph.needs(node):
            in_batch = len(tag.providers) - bisect_left(tag.providers, first)
            known = len(tag.providers) > in_batch
            if in_batch and not (kind is ANY and known) or not tag.providers:
                count += 1
        missing.append(count)
        if not count:
            order.append(node)
    left: dict[TagNode, int] = {}  # providers in the batch not reached yet
    for node in order:  # grows as it is walked
        for tag in graph.provides[node]:
            for waiters in _met_by_one_more(tag, first, left):
                for waiter in waiters[bisect_left(waiters, first) :]:
                    missing[waiter - first] -= 1
                    if not missing[waiter - first]:
                        order.append(waiter)
    if len(order) < len(missing):
        raise not_reached(graph, first, order)
    return order


def _met_by_one_more(tag: TagNode, first: int, left: dict[TagNode, int]) -> list[list[int]]:
    """Those whose need is met as one more provider of the tag is reached."""
    met = []
    if tag not in left:
        start = bisect_left(tag.providers, first)
        left[tag] = len(tag.providers) - start
        if start == 0:
            met.append(tag.waiters)
    left[tag] -= 1
    if not left[tag]:
        met.extend(tag.barred.get(kind, []) for kind in (EVERY, AFTER))
    return met
