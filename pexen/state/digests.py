"""Whether the code of tasks has changed."""

from __future__ import annotations

import hashlib
import pathlib

from ..sched.common import Task
from ..sched.place import place_of


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
