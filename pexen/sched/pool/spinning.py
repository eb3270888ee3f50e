"""Waiting for what mostly comes soon, without going to sleep for it.

Where one short task follows the other, both sides sleep once for each, and to be woken is most
of what it costs. So who waits looks again and again for a while before it sleeps, if what it
waited for last came soon. Locks that adapt do the same, and KVM before it halts a processor.
Measured on two processors, there and back between two threads took 50 µs asleep and 10 looking;
tasks in a chain through processes took 132 µs each, and 35.

Threads of one interpreter can't both have it. Who looks needs it for that, and who wants it while
the other has it goes to sleep after all: so between two looks it is to be let go for longer than
the other's work takes. Nothing in the standard library spends so little time without going to
sleep, but a checksum of many bytes is computed without the interpreter (`let_interpreter_go`).

It pays only where a processor is left over for it, and where nobody else wants the interpreter: a
thread that computes keeps that for 5 ms once it is let go. Who waits can't know that, but it knows
what a wait takes asleep. So who looks in vain, or finds later than asleep, goes to sleep at once
the next times: once, then three times, seven times and so on, and half as often each time that it
finds something sooner.
"""

from __future__ import annotations

import binascii
import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# How long to look for it: more than a hop there and back takes to who sleeps, as the other side
# may do so.
_LOOK_SECONDS = 0.0001

# What comes within that has come soon.
_SOON_SECONDS = 0.00015

# A wait that takes longer than that counts as little: it may be one of a kind.
_WORST_SECONDS = 0.0003

# Looking takes a processor, so it pays if what it finds comes that much sooner, or less.
_SOONER = 0.9

# How many waits in a row are spent asleep, at most, as looking was in vain.
_MOST_RESTS = 255

# Where the system has no such call, a sleep of no time does the same.
let_others_go = getattr(os, "sched_yield", lambda: time.sleep(0))

# To go through them takes 15 to 20 µs; what lets the interpreter go are more than 5,120.
_ZEROS = bytes(40 * 1024)


def let_interpreter_go() -> None:
    """Spend some 15 µs awake, while other threads may have the interpreter."""
    binascii.crc32(_ZEROS)


def usable_processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # another system
        return os.cpu_count() or 1


class Spin:
    """One who waits: `look` tells what is there, waiting for so many seconds, None for ever.

    `pause` is called before each look. On a single processor it always sleeps at once.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        processors: int | None = None,
        pause: Callable[[], object] = let_others_go,
    ) -> None:
        self._clock = clock
        self._pause = pause
        self._can_look = (processors or usable_processors()) > 1
        self._soon = False  # what came last came soon
        self._asleep = 0.0  # seconds that a wait takes asleep, a mean of those that were soon over
        self._awake = 0.0  # seconds that a wait takes looking, a mean of all
        self._rests = 0  # how many waits are still spent asleep
        self._price = 0  # how many that were after the last look that didn't pay

    def wait(self, look: Callable[[float | None], T], seconds: float | None) -> T:
        """What `look` finds in so many seconds, or little more."""
        if not self._can_look:
            return look(seconds)
        began = self._clock()
        likely = self._soon and (seconds is None or seconds > _LOOK_SECONDS)
        awake = likely and not self._rests
        if likely and not awake:
            self._rests -= 1
        found = (self._look(look, began) if awake else None) or look(seconds)
        took = self._clock() - began
        self._soon = bool(found) and took < _SOON_SECONDS
        if awake:
            self._awake = _mean(self._awake, min(took, _WORST_SECONDS))
            self._judge(took)
        elif self._soon:
            self._asleep = _mean(self._asleep, took)
        return found

    def _judge(self, took: float) -> None:
        """Whether it pays, and how many waits are spent asleep if it doesn't."""
        pays = _SOONER * self._asleep
        if self._awake < pays:
            self._price //= 2
            return
        if took >= pays:
            self._price = min(2 * self._price + 1, _MOST_RESTS)
        self._rests = self._price

    def _look(self, look: Callable[[float | None], T], began: float) -> T | None:
        clock, pause = self._clock, self._pause
        found = None
        while not found and clock() - began < _LOOK_SECONDS:
            pause()
            found = look(0)
        return found


def _mean(mean: float, newest: float) -> float:
    """A mean in which the newest counts a sixteenth; the first alone is one."""
    return mean + (newest - mean) / 16 if mean else newest
