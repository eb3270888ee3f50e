"""Collect the tests of a folder once, in this process; prints how many seconds it took.

    python3 tests/bench/collect_cell.py TOOL FOLDER

The tool is imported before, and the folder has a package `tree`. With `import`, its modules are
only imported: no tool that looks into modules can be quicker.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

from measure import Figures, cell_main

FUNCTIONS = 10  # of each module


def importing(folder: Path) -> Callable[[], int]:
    """Import each module by its name."""
    import pexen.factory  # noqa: F401 # the modules import it, and the other sides have it

    names = [f"tree.{path.stem}" for path in sorted(folder.glob("tree/test_*.py"))]

    def collect() -> int:
        return sum(hasattr(importlib.import_module(name), "test_0") for name in names) * FUNCTIONS

    return collect


def pexen(folder: Path) -> Callable[[], int]:
    """The factory of module trees."""
    from pexen.factory import ModTreeFactory

    def collect() -> int:
        return sum(1 for _ in ModTreeFactory()(importlib.import_module("tree")))

    return collect


def by_unittest(folder: Path) -> Callable[[], int]:
    """Discovery."""
    import unittest

    def collect() -> int:
        suite = unittest.defaultTestLoader.discover(str(folder / "tree"), "test*.py", str(folder))
        return suite.countTestCases()

    return collect


def by_pytest(folder: Path) -> Callable[[], int]:
    """What `pytest --collect-only` does, its output thrown away."""
    import pytest

    def collect() -> int:
        options = ["--collect-only", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}"]
        with contextlib.redirect_stdout(io.StringIO()) as shown:
            pytest.main([*options, str(folder)])
        return shown.getvalue().count("::test_")

    return collect


TOOLS: dict[str, Callable[[Path], Callable[[], int]]] = {
    "import": importing,
    "pexen": pexen,
    "unittest": by_unittest,
    "pytest": by_pytest,
}


def do(argv: list[str]) -> Figures:
    """Collect; what isn't all is no measurement."""
    tool, path = argv
    folder = Path(path)
    sys.path.insert(0, path)
    collect = TOOLS[tool](folder)
    begin = time.perf_counter()
    seen = collect()
    seconds = time.perf_counter() - begin
    expected = len(list(folder.glob("tree/test_*.py"))) * FUNCTIONS
    if seen != expected:
        sys.exit(f"{tool} found {seen} of {expected} tests")
    return {"seconds": seconds}


if __name__ == "__main__":
    cell_main(do)
