"""The queue at a gate, against one that is looked through each time."""

from __future__ import annotations

import functools
import math
import random
import warnings

import pytest

from pexen import PexenWarning, Sched, task
from pexen.sched.frontline import Entry
from pexen.sched.locks import Locks
from pexen.sched.queues import Queue
from pexen.testing import VirtualPool


class Plain:
    """What a Queue is to do, with nothing but a list of those who wait, as they came."""

    def __init__(self) -> None:
        self.waiting: list[Entry] = []

    def push(self, entry: Entry) -> None:
        self.waiting.append(entry)

    def first(self) -> Entry:
        return min(self.waiting)

    def pop(self) -> Entry:
        self.waiting.remove(first := self.first())
        return first

    def promote(self, node: int) -> None:
        [at] = [at for at, entry in enumerate(self.waiting) if entry[2] == node]
        self.waiting[at] = (self.waiting[at][0], -math.inf, node)


@pytest.mark.parametrize("seed", range(20))
def test_it_is_as_one_that_is_looked_through(seed: int) -> None:
    rng = random.Random(seed)
    queue, plain = Queue("gate"), Plain()
    for _ in range(500):
        out = [node for node in range(30) if node not in {entry[2] for entry in plain.waiting}]
        what = rng.choice(["push", "push", "pop", "promote"])
        if what == "push" and out:  # also one that was there before
            node = rng.choice(out)
            entry = (node % 2, float(rng.randint(-5, 0)), node)
            queue.push(entry)
            plain.push(entry)
        elif what == "pop" and plain.waiting:
            assert queue.pop() == plain.pop()
        elif plain.waiting:
            promoted = rng.choice(queue.entries())
            queue.promote(promoted)
            plain.promote(promoted[2])
        assert len(queue) == len(plain.waiting) and bool(queue) is bool(plain.waiting)
        assert sorted(queue.entries()) == sorted(plain.waiting)
        if plain.waiting:
            assert queue.first() == plain.first()
        for priority in (0, 1):
            longest = queue.longest_waiting(priority)
            assert (longest is None) is all(entry[0] != priority for entry in plain.waiting)


def test_who_waits_longest_is_told_whatever_its_place() -> None:
    queue = Queue("gate")
    for node in range(5):
        queue.push((0, -float(node), node))
    queue.push((7, -9.0, 7))

    def longest(priority: int) -> int | None:
        entry = queue.longest_waiting(priority)
        return None if entry is None else entry[2]

    assert longest(0) == 0 and longest(7) == 7 and longest(3) is None
    assert queue.pop()[2] == 4
    queue.promote((0, -0.0, 0))
    assert longest(0) == 0 and queue.pop()[2] == 0
    assert longest(0) == 1 and longest(7) == 7


@pytest.mark.parametrize("chains", [20, 200])
def test_who_was_passed_over_too_often_is_found_without_trying_all(
    chains: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0
    acquire = Locks.acquire

    def counted(self: Locks, *args: object) -> bool:
        nonlocal tries
        tries += 1
        return acquire(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(Locks, "acquire", counted)
    tasks = [task(functools.partial(int), claims=["disk"]) for _ in range(2000)]
    for number, body in enumerate(tasks[20:]):
        chain, place = number % chains, number // chains
        task(body, provides=[(chain, place)], requires=[(chain, place - 1)][:place])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PexenWarning)
        assert len(list(Sched(tasks).run(VirtualPool(2)))) == 2000
    assert tries <= 2.1 * 2000
