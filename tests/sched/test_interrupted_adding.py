"""Tasks are added all or none, wherever an interrupt comes."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from pexen import task
from pexen.sched import every, graph, tags, taskmap, unique
from pexen.sched.graph import Graph
from pexen.sched.meta import meta_of

FILES = (graph.__file__, tags.__file__, taskmap.__file__)


class Stopped(BaseException):
    pass


def make(**fields: Any) -> Callable[[], None]:
    return task(lambda: None, **fields)


def add(made: Graph, tasks: list[Any]) -> None:
    made.add(tasks, [*map(meta_of, tasks)])


def inside(made: Graph) -> Any:
    """All that a graph consists of, to be compared."""
    known = [
        (name, tag.providers and [*tag.providers], tag.waiters[:], tag.marker)
        for name, tag in made.tags.items()
    ]
    barred = {name: {k: n[:] for k, n in tag.barred.items()} for name, tag in made.tags.items()}
    columns = [[[tag.tag for tag in each] for each in c] for c in (made.requires, made.provides)]
    return made.tasks[:], dict(made.index), known, barred, columns, [*made.barred], made._order


def test_nothing_is_left_of_tasks_whose_adding_was_interrupted() -> None:
    earlier = [make(provides=["a", "b"]), make(requires=["a"], provides=["b"])]
    later = [
        make(requires=["a", "new"], provides=["a", "c"]),
        make(provides=["new", "c", unique("only")], after=["b"]),
        make(requires=["c", every("b"), "only"], after=["c"], provides=["last"]),
        make(requires=["last"]),
    ]
    later += [later[0], earlier[1]]  # of which the graph is told twice
    stops = 0
    while True:
        made = Graph()
        add(made, earlier)
        before = inside(made)
        left = stops

        def trace(frame: FrameType, event: str, argument: object) -> Any:
            nonlocal left
            if frame.f_code.co_filename not in FILES or frame.f_code.co_name in UNDOING:
                return None
            if event in ("call", "line"):
                left -= 1
                if left == -1:
                    sys.settrace(None)
                    raise Stopped
            return trace

        sys.settrace(trace)
        try:
            add(made, later)
        except Stopped:
            assert inside(made) == before, f"stopped at step {stops}"
            add(made, later)  # and can be added again
        else:
            break
        finally:
            sys.settrace(None)
        stops += 1
    assert stops > 100


# What runs after the interrupt; another one there would find nobody to undo what it leaves.
UNDOING = ("_truncate", "truncate")


class Bound:
    def method(self) -> None:
        pass


@pytest.mark.parametrize("seed", range(20))
def test_adding_at_once_comes_to_what_adding_one_by_one_does(seed: int) -> None:
    """Whatever is among them twice, or known; a bound method is another object each time."""
    rng = random.Random(seed)
    instances = [Bound() for _ in range(3)]
    known = [make(provides=[n] if n % 3 else []) for n in range(8)]
    makers: list[Any] = [lambda each=each: each for each in known]
    if seed % 2:
        makers += [lambda each=each: each.method for each in instances]
    at_once, one_by_one = Graph(), Graph()
    for size in (6, 9, 4):
        tasks = [rng.choice(makers)() for _ in range(size)]
        add(at_once, tasks)
        for each in tasks:
            add(one_by_one, [each])
    assert inside(at_once)[:-1] == inside(one_by_one)[:-1]
    assert [*at_once.index.values()] == [*range(len(at_once))]
