"""What a worker was doing when it was ended, for people: the frames of its tasks only."""

from __future__ import annotations

import itertools
import sys
import traceback

from .. import call

_CRASH = "Fatal Python error"


def _is_caller(entry: str) -> bool:
    return any(f'File "{file}", line ' in entry for file in call.callers)


def add_stacks(error: BaseException, stacks: str) -> None:
    """Have an error tell, as a note, what a worker was doing when it was ended."""
    if stacks:
        error.add_note(f"what its worker was doing:\n{stacks.rstrip()}")


def of_thread(ident: int | None) -> str:
    """The stack of another thread of this process, as in a traceback."""
    frame = sys._current_frames().get(ident or 0)
    entries = [] if frame is None else traceback.format_stack(frame)
    own = list(itertools.dropwhile(lambda entry: not _is_caller(entry), entries)) or entries
    own = list(itertools.dropwhile(_is_caller, own))
    return "".join(["Stack (most recent call last):\n", *own]) if own else ""


def last_crash(dump: str) -> str:
    """Of what faulthandler wrote, the last crash: those before it were of child processes."""
    return "".join(dump.rpartition(_CRASH)[1:])


def without_callers(dump: str) -> str:
    """What faulthandler wrote, without what called the task; the innermost is first there."""
    kept = []
    inside = True
    for line in dump.splitlines():
        if not line.startswith("  File "):
            inside = True  # the head of another thread
        elif _is_caller(line):
            inside = False
        if inside:
            kept.append(line)
    return "\n".join(kept)
