"""What it costs to find the tasks of a tree of modules, against importing it and other tools.

    python3 tests/bench/collect.py [--modules COUNT] [--quick] …

Prints a table in Markdown: milliseconds for 1,000 modules of 10 functions each, in fresh
processes, with the modules' bytecode cached; collect_cell.py says what is timed. For pexen the
functions have metadata; for pytest they are plain, and for unittest methods of a class.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from collect_cell import FUNCTIONS
from measure import (
    HERE,
    ROOT,
    Pythons,
    Row,
    Side,
    arguments,
    at_least,
    of,
    parse,
    pythons,
    run_side,
    table,
    take_turns,
)

TARGET = 1.3  # the highest median ratio wanted, to importing
FEW = 3  # rounds of tools that have no target

HEADS = {
    "pexen": "from pexen.sched.meta import func_meta\n",
    "unittest": "import unittest\n\n\nclass Tests(unittest.TestCase):\n",
    "pytest": "",
}
FUNCTION = {
    "pexen": "\n\n@func_meta(requires=[{before!r}], provides=[{own!r}], uses=['disk'])\n"
    "def test_{number}(shared):\n    pass\n",
    "unittest": "    def test_{number}(self):\n        pass\n\n",
    "pytest": "\n\ndef test_{number}():\n    pass\n",
}


def write_tree(folder: Path, style: str, modules: int) -> Path:
    """A package `tree` in that folder, which is made; returns the folder."""
    tree = folder / "tree"
    tree.mkdir(parents=True)
    (tree / "__init__.py").write_text("")
    for module in range(modules):
        text = HEADS[style]
        for number in range(FUNCTIONS):
            before, own = f"{module}.{number}", f"{module}.{number + 1}"
            text += FUNCTION[style].format(number=number, before=before, own=own)
        (tree / f"test_{module}.py").write_text(text)
    return folder


def compare(env: Pythons, folder: Path, modules: int, rounds: int) -> list[Row]:
    """All tools."""
    trees = {style: str(write_tree(folder / style, style, modules)) for style in HEADS}

    def side(name: str, python: str, tool: str, style: str, few: bool = False) -> Side:
        command = [python, str(HERE / "collect_cell.py"), tool, trees[style]]
        environ = {} if python == env.old else {"PYTHONPATH": str(ROOT)}
        return Side(name, command, FEW if few else None, environ=environ)

    sides = [
        side("pexen", env.ours, "pexen", "pexen"),
        side("importing them", env.ours, "import", "pexen"),
        side("unittest, discovery", env.ours, "unittest", "unittest", few=True),
    ]
    if env.old is not None and env.peers is not None:
        sides.append(side("pexen 0.0.3", env.old, "pexen", "pexen", few=True))
        sides.append(side("pytest, --collect-only", env.peers, "pytest", "pytest", few=True))
    for each in sides:
        run_side(each)  # caches the bytecode
    seen = take_turns(sides, rounds)
    ours = of(seen["pexen"], "seconds", 1e3)
    what = f"{modules:,} modules of {FUNCTIONS}"
    rows = [Row(what, name, ours, of(theirs, "seconds", 1e3)) for name, theirs in seen.items()]
    rows[1] = Row(what, rows[1].peer, ours, rows[1].theirs, TARGET)
    return rows[1:]


def main() -> None:
    """Read the command line, write the trees, compare, print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--modules", type=at_least(1), help="how many (1,000)")
    options = parse(parser)
    modules = options.modules or (100 if options.quick else 1_000)
    with pythons(options) as env, tempfile.TemporaryDirectory() as folder:
        rows = compare(env, Path(folder), modules, options.rounds)
    sys.stdout.write(table(rows, "ms"))


if __name__ == "__main__":
    main()
