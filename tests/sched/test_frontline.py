"""The frontline gives out the best, whatever came when."""

from __future__ import annotations

import random

import pytest

from pexen.sched.frontline import FEW, Entry, Frontline


@pytest.mark.parametrize("seed", range(60))
def test_what_is_taken_is_always_the_best_that_is_there(seed: int) -> None:
    rng = random.Random(seed)
    frontline, there = Frontline(), []
    for step in range(40):
        count = rng.choice([0, 1, 1, 2, FEW - 1, FEW, FEW + 1, 60])
        new: list[Entry] = [
            (rng.randrange(3), -rng.randrange(5), 100 * step + n) for n in range(count)
        ]
        rng.shuffle(new)
        frontline.fresh += new
        there = sorted(there + new)
        frontline.settle()
        assert not frontline.fresh
        if there:
            assert frontline.best_priority() == there[0][0]
        wanted = rng.choice([1, 1, 3, 30, 300])
        taken, there = there[:wanted], there[wanted:]
        assert frontline.take(wanted) == taken
    assert frontline.take(len(there) + 1) == there and not frontline.take(1)
