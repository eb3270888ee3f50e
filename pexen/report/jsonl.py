"""JSON lines: an object in each line, written while the run goes on.

The first is `{"event": "run", "format": 1, "pexen": …, "began": …, "tasks": …}`, with the
version, when the run began in seconds since 1970, and the number of tasks. Then there is, for each
task that ended, `{"event": "result", …}`, with those of the keys of KEYS that are known and not
empty. The last is `{"event": "end", "elapsed": …, "interrupted": …, "outcomes": …}`, with the
seconds that the run took, and how many tasks ended in which outcome. It is missing if the
program was killed.
"""

from __future__ import annotations

import errno
import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, TextIO

from .texts import LIMIT, shortened

FORMAT = 1

KEYS = (
    "callpath", "name", "outcome", "verdict", "started", "duration", "attempts", "worker", "reason",
    "traceback", "output", "results", "attachments", "file", "line",
)  # fmt: skip

_KEYS = frozenset(KEYS)

# These may be long; they are shortened before all of it is encoded.
_TEXTS = ("reason", "traceback", "output")

# What is deeper is shown as text.
_DEPTH = 20

# A cycle is found without the costly check for it, as a RecursionError.
_encode = json.JSONEncoder(allow_nan=False, check_circular=False, separators=(",", ":")).encode


class Lines:
    """Writes a run's lines to a text stream, which the caller opened, and closes.

    What is told is kept until `flush`, which the caller calls at each checkpoint; `end` does
    so as well. Both raise OSError when the stream can't be written to, of the two of them only
    once; from then on nothing is written. The stream may say so again when it is closed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._broken = False
        self._waiting: list[str] = []  # lines that aren't written yet
        self._outcomes: Counter[str] = Counter()

    def begin(self, version: str, began: float, tasks: int) -> None:
        """The run began, at `began` in seconds since 1970."""
        about = {"format": FORMAT, "pexen": version, "began": began, "tasks": tasks}
        self._add({"event": "run", **about})

    def result(self, result: Mapping[str, Any]) -> None:
        """A task ended; `result` has of the keys in KEYS those that are known."""
        if self._broken:
            return
        # Neither None nor empty, but 0 is something.
        known: dict[str, Any] = {"event": "result"} | {
            key: value for key, value in result.items() if (value or value == 0) and key in _KEYS
        }
        self._outcomes[result["outcome"]] += 1
        for key in _TEXTS:
            if key in known:
                known[key] = shortened(str(known[key]))
        self._waiting.append(_line(known))

    def end(self, elapsed: float, interrupted: bool) -> None:
        """The run ended, after so many seconds; write what there is to be written."""
        outcomes = {str(outcome): count for outcome, count in self._outcomes.items()}
        about = {"elapsed": elapsed, "interrupted": interrupted, "outcomes": outcomes}
        self._add({"event": "end", **about})
        self.flush()

    def flush(self) -> None:
        """Write what was told."""
        if self._waiting and not self._broken:
            lines, self._waiting = self._waiting, []
            try:
                self._stream.write("\n".join(lines) + "\n")
                self._stream.flush()
            except OSError:
                self._broken = True
                raise
            except ValueError as exc:
                self._broken = True
                raise OSError(errno.EBADF, "the stream is closed") from exc

    def _add(self, value: dict[str, Any]) -> None:
        if not self._broken:
            self._waiting.append(_line(value))


def _line(value: dict[str, Any]) -> str:
    """The object as JSON that any program reads."""
    try:
        line = _encode(value)
    except (ValueError, TypeError, RecursionError):
        return _encode(_plain(value))
    # Half of a pair of surrogates, on its own, is an error to strict readers.
    if len(line) > LIMIT or r"\ud" in line:
        return _encode(_plain(value))
    return line


def _plain(value: object, depth: int = 0) -> object:
    """The value with nothing in it that JSON, or one who reads it, can't have."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        # Python itself refuses to write, and to read, numbers of more than some 4000 digits.
        return int(value) if value.bit_length() < 1024 else hex(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, str):
        return _text(value)
    if depth < _DEPTH:
        if isinstance(value, Mapping):
            return {_text(str(key)): _plain(each, depth + 1) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return [_plain(each, depth + 1) for each in value]
    try:
        return _text(repr(value))
    except Exception as exc:  # of an object of the user's
        return f"{type(value).__name__} (its text can't be had: {type(exc).__name__})"


def _text(text: str) -> str:
    return shortened(text).encode("utf-8", "backslashreplace").decode("utf-8")
