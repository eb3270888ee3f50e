"""The live line: the last line of a terminal, which says how far a run is while it goes on.

    [17/240] 2 failed, eta 0:12 | running: net/tcp (3.2 s), net/udp +3

Of what runs, what began first stands first, and has its time when it runs for a second or more.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import threading
from collections.abc import Callable, Hashable, Mapping
from typing import Any, TextIO

from .columns import end_of, width
from .estimate import Estimate

# The seconds from one drawing to the next, at least.
INTERVAL = 0.1

# The fewest columns in which it makes sense to show a part of a name.
_LEAST = 12

_ERASE = "\r\x1b[K"

_FAILED = frozenset({"failed", "timeout", "lost"})

# Outcomes of tasks that didn't do their work, and so say nothing of how long it takes.
_IDLE = frozenset({"fresh", "skipped", "cancelled", "blocked"})


def wanted(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal on which a line can be drawn again and again."""
    try:
        return stream is not None and stream.isatty() and environ.get("TERM") != "dumb"
    except ValueError:  # it is closed
        return False


def _columns() -> int:
    return shutil.get_terminal_size().columns


class Live:
    """The live line of a run of `total` tasks, on a stream for which it is `wanted`.

    `key` tells tasks of the same name apart; without one, the name is it. `expected` has, by key,
    the seconds that tasks of this run are expected to take, as far as that is known. `now` is in
    seconds on any clock that is always the same. `total` may be changed.

    All that is printed meanwhile has to go through `above`. The methods may be called from
    several threads. The line is drawn at what is told, though not sooner than INTERVAL after the
    last time; so that it moves on while nothing is told, call `tick` now and then. That may be
    done from a signal handler, too, as it doesn't wait for a call that is under way.

    A stream that can't be written to ends the live line without a word; only `above` raises.
    """

    def __init__(
        self,
        stream: TextIO,
        total: int,
        workers: int = 1,
        expected: Mapping[Any, float | None] | None = None,
        columns: Callable[[], int] = _columns,
    ) -> None:
        # Configuration.
        self.total = total
        self._stream = stream
        self._encoding = getattr(stream, "encoding", None) or "utf-8"
        self._columns = columns  # how wide the terminal is now
        # State.
        self._lock = threading.Lock()  # held while anything below changes, or is written
        self._done = 0
        self._failed = 0
        # By key, the name of each task that runs, and when it began.
        self._running: dict[Hashable, tuple[str, float]] = {}
        self._estimate = Estimate(workers, expected or {})
        self._due = -math.inf  # nothing is drawn before; inf if nothing is to be drawn any more
        self._drawn = ""  # what stands there; empty if nothing does
        self._drawn_in = 0  # how wide the terminal was then

    def began(self, name: str, now: float, key: Hashable = None) -> None:
        """The task began; told again before it ended, it began anew."""
        with self._lock:
            self._running[key or name] = name, now
            if now >= self._due:
                self._draw(now)

    def waits(self, name: str, now: float, key: Hashable = None) -> None:
        """The task runs no more, and waits for another attempt."""
        with self._lock:
            self._running.pop(key or name, None)
            if now >= self._due:
                self._draw(now)

    def ended(self, name: str, outcome: str, now: float, key: Hashable = None) -> None:
        """The task ended; it may never have begun."""
        with self._lock:
            known = self._running.pop(key or name, None)
            self._done += 1
            if outcome in _FAILED:
                self._failed += 1
            took = None if known is None or outcome in _IDLE else max(0.0, now - known[1])
            self._estimate.ended(key or name, took)
            if now >= self._due:
                self._draw(now)

    def tick(self, now: float) -> None:
        """Draw the line, if it is time to."""
        if now >= self._due and self._lock.acquire(blocking=False):
            try:
                self._draw(now)
            finally:
                self._lock.release()

    def above(self, text: str) -> None:
        """Print the text and a newline above the line, which then stands there as before.

        Raises OSError if it can't be written.
        """
        with self._lock:
            start = _ERASE if self._drawn else ""
            if self._columns() != self._drawn_in:
                self._drawn = ""  # it might be too wide now; it is drawn when it is time to
            try:
                self._write(f"{start}{text}\n{self._drawn}")
            except OSError:
                self._give_up()
                raise

    def close(self) -> None:
        """Erase the line, and draw it no more."""
        with self._lock:
            drawn = self._drawn
            self._give_up()
            if drawn:
                with contextlib.suppress(OSError, ValueError):
                    self._write(_ERASE)

    def _give_up(self) -> None:
        self._due, self._drawn = math.inf, ""

    def _draw(self, now: float) -> None:
        if self._due == math.inf:
            return
        self._due = now + INTERVAL
        self._drawn_in = self._columns()
        # In the last column, terminals differ about where the next character goes; and a Ctrl-C is
        # shown behind the line, in two columns.
        line = self._line(now, self._drawn_in - 2)
        if line != self._drawn:
            self._drawn = line
            try:
                self._write(_ERASE + line)
            except (OSError, ValueError):  # ValueError: it is closed
                self._give_up()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _line(self, now: float, columns: int) -> str:
        head = f"[{self._done}/{self.total}]"
        facts = [f"{self._failed} failed"] if self._failed else []
        running = {key: begun for key, (_, begun) in self._running.items()}
        left = self._estimate.left(now, self.total - self._done, running)
        if left:  # at 0, tasks run longer than expected, and there is nothing to be said
            facts.append(f"eta {_clock(math.ceil(left))}")
        if facts:
            head += f" {', '.join(facts)}"
        head = head[: max(columns, 0)]
        return head + self._what_runs(now, columns - len(head))

    def _what_runs(self, now: float, columns: int) -> str:
        label = " | running: "
        others = len(self._running) - 1
        columns -= len(label) + (len(f" +{others}") if others else 0)
        shown: list[str] = []
        for name, begun in self._running.values():
            took = f" ({_duration(now - begun)})" if now - begun >= 1 else ""
            room = columns - len(took)
            if room < min(len(name), _LEAST):
                break
            part = end_of(name, room, self._encoding)
            shown.append(part + took)
            columns = room - width(part) - len(", ")
        if not shown:
            return ""
        others = len(self._running) - len(shown)
        return label + ", ".join(shown) + (f" +{others}" if others else "")


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else _clock(int(seconds))


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
