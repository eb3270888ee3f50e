"""Shared dicts: what a task gets from the tasks that provided what it requires."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .common import Shared
from .graph import Graph
from .tags import AFTER, TagNode


class SharedDicts:
    """The merged dicts of each tag's providers.

    Kept per tag and key with the moment of writing, so that a dependent costs the
    keys it gets and not the number of providers, and the one that completed last
    wins also across tags.
    """

    def __init__(self, graph: Graph, presets: Shared) -> None:
        self._graph = graph
        self._presets = presets
        self._moment = 0
        self._merged: dict[TagNode, dict[str, tuple[int, Any]]] = {}

    def provide(self, tags: Sequence[TagNode], shared: Shared) -> None:
        """A provider of the tags completed with this dict."""
        if not shared:
            return
        self._moment += 1
        stamped = {key: (self._moment, value) for key, value in shared.items()}
        for tag in tags:
            merged = self._merged.get(tag)
            if merged is None:
                self._merged[tag] = dict(stamped)
            else:
                merged.update(stamped)

    @property
    def are_empty(self) -> bool:
        """Whether each node's dict is empty, as of now."""
        return not (self._presets or self._merged)

    def build(self, node: int) -> Shared:
        """A new dict for a node, as of now."""
        shared = self._presets.copy()
        if not self._merged:
            return shared
        tags = self._graph.requires[node]
        if node in self._graph.barred:
            tags = [tag for kind, tag in self._graph.needs(node) if kind is not AFTER]
        newest: dict[str, int] = {}
        for tag in tags:
            for key, (moment, value) in self._merged.get(tag, {}).items():
                if newest.get(key, 0) < moment:
                    newest[key] = moment
                    shared[key] = value
        return shared
