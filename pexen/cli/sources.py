"""The files that the tasks of targets may depend on: where they are, and what can be told of them.

These are the Python files below the current directory and the folders of the targets, and the
executables below the targets. Neither is what is installed below them, or hidden.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from ..factory.imports import full_name

Stamp = tuple[int, int]  # when it was modified, in nanoseconds, and its bytes

_LEFT_OUT = {"__pycache__", "site-packages", "node_modules"}


class Sources:
    """Where the files are.

    `starts` has for each target, as far as it is there, its file or folder, and `tops` the folders
    in which top-level modules are found, in the order in which they are looked at.
    """

    def __init__(self, targets: Sequence[str]) -> None:
        self.starts: list[str] = []
        self.seconds = 0.0  # that the last look took
        roots: list[str] = []  # folders, or single files
        tops: list[str] = []
        for target in targets:
            for start, root, top in _places(target):
                self.starts.append(start)
                roots.append(root)
                tops += top
        # Those of targets are first: in others executables don't count.
        self._roots = [*((root, True) for root in roots), (os.getcwd(), False)]
        mine = [root for root, _ in self._roots]
        path = [os.path.abspath(each) for each in sys.path]
        tops += [os.getcwd(), *(each for each in path if _is_below(each, mine))]
        self.tops = list(dict.fromkeys(tops))

    def look(self) -> dict[str, Stamp]:
        """All the files as they are now, each with its stamp."""
        began = time.perf_counter()
        found: dict[str, Stamp] = {}
        seen: set[str] = set()
        for root, programs in self._roots:
            if os.path.isdir(root):
                _look_below(root, os.path.realpath(root), (), programs, seen, found)
            else:
                _add(root, found)
        self.seconds = time.perf_counter() - began
        return found


def _is_below(path: str, folders: Sequence[str]) -> bool:
    return any(f"{path}{os.sep}".startswith(f"{each}{os.sep}") for each in folders)


def _places(target: str) -> Iterator[tuple[str, str, list[str]]]:
    """Of what a target names: where it is, from where on it is watched, and its top folders."""
    if os.path.exists(target):
        start = os.path.abspath(target)
        top, name = full_name(start)
        package = os.path.join(top, name.partition(".")[0])
        folder = start if os.path.isdir(start) else os.path.dirname(start)
        # A folder that is no package has top-level modules.
        yield start, package if os.path.isdir(package) else folder, [top, folder]
        return
    name, *below = target.split(".")
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    places = spec.submodule_search_locations or [spec.origin or ""]
    for place in map(os.path.abspath, places):
        start = os.path.join(place, *below)
        start = next((path for path in (start, f"{start}.py") if os.path.exists(path)), "")
        if start:
            yield start, place, [os.path.dirname(place)]


def _look_below(
    folder: str,
    real: str,
    inside: tuple[str, ...],
    programs: bool,
    seen: set[str],
    found: dict[str, Stamp],
) -> None:
    # `inside` are the real paths of the folders it lies in: a symlink back to one of these would
    # go round for ever.
    if folder in seen or real in inside:
        return
    seen.add(folder)
    try:
        with os.scandir(folder) as scanned:
            entries = [each for each in scanned if not each.name.startswith(".")]
    except OSError:  # it is gone, or not for us
        return
    if any(each.name == "pyvenv.cfg" for each in entries):
        return
    for entry in entries:
        try:
            if entry.is_dir():
                if entry.name not in _LEFT_OUT:
                    link = entry.is_symlink()
                    below = os.path.realpath(entry) if link else os.path.join(real, entry.name)
                    _look_below(entry.path, below, (*inside, real), programs, seen, found)
            elif entry.name.endswith(".py") or programs:
                _add(entry, found)
        except OSError:
            continue


def _add(file: os.DirEntry[str] | str, found: dict[str, Stamp]) -> None:
    """Add a file with its stamp if it is a module, or can be executed."""
    path = file if isinstance(file, str) else file.path
    try:
        known = os.stat(path) if isinstance(file, str) else file.stat()
    except OSError:  # it has just been removed
        return
    if path.endswith(".py") or known.st_mode & 0o111:
        found[path] = known.st_mtime_ns, known.st_size
