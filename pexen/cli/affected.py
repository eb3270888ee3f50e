"""One round of a watch: which tasks it runs, and what of it the next one has to know."""

from __future__ import annotations

import json
import os
from argparse import Namespace
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, NamedTuple

from ..factory.base import attribute
from ..factory.filesystem import Executable
from ..factory.importgraph import ImportGraph
from ..factory.imports import full_name
from ..report.ended import Ended
from ..report.words import GOOD
from ..sched import Outcome
from ..sched.common import CALLPATH_ATTR_NAME, Task, identity, task_name
from ..sched.place import place_of
from ..state.store import numbered
from ..suite.selection import unprovided, with_dependents
from .output import printable, put

# So many names are told in a line.
_NAMES = 5


# A task's name, and how many before it have the same.
Name = tuple[str, int]


class Answer(NamedTuple):
    """How a round went."""

    whole: bool  # no task was left out, as after -x
    failing: list[Name]  # tasks that didn't end well when they were run last, in this watch


class Affected(NamedTuple):
    """What changes affect."""

    text: str  # what has changed; empty in the first round
    files: set[str] | None  # those that changed, and the modules that import such; None for all


class Round:
    """What is to be run, told to the process that runs it; and its answer, by a file."""

    def __init__(
        self,
        args: Namespace,
        starts: Sequence[str],
        graph: ImportGraph,
        affected: Affected,
        failing: Sequence[Name],
    ) -> None:
        # Configuration.
        self._args = args
        self._starts = starts
        self._graph = graph
        self.affected = affected
        self.failing = [(name, nth) for name, nth in failing]
        # State: in the process that runs it.
        self.file: IO[bytes] | None = None  # where the answer is written
        self._there: dict[Any, Name] = {}  # all tasks that there are now, by identity
        self._wanted: set[Any] | None = None  # identities

    def begin(self, tasks: Sequence[Task]) -> bool:
        """Take in all tasks, and say how many are affected; whether there are any."""
        names = numbered(map(task_name, tasks))
        self._there = dict(zip(map(identity, tasks), names, strict=True))
        text, files = self.affected
        if not text:
            return True
        total = number = len(tasks)
        if files is not None:
            own = {identity(task) for task in tasks if not files.isdisjoint(self._homes(task))}
            # What provided a tag may be gone; then it is said that there is none.
            self._wanted = with_dependents(tasks, own | unprovided(tasks))
            number = len(self._wanted)
        counted = f"{number} of {total} tasks" if number else "none of the tasks"
        put(f"\n== {text}; affected: {counted}")
        if not number:
            self.end([])
        return bool(number)

    def wants(self, task: Task) -> bool:
        """Whether the task is affected."""
        return self._wanted is None or identity(task) in self._wanted

    def end(self, all_ended: Sequence[Ended]) -> None:
        """Take in how tasks ended, write the answer, and say what is still failing."""
        over = {self._there[identity(each.task)]: each.outcome for each in all_ended}
        ran = {name for name, outcome in over.items() if outcome is not Outcome.CANCELLED}
        known = set(self._there.values())
        still = [name for name in self.failing if name in known and name not in ran]
        failing = {name for name in ran if over[name] not in GOOD}.union(still)
        if self.file is not None:
            in_order = [name for name in self._there.values() if name in failing]
            answer = Answer(len(ran) == len(over), in_order)
            self.file.write(json.dumps(answer).encode())
            self.file.flush()
        if still:
            put(f"still failing: {listed(printable(name) for name, _ in still)}")

    def _homes(self, task: Task) -> Iterator[str]:
        """The files that the task may be defined in."""
        place = place_of(task).file
        if place is not None:
            yield place
        if isinstance(task, Executable):
            return
        yield from self._found_in(task)
        names = [attribute(task, "__module__")]
        # Of a test class: where it is defined, and where it was found, by a load_tests for one.
        names += [attribute(task, "module"), attribute(attribute(task, "source"), "name")]
        own_factory, colon, _ = self._args.factory.partition(":")
        if colon:
            names.append(own_factory)  # it makes the tasks
        for name in names:
            file = self._graph.file_of(name) if isinstance(name, str) and name else None
            if file is not None:
                yield file

    def _found_in(self, task: Task) -> Iterator[str]:
        """The modules in which the task was found: its callpath leads there from its target."""
        first, *rest = attribute(task, CALLPATH_ATTR_NAME) or [""]
        for start in self._starts:
            if full_name(start)[1].rpartition(".")[2] != first:
                continue
            file = start if os.path.isfile(start) else self._graph.deepest(start, rest)
            if file is not None:
                yield file


def listed(names: Iterable[str]) -> str:
    """The first of the names, and how many more there are."""
    names = list(names)
    more = len(names) - _NAMES
    return f"{', '.join(names[:_NAMES])} and {more} more" if more > 0 else ", ".join(names)
