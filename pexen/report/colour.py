"""Whether what is printed has colours, and which."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

AUTO, ALWAYS, NEVER = CHOICES = "auto", "always", "never"

_GREEN, _RED, _YELLOW, _DIM = "32", "31", "33", "2"

# By outcome of a task, or verdict of a result; others aren't coloured.
_COLOURS = {
    "ok": _GREEN,
    "fresh": _GREEN,
    "failed": _RED,
    "timeout": _RED,
    "lost": _RED,
    "fail": _RED,
    "blocked": _YELLOW,
    "cancelled": _YELLOW,
    "warn": _YELLOW,
    "skipped": _DIM,
    "skip": _DIM,
}


def wanted(choice: str, stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    """Whether to colour what goes to the stream; `choice` is what `--color` says, one of CHOICES.

    Where that is 'auto', NO_COLOR and then FORCE_COLOR decide, if they aren't empty (no-color.org,
    force-color.org), else whether it is a terminal that knows colours. A FORCE_COLOR of 0 means
    none, as for the programs of Node.
    """
    if choice != AUTO:
        return choice == ALWAYS
    if environ.get("NO_COLOR"):
        return False
    forced = environ.get("FORCE_COLOR")
    if forced:
        return forced != "0"
    try:
        return stream is not None and stream.isatty() and environ.get("TERM") != "dumb"
    except ValueError:  # it is closed
        return False


def painted(text: str, outcome: str) -> str:
    """The text in the colour of an outcome or verdict."""
    colour = _COLOURS.get(outcome)
    return f"\x1b[{colour}m{text}\x1b[0m" if colour and text else text
