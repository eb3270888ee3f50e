"""How much room texts take in a page, and how it is shared among them."""

from __future__ import annotations

import json
from typing import Any

from .texts import plain, shortened

# Fewer characters than these aren't worth having of a text.
_LEAST = 8


def as_json(value: Any) -> str:
    """JSON in ASCII that can stand inside of an HTML element, as nothing in it can end that."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def fitted(text: str, room: int) -> str:
    """As much of a text, made plain, as takes up so many bytes of JSON; says what it leaves out."""
    length = room
    while length >= _LEAST or len(text) <= length:
        kept = plain(shortened(text, length))
        size = len(as_json(kept))
        if size <= room:
            return kept
        length = min(length - 1, length * room // size, len(text))
    return f"[{len(text)} characters left out]"


class Room:
    """Bytes of a page for texts of one kind. What one doesn't need, those after it have more."""

    def __init__(self, size: int, most: int, least: int, texts: int) -> None:
        # Configuration.
        self.most = most  # bytes for a single text
        self.least = least  # bytes for a single text, as long as there are so many
        # State.
        self._left = size  # bytes that are still free; less than none if a note took more
        self._texts = texts  # how many texts are still to come

    def take(self, text: str) -> str:
        """The text, cut to the room that there is for it."""
        left = max(0, self._left)
        fair = max(left // max(1, self._texts), self.least if left >= self.least else 0)
        kept = fitted(text, min(self.most, fair))
        self._left -= len(as_json(kept))
        self._texts -= 1
        return kept
