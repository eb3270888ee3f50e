"""How a worker process is ended for the sake of the task that it runs.

    LOOKING   its stacks are being written down
    ASKED     it and its group had SIGTERM, and have `grace` seconds
    KILLED    they had SIGKILL

From LOOKING on, the outcome of the task is settled, whatever it still does. The process
may end in any of these states. If in ASKED, others of its group have the rest of the time.
"""

from __future__ import annotations

import contextlib
import os
import signal

from ..common import Outcome, TaskLostError, TaskTimeoutError
from .stacks import add_stacks

# The signal at which a worker writes its stacks down: one that programs hardly use.
LOOK_SIGNAL: int | None = getattr(signal, "SIGRTMAX", None)

# Seconds to wait for the stacks of a process that doesn't get to run, or is asleep in the kernel.
_LOOK_SECONDS = 0.5

# When nothing more has come for so long, they are complete.
_QUIET_SECONDS = 0.02

# How often to see whether others of a group have ended, of which nobody tells.
_LOOK_AGAIN_SECONDS = 0.01

LOOKING, ASKED, KILLED = "looking", "asked", "killed"


class Ending:
    """The end of a worker's process group, step by step."""

    def __init__(self, group: int, seq: int, outcome: Outcome, why: str, grace: float) -> None:
        self.seq = seq  # of the item
        self.outcome = outcome
        self.why = why
        self.next_moment: float | None = None  # when to `go_on`
        self._group = group
        self._grace = grace
        self._state = LOOKING
        self._look_until = 0.0
        self._kill_at = 0.0

    def begin(self, now: float) -> None:
        """Take the first step."""
        if LOOK_SIGNAL is None:
            self._ask(now)
            return
        self.next_moment = self._look_until = now + _LOOK_SECONDS
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._group, LOOK_SIGNAL)
        signal_group(self._group, signal.SIGCONT)  # a stopped process handles no signal

    def saw_stacks(self, now: float) -> None:
        """Some of the stacks have come."""
        if self._state is LOOKING:
            self.next_moment = min(now + _QUIET_SECONDS, self._look_until)

    def hurry(self, now: float) -> None:
        """Somebody doesn't want to wait for the stacks."""
        if self._state is LOOKING:
            self._ask(now)

    def go_on(self, now: float) -> None:
        """Take the next step; its time has come."""
        if self._state is LOOKING:
            self._ask(now)
        elif now >= self._kill_at:
            self._state = KILLED
            self.next_moment = None
            signal_group(self._group, signal.SIGKILL)
        else:
            self.next_moment = min(now + _LOOK_AGAIN_SECONDS, self._kill_at)

    def _ask(self, now: float) -> None:
        self._state = ASKED
        self.next_moment = self._kill_at = now + self._grace
        signal_group(self._group, signal.SIGTERM)
        signal_group(self._group, signal.SIGCONT)

    def lingers(self, now: float) -> bool:
        """Whether, after its leader's end, others of the group still have time to end."""
        if self._state is not ASKED or now >= self._kill_at or not clear_group(self._group):
            return False
        self.next_moment = min(now + _LOOK_AGAIN_SECONDS, self._kill_at)
        return True

    def error(self, stacks: str) -> TaskTimeoutError | TaskLostError:
        """What the task's result says of it."""
        error: TaskTimeoutError | TaskLostError
        if self.outcome is Outcome.TIMEOUT:
            error = TaskTimeoutError(self.why)
        else:
            error = TaskLostError(self.why)
        add_stacks(error, stacks)
        return error


def signal_group(group: int, number: int) -> None:
    """Send a signal to a process, not reaped yet, and to all that are in the group of its number."""
    led = False
    with contextlib.suppress(ProcessLookupError):
        led = os.getpgid(group) == group
    # Nobody is in the group if the process doesn't lead it yet; in another one somebody may have
    # become another user.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
    # One that came to lead it meanwhile may have missed that: it hears of it twice, or once.
    with contextlib.suppress(ProcessLookupError):
        if not led or os.getpgid(group) != group:
            os.kill(group, number)


def clear_group(group: int) -> bool:
    """Reap who of the group is ours and has ended; returns whether there is anybody left.

    Its leader was a child of ours, and is reaped. Zombies that are somebody else's to reap count.
    """
    with contextlib.suppress(ChildProcessError):
        # Where orphans become our children, as those of a container's first process do,
        # nobody else clears those away that have ended.
        while os.waitpid(-group, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
