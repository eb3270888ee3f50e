"""What still runs, in a line now and then: for where no live line is.

    no task has ended for 30 s; still running: net/tcp (41 s), net/udp (33 s)
    still running: net/tcp (1 min 0 s)

The first is said when nothing has ended for FIRST seconds, and again when twice as many have gone
by as at the last, or SECOND of them. When a task ends, it begins anew.

The second is said while other tasks end, of one that itself has run for LONG seconds, or for
SLOWER times of what it is expected to take if that is more, and again each time that doubles.

What has run longest stands first.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

FIRST, SECOND = 10.0, 30.0
LONG, SLOWER = 30.0, 3.0

# So many tasks are named in a line.
_NAMED = 8


class Still:
    """Tells by `say`, in a line, what runs when nothing has ended, or it itself runs, for long.

    `now` is in seconds on any clock that is always the same; `begun` is when the run began. `key`
    tells tasks of the same name apart; without one, the name is it. `expected` has, by key, the
    seconds that tasks are expected to take, as far as that is known. The methods may be called from
    several threads. `tick` has to be called now and then.
    """

    def __init__(
        self,
        say: Callable[[str], object],
        begun: float,
        expected: Mapping[Any, float | None] | None = None,
    ) -> None:
        # Configuration.
        self._say = say
        self._expected = expected or {}
        # State.
        self._lock = threading.Lock()  # held while anything below changes
        # By key, the name of each task that runs, and when it began.
        self._running: dict[Hashable, tuple[str, float]] = {}
        # For how long each of them has to have run to be named next.
        self._limits: dict[Hashable, float] = {}
        self._since = begun  # when something has ended last
        self._patience = FIRST  # how many seconds after that there is a line

    def began(self, name: str, now: float, key: Hashable = None) -> None:
        """The task began; told again before it ended, it began anew."""
        key = key or name
        with self._lock:
            self._running[key] = name, now
            self._limits[key] = max(LONG, SLOWER * (self._expected.get(key) or 0.0))

    def waits(self, name: str, now: float, key: Hashable = None) -> None:
        """The task runs no more, and waits for another attempt."""
        with self._lock:
            self._forget(key or name)

    def ended(self, name: str, outcome: str, now: float, key: Hashable = None) -> None:
        """The task ended; it may never have begun."""
        with self._lock:
            self._forget(key or name)
            self._since, self._patience = now, FIRST

    def _forget(self, key: Hashable) -> None:
        self._running.pop(key, None)
        self._limits.pop(key, None)

    def tick(self, now: float) -> None:
        """Say what runs, if it is time to and something does."""
        with self._lock:
            quiet = now - self._since
            if quiet < FIRST:
                head, running = "still running", self._take_long(now)
            elif quiet >= self._patience and self._running:
                self._patience = max(SECOND, 2 * self._patience)
                self._take_long(now)  # they are named here
                head = f"no task has ended for {_seconds(quiet)}; still running"
                running = list(self._running.values())
            else:
                return  # what runs, if anything, was named when it was time to
        if running:
            self._say(f"{head}: {what_runs(running, now)}")

    def _take_long(self, now: float) -> list[tuple[str, float]]:
        """Those that have run for so long that they are to be named; that is at twice the next."""
        found = []
        for key, (name, begun) in self._running.items():
            if now - begun >= self._limits[key]:
                found.append((name, begun))
                while now - begun >= self._limits[key]:
                    self._limits[key] *= 2
        return found


def what_runs(running: Iterable[tuple[str, float]], now: float) -> str:
    """Names and when they began as a list to be read: those that run longest come first."""
    longest = sorted(running, key=lambda item: item[1])
    named = [f"{name} ({_seconds(now - begun)})" for name, begun in longest[:_NAMED]]
    others = len(longest) - len(named)
    return ", ".join(named) + (f" and {others} more" if others else "")


def _seconds(amount: float) -> str:
    minutes, rest = divmod(int(max(0.0, amount)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
