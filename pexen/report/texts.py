"""What of a text a report can hold: no more than so much, and nothing that its format forbids."""

from __future__ import annotations

import re

# Of a longer text the beginning and the end are kept, so many characters in all.
LIMIT = 1_000_000

# What says so, here and where an output was captured that was long.
_NOTE = re.compile(r"\n\[([0-9]{1,15}) (?:bytes|characters) left out\]\n")


def shortened(text: str, limit: int = LIMIT) -> str:
    """The text, of which the middle is left out if it is too long, and that is said.

    If something was left out of that middle before, for the sake of a limit like this one, it
    counts, too.
    """
    if len(text) <= limit:
        return text
    half = limit // 2
    left_out = len(text) - 2 * half
    if len(text) < 10 * limit:  # else looking for that would take longer than all the rest
        for note in _NOTE.finditer(text, half, len(text) - half):
            left_out += int(note[1]) - len(note[0])
    return f"{text[:half]}\n[{left_out} characters left out]\n{text[-half:]}"


# All that XML 1.0 has no way to write, not even as a reference; lone surrogates among it.
_NO_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")


def for_xml(text: str) -> str:
    """The text with escapes, as Python writes them, for what XML can't have."""
    return _NO_XML.sub(_escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


# Sequences that a terminal takes as orders: colours and the like, titles, and single characters.
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")

# What is left has no place in a text, or makes it look other than it is, or can't be encoded.
_NOT_PLAIN = re.compile(
    "[\0-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)


def plain(text: str) -> str:
    """The text without a terminal's orders, and with escapes for what can't be shown."""
    text = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _NOT_PLAIN.sub(_escaped, text)


def printable(text: str) -> str:
    """The text in one line: control characters and the like are written as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
