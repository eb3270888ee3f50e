"""Waiting without going to sleep, on a clock that only the one who looks moves."""

from __future__ import annotations

import sys
import threading

import pytest

from pexen.sched.pool.spinning import Spin, let_interpreter_go

SOON, NOT_QUITE, LATE = 0.00002, 0.00011, 0.01  # seconds
WAKING = 0.00003  # seconds until one who sleeps is woken


class World:
    """Something comes `after` so many seconds; a look takes as long as `look` says.

    Notes how long each look was allowed to wait.
    """

    def __init__(self, look: float = 1e-6, processors: int = 2) -> None:
        self.cost = look
        self.now = 0.0
        self.looks: list[float | None] = []
        self.due = 0.0
        self.pauses = 0
        self.spin = Spin(lambda: self.now, processors, self._pause)

    def wait(self, after: float, seconds: float | None = None) -> list[str]:
        """Wait for it; returns what came."""
        self.looks.clear()
        self.due = self.now + after
        return list(self.spin.wait(self._look, seconds))

    def _pause(self) -> None:
        self.pauses += 1

    def _look(self, seconds: float | None) -> list[str]:
        self.looks.append(seconds)
        self.now += self.cost if seconds == 0 else 1e-6
        if seconds is None:
            self.now = max(self.now, self.due + WAKING)
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


def looked_at(world: World, after: float, waits: int) -> list[int]:
    """How many waits were between those in which it was looked for."""
    looked = [number for number in range(waits) if world.wait(after) and 0 in world.looks]
    return [later - earlier for earlier, later in zip(looked, looked[1:])]


def test_who_looks_in_vain_looks_ever_more_seldom() -> None:
    gaps = looked_at(World(), NOT_QUITE, 2000)
    assert gaps[:6] == [2, 4, 8, 16, 32, 64] and gaps[-1] == 256


def test_who_finds_later_than_asleep_looks_ever_more_seldom() -> None:
    # Each look takes as long as a thread keeps the interpreter, so the one after it comes late.
    gaps = looked_at(World(look=0.005), SOON, 2000)
    assert gaps[:6] == [3, 5, 9, 17, 33, 65] and gaps[-1] == 257


def test_luck_now_and_then_does_not_make_who_mostly_finds_late_look_more_often() -> None:
    world = World()
    world.wait(SOON)
    looks = 0
    for number in range(4000):
        world.cost = 1e-6 if looks % 2 else 0.005
        world.wait(SOON)
        looks += 0 in world.looks
    assert looks < 40


def test_who_finds_something_soon_again_looks_more_often_again() -> None:
    world = World()
    looked_at(world, NOT_QUITE, 600)
    assert looked_at(world, SOON, 20_000)[-100:] == 100 * [1]


def test_what_takes_very_long_once_is_soon_forgotten() -> None:
    world = World()
    for after in (SOON, SOON, 10.0):
        world.wait(after)
    assert looked_at(world, SOON, 100)[-50:] == 50 * [1]


@pytest.mark.parametrize("before", [0, 600])
def test_who_found_it_soon_for_long_soon_does_so_again(before: int) -> None:
    world = World()
    looked_at(world, NOT_QUITE, before)
    looked_at(world, SOON, 20_000)
    for after in 4 * (LATE, SOON):
        world.wait(after)
    assert looked_at(world, SOON, 100)[-20:] == 20 * [1]


def test_on_a_single_processor_nobody_looks() -> None:
    world = World(processors=1)
    assert not looked_at(world, SOON, 10) and world.looks == [None]


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


def test_before_each_look_is_a_pause() -> None:
    world = World()
    world.wait(SOON)
    assert not world.pauses
    world.wait(SOON)
    assert world.pauses == world.looks.count(0) > 1


def test_in_a_pause_of_threads_another_one_gets_the_interpreter() -> None:
    barred, done = threading.Lock(), []

    def work() -> None:
        with barred:
            done.append(None)

    interval = sys.getswitchinterval()
    barred.acquire()
    thread = threading.Thread(target=work)
    thread.start()
    try:
        sys.setswitchinterval(1000)  # seconds: nobody is asked to let the interpreter go
        barred.release()
        pauses = 0
        while not done and pauses < 10_000:
            let_interpreter_go()
            pauses += 1
    finally:
        sys.setswitchinterval(interval)
    assert done
    thread.join()
