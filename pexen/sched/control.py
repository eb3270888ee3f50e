"""What was asked of a run from outside: to stop, to abort, to end by a deadline.

`ask` only sets what the other methods read, and may be called from any thread and from signal
handlers; acting on it is the run's business, in its own time.
"""

from __future__ import annotations

STOP, ABORT = "stop", "abort"


class Control:
    """Requests, and which of them have been seen to."""

    def __init__(self) -> None:
        self.requested = ""  # '', STOP or ABORT
        self.aborts = 0  # how often ABORT was asked for
        self.stopped = ""  # what of `requested` has been seen to
        # There may be something to see to. Always so with a deadline, which is looked at often.
        self.pending = False
        self.deadline: float | None = None  # when to abort, on the pool's clock
        self._aborts_seen = 0

    def ask(self, how: str) -> None:
        """Ask for STOP or ABORT; a second ABORT ends teardown tasks too."""
        if how == ABORT:
            self.requested = ABORT  # first, as those that are ended then aren't tried again
            self.aborts += 1
        else:
            self.requested = self.requested or STOP
        self.pending = True  # last, as it is what is looked at

    def set_deadline(self, moment: float) -> None:
        """Abort at `moment`, on the pool's clock."""
        self.deadline = moment
        self.pending = True

    def check_deadline(self, now: float) -> None:
        """Ask for ABORT if its time has come. All that was asked for till now is then seen to."""
        self.pending = self.deadline is not None
        if self.deadline is not None and now >= self.deadline and not self.aborts:
            self.ask(ABORT)

    def next_moment(self) -> float | None:
        """When the deadline has to be looked at, None if it needn't be."""
        return None if self.aborts else self.deadline

    def begin_stopping(self) -> bool:
        """Whether to begin to stop now; says so once for each step of severity."""
        begin = self.stopped != self.requested
        self.stopped = self.requested
        return begin

    def begin_killing(self) -> bool:
        """Whether to end what runs now; says so once for each ABORT."""
        begin = self._aborts_seen < self.aborts
        self._aborts_seen = self.aborts
        return begin

    @property
    def spares_teardown(self) -> bool:
        """Whether teardown tasks still run."""
        return self.aborts < 2
