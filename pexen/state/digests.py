"""Whether the code of tasks has changed."""

from __future__ import annotations

import hashlib
import os
import pathlib
import sys
import sysconfig
from collections.abc import Iterable, Iterator

from ..sched.common import Task
from ..sched.place import place_of

# Folders of packages that were installed, wherever they are, as in a virtual environment.
_INSTALLED = {"site-packages", "dist-packages"}


class CodeDigests:
    """Digests of the code that tasks depend on, each file of which is read once.

    That is the file that the task is defined in, and all modules that are loaded when the first
    task is asked for, but for those of Python itself and of what was installed: which of them a
    task makes use of isn't known, so when one has changed, all tasks have.
    """

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}
        self._modules: bytes | None = None

    def of(self, task: Task) -> str | None:
        """The digest of the task's code; None if its file can't be read, or it has none."""
        file = place_of(task).file
        if file is None:
            return None
        if file not in self._known:
            if self._modules is None:
                self._modules = _digest_of(_own_modules())
            try:
                content = pathlib.Path(file).read_bytes()
                digest = hashlib.blake2b(content + self._modules, digest_size=8).hexdigest()
                self._known[file] = digest
            except OSError:
                self._known[file] = None
        return self._known[file]


def _own_modules() -> Iterator[tuple[str, str]]:
    """The names and files of the modules that are loaded, but for those that nobody here edits."""
    standard = tuple(f"{sysconfig.get_path(name)}{os.sep}" for name in ("stdlib", "platstdlib"))
    for name, module in sorted(sys.modules.copy().items()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py") and not file.startswith(standard):
            if _INSTALLED.isdisjoint(file.split(os.sep)):
                yield name, file


def _digest_of(modules: Iterable[tuple[str, str]]) -> bytes:
    digest = hashlib.blake2b(digest_size=8)
    for name, file in modules:
        try:
            content = pathlib.Path(file).read_bytes()
        except OSError:
            content = b""
        digest.update(f"{len(content)} {name}\n".encode(errors="backslashreplace") + content)
    return digest.digest()
