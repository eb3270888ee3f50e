"""What still runs, in a line now and then, while no task ends: for where no live line is.

    no task has ended for 30 s; still running: net/tcp (41 s), net/udp (33 s)

What has run longest stands first. The first line comes after FIRST seconds, the next when twice as
many have gone by as at the last, or SECOND of them. When a task ends, it begins anew.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable

FIRST, SECOND = 10.0, 30.0

# So many tasks are named in a line.
_NAMED = 8


class Still:
    """Tells by `say`, in a line, what runs when nothing has ended for some time.

    `now` is in seconds on any clock that is always the same; `begun` is when the run began. `key`
    tells tasks of the same name apart; without one, the name is it. The methods may be called from
    several threads. `tick` has to be called now and then.
    """

    def __init__(self, say: Callable[[str], object], begun: float) -> None:
        # Configuration.
        self._say = say
        # State.
        self._lock = threading.Lock()  # held while anything below changes
        # By key, the name of each task that runs, and when it began.
        self._running: dict[Hashable, tuple[str, float]] = {}
        self._since = begun  # when something has ended last
        self._patience = FIRST  # how many seconds after that there is a line

    def began(self, name: str, now: float, key: Hashable = None) -> None:
        """The task began; told again before it ended, it began anew."""
        with self._lock:
            self._running[key or name] = name, now

    def waits(self, name: str, now: float, key: Hashable = None) -> None:
        """The task runs no more, and waits for another attempt."""
        with self._lock:
            self._running.pop(key or name, None)

    def ended(self, name: str, outcome: str, now: float, key: Hashable = None) -> None:
        """The task ended; it may never have begun."""
        with self._lock:
            self._running.pop(key or name, None)
            self._since, self._patience = now, FIRST

    def tick(self, now: float) -> None:
        """Say what runs, if it is time to and something does."""
        with self._lock:
            quiet = now - self._since
            if quiet < self._patience or not self._running:
                return
            self._patience = max(SECOND, 2 * self._patience)
            running = what_runs(self._running.values(), now)
        self._say(f"no task has ended for {_seconds(quiet)}; still running: {running}")


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
