"""What a suite costs: Python's own tests beside unittest and pytest, and what is kept of a run.

    python3 tests/bench/suites.py [--rounds ROUNDS] [--quick] …

Prints a table in Markdown: seconds from starting a process to its end.
"""

from __future__ import annotations

import shlex
import sys
import tempfile
from pathlib import Path

from measure import (
    HERE,
    ROOT,
    Row,
    Side,
    arguments,
    environment,
    of,
    parse,
    run_side,
    table,
    take_turns,
)
from unittest_equal import MODULES

ROUNDS = 5
MOST_OF_OWN = 3  # rounds of Python's own tests, of which one takes some minutes
NOOPS = 10_000

UNITTEST, PYTEST = "python3 -m unittest", "pytest -n 2"
FIRST, SECOND = "pexen, first run", "pexen, second run"

NOOP_MODULE = f"""
from pexen import task
for i in range({NOOPS}):
    def f(): pass
    f.__name__ = f.__qualname__ = f"t{{i}}"
    globals()[f.__name__] = task(f)
del f
"""


def shell(name: str, folder: Path, text: str) -> Side:
    """A side that is lines of shell in the folder, whatever their status."""
    environ = {"PYTHONPATH": str(ROOT)}
    return Side(name, ["sh", "-c", f"cd {folder}; {text}; true"], prints=False, environ=environ)


def own_tests(folder: Path, modules: list[str], pytest: str | None, rounds: int) -> list[Row]:
    """The tests of Python itself."""
    python, names = shlex.quote(sys.executable), " ".join(f"test.{name}" for name in modules)
    run = f"{python} -m pexen run -q --factory unittest --processes -j2 {names} >out 2>&1"
    sides = [
        shell(UNITTEST, folder, f"{python} -m unittest -q {names} >out 2>&1"),
        shell(FIRST, folder, f"rm -rf new; PEXEN_STATE_DIR=new {run}"),
        shell(SECOND, folder, f"PEXEN_STATE_DIR=kept {run}"),
    ]
    if pytest is not None:
        quiet = "-q -p no:cacheprovider -n 2 --pyargs"
        sides.append(shell(PYTEST, folder, f"{pytest} -m pytest {quiet} {names} >out 2>&1"))
    run_side(sides[2])  # its first run, and bytecode
    seen = take_turns(sides, rounds)
    times = {name: of(figures, "seconds") for name, figures in seen.items()}
    what = f"{len(modules)} modules of Python's tests"
    rows = [
        Row(f"{what}, {FIRST}", UNITTEST, times[FIRST], times[UNITTEST], 0.6),
        Row(f"{what}, {SECOND}", FIRST, times[SECOND], times[FIRST], 1.0),
    ]
    if pytest is not None:
        rows.append(Row(f"{what}, {FIRST}", PYTEST, times[FIRST], times[PYTEST], 1.0))
    return rows


def kept(folder: Path, rounds: int) -> list[Row]:
    """What state, terminal and JSON lines add to a run of tasks that do nothing."""
    (folder / "noops.py").write_text(NOOP_MODULE)
    cell, python = shlex.quote(str(HERE / "suite_cell.py")), shlex.quote(sys.executable)
    rows = []
    for kind in ("processes", "threads"):
        sides = [
            shell(what, folder, f"rm -rf state; {python} {cell} noops {what} {kind}")
            for what in ("bare", "without", "all")
        ]
        for each in sides:
            run_side(each)
        seen = take_turns(sides, rounds)
        times = {name: of(figures, "seconds") for name, figures in seen.items()}
        what = f"{NOOPS:,} tasks in {kind}, with state, terminal line and JSON lines"
        rows += [
            Row(what, "`pexen run` without them", times["all"], times["without"], 2.0),
            Row(what, "a suite without the command", times["all"], times["bare"], 2.0),
        ]
    return rows


def main() -> None:
    """Read the command line, measure, and print the table."""
    options = parse(arguments(__doc__, ROUNDS))
    with tempfile.TemporaryDirectory() as scratch:
        pytest = None
        if options.peers == "all":
            home = (options.env or Path(scratch)).absolute() / "xdist"
            pytest = shlex.quote(environment(home, ["pytest", "pytest-xdist"]))
        modules = MODULES[:5] if options.quick else MODULES
        rows = own_tests(Path(scratch), modules, pytest, min(options.rounds, MOST_OF_OWN))
        rows += kept(Path(scratch), options.rounds)
    print(table(rows, "s"))


if __name__ == "__main__":
    main()
