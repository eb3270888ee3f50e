"""What has to be run again when a run goes on after its teardown.

A teardown task takes away what provides a tag that it is after or requires. Of what has ended,

1. what one that has ended took away is run again, and so is what requires something that is run
   again, if it is required by anything that is run, directly or not;
2. a teardown task is run again if anything is run that it takes away.

So what is made is torn down, also where one teardown task is after another. Each rule may bring in
more for the other, until there is no more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..sched.meta import SchedMeta
from .selection import needs_of, tag_of


def run_again(metas: Sequence[SchedMeta], ended: Sequence[bool]) -> set[int]:
    """The numbers of tasks that ended and have to be run again, as teardown has run."""
    if not any(meta.teardown and over for meta, over in zip(metas, ended, strict=True)):
        return set()
    return _Again(metas, ended).find()


class _Again:
    def __init__(self, metas: Sequence[SchedMeta], ended: Sequence[bool]) -> None:
        # Configuration.
        self._ended = ended
        self._provides = [set(map(tag_of, meta.provides)) for meta in metas]
        self._requires = [set(map(tag_of, meta.requires)) for meta in metas]
        self._requirers = _by_tag(self._requires)
        over = [meta.teardown and ended[number] for number, meta in enumerate(metas)]
        gone = [set(needs_of(meta)) if over[n] else set() for n, meta in enumerate(metas)]
        self._gone = frozenset[Any]().union(*gone)  # what provides these was taken away
        # State. Each tag is followed once, however many have it, and then it isn't in these.
        self._providers = _by_tag(self._provides)
        self._teardowns = _by_tag(gone)
        self._found: set[int] = set()
        self._made: set[Any] = set()  # tags that what was found provides
        self._needed: set[int] = set()  # what is run, and what that requires, directly or not
        self._pending = [number for number, over in enumerate(ended) if not over]  # it is run

    def find(self) -> set[int]:
        """Apply both rules until there is no more."""
        while self._pending:
            number = self._pending.pop()
            self._need(number)
            if number in self._found:
                self._make(self._provides[number] - self._made)
            for tag in self._provides[number]:
                for teardown in self._teardowns.pop(tag, ()):
                    self._add(teardown)
        return self._found

    def _add(self, number: int) -> None:
        if self._ended[number] and number not in self._found:
            self._found.add(number)
            self._pending.append(number)

    def _need(self, number: int) -> None:
        """A task is run: take in what it requires."""
        pending = [number]
        while pending:
            number = pending.pop()
            if number in self._needed:
                continue
            self._needed.add(number)
            requires = self._requires[number]
            if self._provides[number] & self._gone or requires & self._made:
                self._add(number)
            for tag in requires:
                pending += self._providers.pop(tag, ())

    def _make(self, tags: set[Any]) -> None:
        """What provides the tags is run again: so is what requires them."""
        self._made |= tags
        for tag in tags:
            for number in self._requirers.get(tag, ()):
                if number in self._needed:
                    self._add(number)


def _by_tag(tags: Sequence[set[Any]]) -> dict[Any, list[int]]:
    """The numbers of those that have a tag, by tag."""
    found: dict[Any, list[int]] = {}
    for number, its in enumerate(tags):
        for tag in its:
            found.setdefault(tag, []).append(number)
    return found
