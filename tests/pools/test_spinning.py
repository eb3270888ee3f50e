"""Waiting without going to sleep, on a clock that only the one who looks moves."""

from __future__ import annotations

from pexen.sched.pool.spinning import Spin

SOON, LATE = 0.00002, 0.01  # seconds


class World:
    """Something comes `after` so many seconds; a look takes 1 µs. Notes how long looks may take."""

    def __init__(self) -> None:
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
        self.now += 1e-6
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
    assert world.wait(SOON) == ["it"] and world.looks == [None]
    assert world.wait(SOON) == ["it"] and not world.slept


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
