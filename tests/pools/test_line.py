"""What threads hand over to each other, and how they are woken up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import deque
from typing import Any

import pytest

from pexen.sched.pool.line import Line
from pexen.sched.pool.spinning import Spin
from pexen.sched.pool.wakeup import Wakeup


@pytest.fixture(params=["descriptor", "none left", "another system"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> int:
        raise OSError(24, "too many open files")

    if request.param == "none left":
        monkeypatch.setattr(os, "eventfd", refuse)
    elif request.param == "another system":
        monkeypatch.delattr(os, "eventfd", raising=False)


@pytest.mark.usefixtures("kind")
class TestWakeup:
    def test_as_many_waits_end_as_it_was_rung(self) -> None:
        wakeup = Wakeup()
        for _ in range(3):
            wakeup.ring()
        assert [wakeup.wait(0.001) for _ in range(4)] == [True, True, True, False]

    def test_a_signal_does_not_end_a_wait(self) -> None:
        """One that came to an idle worker ended its thread, and the run waited for ever."""
        wakeup, ended = Wakeup(), threading.Event()

        def wait() -> None:
            wakeup.wait(None)
            ended.set()

        previous = signal.signal(signal.SIGUSR1, lambda *args: None)
        thread = threading.Thread(target=wait)
        try:
            thread.start()
            for _ in range(100):
                signal.pthread_kill(thread.ident or 0, signal.SIGUSR1)
            assert not ended.wait(0.05)
            wakeup.ring()
            assert ended.wait(30)
        finally:
            signal.signal(signal.SIGUSR1, previous)
            thread.join(30)

    def test_who_waits_is_woken(self) -> None:
        wakeup = Wakeup()
        threads = [threading.Thread(target=wakeup.wait, args=(None,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in threads:
            wakeup.ring()
        for thread in threads:
            thread.join(30)
        assert not any(thread.is_alive() for thread in threads)


@pytest.mark.usefixtures("kind")
@pytest.mark.parametrize("spins", [False, True])
def test_what_many_put_is_taken_once_and_in_order(spins: bool) -> None:
    line: Line[tuple[int, int]] = Line(Wakeup())
    taken: list[list[tuple[int, int]]] = [[], []]

    def put(number: int) -> None:
        for n in range(2000):
            line.put((number, n))

    def take(mine: list[tuple[int, int]]) -> None:
        spin = Spin() if spins else None
        while True:
            if not line.items:
                line.wait(None, spin)
            try:
                item = line.items.popleft()
            except IndexError:
                continue
            if item[1] < 0:
                return
            mine.append(item)

    putters = [threading.Thread(target=put, args=(number,)) for number in range(3)]
    takers = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for thread in putters + takers:
        thread.start()
    for thread in putters:
        thread.join(60)
    line.put_all([(0, -1), (0, -1)])
    for thread in takers:
        thread.join(60)
    assert sorted(taken[0] + taken[1]) == [(number, n) for number in range(3) for n in range(2000)]
    for mine in taken:
        for number in range(3):
            found = [n for who, n in mine if who == number]
            assert found == sorted(found)


class Bell:
    """In place of a Wakeup: notes whether it was waited for though an item was there."""

    def __init__(self) -> None:
        self.line: Any = None
        self.rings = 0
        self.overslept = False

    def ring(self) -> None:
        self.rings += 1

    def wait(self, seconds: float | None) -> bool:
        # In one line, as nothing can come between the parts of a wait either.
        self.overslept |= not self.rings and bool(self.line.items); return self.rings > 0  # noqa: E702


def test_a_signal_handler_may_put_whichever_line_of_waiting_it_comes_at() -> None:
    lines = 0
    while True:
        bell: Any = Bell()
        bell.line = line = Line[str](bell)
        left = lines

        def trace(frame: object, event: str, argument: object) -> object:
            nonlocal left
            if event == "line":
                left -= 1
                if left == -1:
                    sys.settrace(None)
                    line.put("item")
            return trace

        sys.settrace(trace)
        try:
            line.wait(None)
        finally:
            sys.settrace(None)
        assert not bell.overslept, f"the item put at line {lines} woke nobody"
        if left >= 0:
            break
        lines += 1
    assert lines > 4


def test_an_old_ring_ends_one_wait_and_no_more() -> None:
    """It left a note of who was not waiting any more, for whom the next one rang, and so on."""
    line, source = Line[str](Wakeup()), Line[str]()
    source.put("task")
    assert line._wakeup is not None
    line._wakeup.ring()
    line.wait_for_many(60, lambda: bool(source.items))
    line._wakeup.ring()
    line.wait(60)
    line.no_more()
    line.put("item")
    assert not line._wakeup.wait(0.001)


class TestWaitingForMany:
    def test_ends_when_there_will_be_no_more(self) -> None:
        def work() -> None:
            source.items.clear()
            line.put("result")
            line.no_more()

        class Busy(Wakeup):
            """The worker begins when it is waited for, so that it finds who waits."""

            def wait(self, seconds: float | None) -> bool:
                worker.start()
                return super().wait(seconds)

        source, line = Line[str](), Line[str](Busy())
        source.put("task")
        worker = threading.Thread(target=work)
        begin = time.monotonic()
        line.wait_for_many(60, lambda: bool(source.items))
        assert time.monotonic() - begin < 60, "it was never told"
        worker.join(60)
        assert list(line.items) == ["result"]

    def test_wakes_nobody_for_each_item(self) -> None:
        bell: Any = Bell()
        bell.line = line = Line[int](bell)
        source = Line[int]()
        source.put(0)
        bell.wait = lambda seconds: line.put(1) or line.put(2) or bell.rings > 0
        line.wait_for_many(60, lambda: bool(source.items))
        assert bell.rings == 0
        line.no_more()
        assert bell.rings == 0, "rung though nobody waits any more"

    def test_does_not_begin_where_there_is_nothing_to_come(self) -> None:
        """Else who has taken the last item, and said so already, would not say it again."""
        bell: Any = Bell()
        line = Line[int](bell)
        bell.wait = lambda seconds: pytest.fail("waits")
        line.wait_for_many(60, lambda: False)
        line.no_more()
        assert bell.rings == 0


def test_who_finds_less_than_was_there_has_what_was_left() -> None:
    """Others may take, too, while one is about to take all."""

    class Shrinking(deque[int]):
        def __len__(self) -> int:
            return super().__len__() + 2  # which others take meanwhile

    line: Line[int] = Line()
    line.items = Shrinking([1, 2, 3])
    assert line.take_all() == [1, 2, 3]


def test_a_line_that_is_forgotten_leaves_no_descriptor() -> None:
    before = len(os.listdir("/proc/self/fd"))
    line: Line[int] = Line(Wakeup())
    line.wait(0.001)
    del line
    assert len(os.listdir("/proc/self/fd")) == before


def test_who_does_not_go_to_sleep_needs_nobody_to_wake_him() -> None:
    wakeup = Wakeup()
    line: Line[int] = Line(wakeup)
    spin = Spin(clock=lambda: 0.0)  # as time stands still, everything comes soon
    line.put(1)
    line.wait(None, spin)
    line.items.clear()
    threading.Thread(target=line.put, args=(2,)).start()
    line.wait(None, spin)
    assert [*line.items] == [2] and not wakeup.wait(0.001)
