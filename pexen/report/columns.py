"""How many columns of a terminal a text takes, and as much of it as there is room for."""

from __future__ import annotations

import unicodedata

from .texts import printable

_DOTS = "..."


def width(text: str) -> int:
    """The columns that the text takes at most.

    Terminals differ about marks that combine with what stands before them; each counts as one.
    """
    if text.isascii():
        return len(text)
    return sum(map(_width_of, text))


def end_of(text: str, columns: int, encoding: str = "utf-8") -> str:
    """The text, made printable, or of one that is too wide the end, as that tells tasks apart.

    What the encoding has no way to write is shown as an escape, which takes columns as well.
    """
    # No character takes less than a column, so what stands before this is never shown.
    text = printable(text[-columns - 1 :] if columns > 0 else "")
    text = text.encode(encoding, "backslashreplace").decode(encoding)
    if width(text) <= columns:
        return text
    room = columns - len(_DOTS)
    start = len(text)
    while start and room >= (needed := _width_of(text[start - 1])):
        room -= needed
        start -= 1
    return _DOTS[: max(columns, 0)] + text[start:]


def _width_of(character: str) -> int:
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
