"""What is said of a task and how it ended, in one line or in full."""

from __future__ import annotations

import signal
from typing import NamedTuple

from ..sched import (
    ExceptionInfo,
    Outcome,
    TaskFailError,
    TaskLostError,
    TaskRes,
    TaskTimeoutError,
)
from ..sched.place import place_of
from .texts import printable, shortened

# Characters of a reason, which is to be read in a line.
_LONGEST_LINE = 1000

# Outcomes that leave nothing to be desired: of tasks, and of the tests in a unittest class.
GOOD = (Outcome.OK, Outcome.FRESH, Outcome.SKIPPED)
_GOOD_METHODS = (*GOOD, "expected failure", "warn", "skip", "info")

# Exceptions whose type says no more than the outcome does.
_PLAIN = (TaskFailError, TaskLostError, TaskTimeoutError)


class Method(NamedTuple):
    """How one of several tests in a task ended; `note` is a reason or a traceback."""

    name: str
    outcome: str
    note: str

    @property
    def failed(self) -> bool:
        """Whether it makes its task fail."""
        return self.outcome not in _GOOD_METHODS


def methods(res: TaskRes) -> list[Method]:
    """What the task reported, and the tests that its return value lists in its `results`."""
    findings = getattr(res, "findings", ())
    found = [Method(each.name, each.verdict, each.note) for each in findings]
    return [*found, *_listed(res)]


def _listed(res: TaskRes) -> list[Method]:
    try:
        found = getattr(res.ret, "results", None)
        if not isinstance(found, (list, tuple)):
            return []
        return [Method(str(name), str(outcome), str(note or "")) for name, outcome, note in found]
    except Exception:  # a value of the user's, whose `results` is something else
        return []


def reason(res: TaskRes) -> str:
    """Why the task didn't end well, in a line; empty if it did."""
    info = res.excinfo
    if info is None or res.outcome in (Outcome.OK, Outcome.FRESH):
        return ""
    status = exit_status(info)
    if status:
        return status
    import subprocess

    words = ""
    if isinstance(res.ret, subprocess.CompletedProcess) and res.ret.returncode:
        return f"exit status {res.ret.returncode}"
    if info.val is not None and (res.outcome is Outcome.SKIPPED or type(info.val) in _PLAIN):
        words = _first_line(_str(info.val))
    return printable(shortened(words or headline(_text(info)), _LONGEST_LINE))


def in_full(res: TaskRes) -> str:
    """All that is known of why the task failed, in several lines."""
    info = res.excinfo
    if info is None:
        return ""
    status = exit_status(info)
    place = place_of(res.task)
    if status and place.file is not None and place.line is None:
        return f"{printable(place.file)}: {status}"  # of a file that is run all frames are ours
    if isinstance(info.val, (TaskLostError, TaskTimeoutError)):
        notes = getattr(info.val, "__notes__", ())
        return "\n".join([_str(info.val), *map(str, notes)])
    return shortened(_text(info).rstrip("\n"))


def exit_status(info: ExceptionInfo) -> str:
    """How the external program ended whose failure this is; empty if it is none's."""
    import subprocess  # only where something failed; it is no light import

    error = info.val
    if not isinstance(error, subprocess.CalledProcessError):
        return ""
    code = error.returncode
    if not isinstance(code, int):
        return ""
    if type(error) is not subprocess.CalledProcessError:
        return printable(_first_line(_str(error)))  # what a status means that is the custom
    if code >= 0:
        return f"exit status {code}"
    try:
        return f"ended by signal {signal.Signals(-code).name}"
    except ValueError:
        return f"ended by signal {-code}"


def headline(text: str) -> str:
    """Of a traceback the line with the exception, of other text the first line."""
    lines = text.splitlines()
    frames = [place for place, line in enumerate(lines) if line.startswith('  File "')]
    for line in lines[frames[-1] :] if frames else lines:
        if line.strip() and not line.startswith(" "):
            return line
    return _first_line(text)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _text(info: ExceptionInfo) -> str:
    try:
        return info.text
    except Exception as exc:  # an exception of the user's that can't be shown
        return f"{info.type!r} (its text can't be had: {type(exc).__name__})"


def _str(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as exc:
        return f"{type(error).__name__} (its text can't be had: {type(exc).__name__})"
