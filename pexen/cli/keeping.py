"""The state of the current folder, as `pexen run` uses it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ..report.words import GOOD, in_full, methods, reason
from ..sched.common import Task, TaskRes
from ..state import Keeper, keeping
from ..state.recorder import Told
from .ending import say


@contextlib.contextmanager
def kept_state(wanted: bool, tasks: Sequence[Task]) -> Iterator[Keeper]:
    """The state, which no other run has meanwhile; one that knows nothing if it isn't wanted.

    `tasks` are all that there are, of which some are run.
    """
    if not wanted:
        yield Keeper(None)
        return
    with keeping(waits=_wait) as keeper:
        keeper.told = _told
        keeper.number(tasks)
        yield keeper


def _wait(holder: str) -> None:
    say("note", f"the state is used by {holder}; waiting for it to end (or use --no-state)")


def _told(res: TaskRes) -> Told:
    """A result in the words that the command has for it."""
    found = [each._asdict() for each in methods(res)]
    output = getattr(res, "output", None)
    if res.outcome in GOOD:
        return Told(reason(res) or None, None, output, found)
    return Told(reason(res), in_full(res), output, found)
