"""How long a large result takes from a worker process, against a bare pipe.

    python3 tests/bench/transfer.py [--megabytes COUNT] [--quick] …

Prints a table in Markdown: milliseconds for 200 MB, each in fresh processes;
transfer_cell.py says what is timed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from measure import HERE, ROOT, Row, Side, arguments, at_least, of, parse, table, take_turns

# The highest median ratios wanted, by kind.
TARGETS = {"bytes": 1.2, "bytearray": 1.2, "array": 2.5, "argument": None}
TITLES = {
    "bytes": "a result, bytes",
    "bytearray": "a result, bytearray",
    "array": "a result, array.array",
    "argument": "in the shared dict to a worker, bytes",
}
PIPE = "bare pipe"
OTHERS = {"executor": "ProcessPoolExecutor", "pool": "multiprocessing.Pool"}
FEW = 3  # rounds of peers that have no target


def of_kind(kind: str, megabytes: int, rounds: int) -> Iterator[Row]:
    """The rows of a kind of data."""

    def side(name: str, way: str, few: bool = False) -> Side:
        command = [sys.executable, str(HERE / "transfer_cell.py"), way, kind, str(megabytes)]
        return Side(name, command, FEW if few else None, environ={"PYTHONPATH": str(ROOT)})

    sides = [side("pexen", "pexen"), side(PIPE, "pipe")]
    if kind != "argument":
        sides += [side(name, way, few=True) for way, name in OTHERS.items()]
    seen = take_turns(sides, rounds)
    what, ours = f"{megabytes} MB, {TITLES[kind]}", of(seen["pexen"], "seconds", 1e3)
    for name in list(seen)[1:]:
        target = TARGETS[kind] if name == PIPE else None
        yield Row(what, name, ours, of(seen[name], "seconds", 1e3), target)


def main() -> None:
    """Read the command line, send all kinds, print the table."""
    parser = arguments(__doc__)
    parser.add_argument("--megabytes", type=at_least(1), help="how much (200)")
    options = parse(parser)
    megabytes = options.megabytes or (20 if options.quick else 200)
    rows = [row for kind in TARGETS for row in of_kind(kind, megabytes, options.rounds)]
    sys.stdout.write(table(rows, "ms"))


if __name__ == "__main__":
    main()
