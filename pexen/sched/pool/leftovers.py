"""What earlier tasks have left running in a worker's process group, and so ends with the worker.

A server that a task has started is there to be used by others, which fail when it is gone. So who
is to blame for that says so. As /proc shows it; where there is none, nothing is said. What Python's
multiprocessing starts for its own use isn't told of, as it comes anew when it is wanted.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterator

# So many of them are named, by so many characters of their commands.
_NAMED = 5
_LONGEST = 100

# A forkserver's children look like it, and aren't told of either.
_OF_PYTHON = re.compile(r" -c from multiprocessing\.(resource_tracker|forkserver) import main\b")

# Where, in a line of /proc after the command, the state, the group and the time of the start are.
_STATE, _GROUP, _START = 0, 2, 19


def leftovers(group: int, since: float | None) -> str:
    """A clause on what runs in the group of that leader since before a moment; empty if nothing.

    `since` is when the task before the leader's last one ended, as of time.monotonic(); None if
    there was none. The system counts in hundredths of a second, and what was started in the last of
    them isn't told.
    """
    if since is None:
        return ""
    found: list[str] = []
    with contextlib.suppress(OSError, ValueError, AttributeError):  # no such /proc, no such clock
        found.extend(_commands(group, time.monotonic() - since))
    if not found:
        return ""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    named = ", ".join(found[:_NAMED])
    return f"; with its worker ended what earlier tasks had left running in it: {named}{more}"


def _commands(group: int, age: float) -> Iterator[str]:
    """The commands, with their pids, of those in the group that are older than so many seconds."""
    tick = 1 / os.sysconf("SC_CLK_TCK")
    latest = time.clock_gettime(time.CLOCK_BOOTTIME) - age - tick
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == group:
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
            mine = int(fields[_GROUP]) == group and fields[_STATE] not in (b"Z", b"X")
            if mine and int(fields[_START]) * tick <= latest:
                command = _command(entry)
                if not _OF_PYTHON.search(command):
                    yield f"{_shortened(command)!r} (pid {entry})"


def _command(pid: str) -> str:
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        return file.read().replace(b"\0", b" ").decode(errors="backslashreplace").strip()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
