"""Trees of modules and executables under tmp_path, and a clean interpreter after each test."""

from __future__ import annotations

import importlib
import itertools
import sys
import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pexen.factory import get_callpath

_numbers = itertools.count()


class Tree:
    """A package of its own name in a folder that is on sys.path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.name = f"pexen_tree_{next(_numbers)}"
        self.folder = root / self.name

    def write(self, files: dict[str, str], folder: Path | None = None) -> Path:
        """Write files below the package's folder; a text that starts with #! is executable."""
        folder = folder or self.folder
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))
            if text.startswith("#!"):
                path.chmod(0o755)
        importlib.invalidate_caches()
        return folder

    def load(self, module: str = "") -> ModuleType:
        """Import the package, or a module of it."""
        return importlib.import_module(f"{self.name}.{module}".rstrip("."))


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Tree]:
    path, modules = list(sys.path), dict(sys.modules)
    sys.path.insert(0, str(tmp_path))
    yield Tree(tmp_path)
    sys.path[:] = path
    for name in set(sys.modules) - set(modules):
        if name.startswith("pexen_tree_") or str(tmp_path) in str(
            getattr(sys.modules[name], "__file__", "")
        ):
            del sys.modules[name]


@pytest.fixture
def places() -> Any:
    """A function that gives the callpaths of tasks, as text."""

    def of(tasks: Iterable[Any]) -> list[str]:
        return ["/".join(get_callpath(task)) for task in tasks]

    return of
