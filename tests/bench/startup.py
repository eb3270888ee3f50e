"""How long Python takes to start with pexen, against without.

    python3 tests/bench/startup.py [--rounds ROUNDS] [--quick] …

Prints a table in Markdown: milliseconds from starting a process to its end.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from measure import (
    ROOT,
    Pythons,
    Row,
    Side,
    arguments,
    of,
    parse,
    pythons,
    run_side,
    table,
    take_turns,
)

MORE = 20  # ms that importing pexen may take
ROUNDS = 30

BARE, EXECUTORS = "`python3 -c pass`", "`import concurrent.futures.thread, multiprocessing`"
IMPORT, VERSION = "`import pexen`", "`pexen --version`"
LIST, OLD = "`pexen list`, a file of one task", "`import pexen`, 0.0.3"
FILE = "import pexen\n\n\n@pexen.task\ndef one():\n    pass\n"


def compare(env: Pythons, folder: Path, rounds: int) -> list[Row]:
    """All ways to start."""
    path = folder / "one.py"
    path.write_text(FILE)

    def side(name: str, *arguments: str) -> Side:
        command = [env.ours, *arguments]
        return Side(name, command, prints=False, environ={"PYTHONPATH": str(ROOT)})

    sides = [
        side(BARE, "-c", "pass"),
        side(IMPORT, "-c", "import pexen"),
        side(VERSION, "-m", "pexen", "--version"),
        side(LIST, "-m", "pexen", "list", str(path)),
        side(EXECUTORS, "-c", EXECUTORS.strip("`")),
    ]
    if env.old is not None:
        sides.append(Side(OLD, [env.old, "-c", "import pexen"], prints=False))
    for each in sides:
        run_side(each)  # caches the bytecode
    seen = take_turns(sides, rounds)
    times = {name: of(figures, "seconds", 1e3) for name, figures in seen.items()}
    rows = [Row(IMPORT, BARE, times[IMPORT], times[BARE], MORE, "more")]
    rows += [Row(name, BARE, times[name], times[BARE]) for name in (VERSION, LIST)]
    others = [name for name in (EXECUTORS, OLD) if name in times]
    return rows + [Row(IMPORT, name, times[IMPORT], times[name]) for name in others]


def main() -> None:
    """Read the command line, compare, print the table."""
    options = parse(arguments(__doc__, ROUNDS))
    with pythons(options) as env, tempfile.TemporaryDirectory() as folder:
        rows = compare(env, Path(folder), options.rounds)
    sys.stdout.write(table(rows, "ms"))


if __name__ == "__main__":
    main()
