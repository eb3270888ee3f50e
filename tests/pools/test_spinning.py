"""Waiting without going to sleep, on a clock that only the one who looks moves."""

from __future__ import annotations

import pytest

from pexen.sched.pool.spinning import Spin

SOON, LATE = 0.00002, 0.01  # seconds


class World:
    """Something comes `after` so many seconds; a look takes as long as `look` says.

    Notes how long each look was allowed to wait.
    """

    def __init__(self, look: float = 1e-6) -> None:
        self.cost = look
        self.now = 0.0
        self.looks: list[float | None] = []
        self.due = 0.0
        self.spin = Spin(lambda: self.now)

    def wait(self, after: float, seconds: float | None = None) -> list[str]:
        """Wait for it; returns what came."""
        self.looks.clear()
        self.due = self.now + after
        return list(self.spin.wait(self._look, seconds))

    def _look(self, seconds: float | None) -> list[str]:
        self.looks.append(seconds)
        self.now += self.cost if seconds == 0 else 1e-6
        if seconds is None:
            self.now = max(self.now, self.due)
        else:
            self.now = min(max(self.now, self.due), self.now + seconds)
        return ["it"] if self.now >= self.due else []

    @property
    def slept(self) -> bool:
        return self.looks[-1] != 0


def test_who_waits_goes_to_sleep_at_first() -> None:
    world = World()
    assert world.wait(SOON) == ["it"] and world.looks == [None]


def test_what_came_soon_is_looked_for_the_next_time() -> None:
    world = World()
    world.wait(SOON)
    for _ in range(3):
        assert world.wait(SOON) == ["it"] and not world.slept and len(world.looks) > 1


def test_what_does_not_come_soon_is_waited_for_asleep_after_a_while_and_then_at_once() -> None:
    world = World()
    world.wait(SOON)
    assert world.wait(LATE) == ["it"] and world.slept and 10 < len(world.looks) < 200
    assert world.wait(LATE) == ["it"] and world.looks == [None]
    for _ in range(2):
        assert world.wait(SOON) == ["it"] and world.looks == [None]
    assert world.wait(SOON) == ["it"] and not world.slept


@pytest.mark.parametrize("look", [1e-6, 0.005])
def test_who_looks_in_vain_or_finds_late_looks_ever_more_seldom(look: float) -> None:
    # Either what comes takes longer than looking does, and yet comes soon; or each look takes
    # as long as a thread keeps the interpreter.
    world = World(look)
    looked = [number for number in range(2000) if world.wait(0.00012) and 0 in world.looks]
    gaps = [later - earlier for earlier, later in zip(looked, looked[1:])]
    assert gaps[:6] == [2, 4, 8, 16, 32, 64] and gaps[-1] == 256


def test_who_finds_something_soon_again_looks_more_often_again() -> None:
    world = World()
    for _ in range(600):
        world.wait(0.00012)
    looked = [number for number in range(2000) if world.wait(SOON) and not world.slept]
    gaps = [later - earlier for earlier, later in zip(looked, looked[1:])]
    assert gaps[-1] == 1


def test_a_limit_that_is_over_counts_as_late() -> None:
    world = World()
    world.wait(SOON)
    assert world.wait(LATE, 0.001) == [] and world.looks[-1] == 0.001
    assert world.wait(SOON) == ["it"] and world.looks == [None]


def test_who_has_less_time_than_that_does_not_look_for_longer() -> None:
    for limit in (0, 0.00001):
        world = World()
        world.wait(SOON)
        assert world.wait(LATE, limit) == [] and world.looks == [limit]
