"""Where tasks are defined, and whether that has changed since."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Sequence
from typing import Any

from ..sched.common import Task
from .recording import Place


def place_of(task: Any, waits_for: Sequence[int] = ()) -> Place:
    """Where the task is defined, as far as that can be told: code, or the file that it runs."""
    code = getattr(task, "__code__", None)
    if code is None:
        function = getattr(task, "func", None) or getattr(task, "__wrapped__", None)
        code = getattr(function, "__code__", None)
    if code is not None:
        return Place(code.co_filename, code.co_firstlineno, waits_for)
    path = getattr(task, "path", None)
    return Place(path if isinstance(path, str) else None, None, waits_for)


class CodeDigests:
    """Digests of the files that tasks are defined in, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, task: Task) -> str | None:
        """The digest of the task's file; None if it has none that can be read."""
        file = place_of(task).file
        if file is None:
            return None
        if file not in self._known:
            try:
                content = pathlib.Path(file).read_bytes()
                self._known[file] = hashlib.blake2b(content, digest_size=8).hexdigest()
            except OSError:
                self._known[file] = None
        return self._known[file]
