"""What the benchmarks have in common: environments for peers, taking turns, and the table.

A benchmark compares sides. Each side is a command that does the whole thing once, in a fresh
process, and prints one line of JSON: an object from the name of a figure to a number. The
sides of a comparison take turns, in an order that is reversed each round, so that a machine
that becomes slower or faster meanwhile does so for all of them; and a ratio is that of two
figures of the same round.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PEERS = ("dask", "joblib", "pytest")
OLD = "pexen==0.0.3"  # has an environment of its own, as it has our name

QUICK_ROUNDS = 3

Figures = dict[str, float]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: its name in the table, its command, and what it is run with.

    `rounds` is the most that it takes part in, None for all. Without `prints`, its figure is
    the time of the whole process, `seconds`, and what it writes is thrown away.
    """

    name: str
    command: list[str]
    rounds: int | None = None
    prints: bool = True
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """One comparison: `ours` and `theirs` are a number per round.

    `target` is the highest median wanted: of the ratios, of `ours`, or of how much more ours is.
    """

    what: str
    peer: str
    ours: list[float]
    theirs: list[float]
    target: float | None = None
    target_of: Literal["ratio", "ours", "more"] = "ratio"


def environment(folder: Path, packages: Iterable[str]) -> str:
    """Install packages into a folder, unless it is there; returns its Python."""
    python, complete = folder / "bin" / "python", folder / "complete"
    if not complete.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run([*pip, *packages], check=True)
        complete.touch()  # pip may have failed the last time
    return str(python)


@dataclass(frozen=True)
class Pythons:
    """The interpreters: this one, that of the peers and that of 0.0.3, None without peers."""

    ours: str
    peers: str | None = None
    old: str | None = None


@contextmanager
def pythons(options: argparse.Namespace) -> Iterator[Pythons]:
    """The interpreters that the options ask for."""
    if options.peers == "none":
        yield Pythons(sys.executable)
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.env or Path(scratch)).absolute()
        peers = environment(folder / "peers", PEERS)
        yield Pythons(sys.executable, peers, environment(folder / "old", [OLD]))


def at_least(least: int) -> Callable[[str], int]:
    """The type of an option that is a whole number."""

    def whole(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number, {least} or above")
        return int(text)

    return whole


def arguments(description: str, rounds: int = 9) -> argparse.ArgumentParser:
    """A parser with the options that all benchmarks have."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--env", type=Path, help="a folder for the peers, made or used again")
    parser.add_argument(
        "--peers", choices=("all", "none"), default="all",
        help="none: only what is in the standard library",
    )  # fmt: skip
    parser.add_argument("--rounds", type=at_least(1), help=f"turns of each side ({rounds})")
    parser.set_defaults(full_rounds=rounds)
    parser.add_argument("--quick", action="store_true", help="small, for a first impression")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """What the command line says; `rounds` depends on `quick`."""
    options = parser.parse_args()
    options.rounds = options.rounds or (QUICK_ROUNDS if options.quick else options.full_rounds)
    return options


def run_side(side: Side) -> Figures:
    """Do it once; CalledProcessError if it failed, its stderr shown."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
    before = time.perf_counter()
    done = subprocess.run(
        side.command,
        env=kept | dict(side.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        check=True,
    )
    seconds = time.perf_counter() - before
    if not side.prints:
        return {"seconds": seconds}
    figures: Figures = json.loads(done.stdout)
    return figures


def take_turns(sides: list[Side], rounds: int) -> dict[str, list[Figures]]:
    """Run each side that many times; returns the figures of each, by name, in order."""
    seen: dict[str, list[Figures]] = {side.name: [] for side in sides}
    for number in range(rounds):
        for side in sides if number % 2 == 0 else reversed(sides):
            if side.rounds is None or number < side.rounds:
                seen[side.name].append(run_side(side))
    return seen


def engine(
    name: str, python: str, engine: str, shape: str, count: int,
    rounds: int | None = None, memory: bool = False,
) -> Side:  # fmt: skip
    """A side that is an engine of engines.py; pexen is this clone's, unless installed there."""
    command = [python, str(HERE / "engines.py"), engine, shape, str(count)]
    environ = {"PYTHONPATH": str(ROOT)} if python == sys.executable else {}
    return Side(name, command + ["memory"] * memory, rounds, environ=environ)


def per_task(
    what: str, peer: str, ours: list[Figures], theirs: list[Figures],
    count: int, figure: str = "total", target: float | None = None,
) -> Row:  # fmt: skip
    """A row of µs per task."""
    scale = 1e6 / count
    return Row(what, peer, of(ours, figure, scale), of(theirs, figure, scale), target)


def of(figures: list[Figures], name: str, scale: float = 1.0) -> list[float]:
    """One figure of each round, times `scale`."""
    return [each[name] * scale for each in figures]


def ratios(row: Row) -> list[float]:
    """Of each round that both sides took part in."""
    return [ours / theirs for ours, theirs in zip(row.ours, row.theirs, strict=False)]


def number(value: float) -> str:
    """With two digits or more, or none after the point of whole numbers."""
    if value >= 100 or float(value).is_integer():
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def verdict(row: Row, unit: str) -> str:
    """The target, and whether it is met."""
    if row.target is None:
        return ""
    if row.target_of == "ours":
        seen, text = statistics.median(row.ours), f"pexen ≤ {row.target:,g}"
    elif row.target_of == "more":
        more = [ours - theirs for ours, theirs in zip(row.ours, row.theirs, strict=False)]
        seen, text = statistics.median(more), f"≤ {row.target:g} {unit} more"
        text += f" ({number(seen)})"
    else:
        seen, text = statistics.median(ratios(row)), f"≤ {row.target:g}"
    return f"{text}: met" if seen <= row.target else f"{text}: **missed**"


def table(rows: Iterable[Row], unit: str) -> str:
    """In Markdown: the medians of both sides, their ratio, its spread, the target."""
    text = line(["what", "peer", f"pexen, {unit}", f"peer, {unit}", "ratio", "min–max", "target"])
    text += line(["---"] * 2 + ["---:"] * 5)
    for row in rows:
        each = ratios(row)
        median = statistics.median(each)
        text += line([
            row.what,
            row.peer,
            number(statistics.median(row.ours)),
            number(statistics.median(row.theirs)),
            f"**{number(median)}**",
            f"{number(min(each))}–{number(max(each))}",
            verdict(row, unit),
        ])  # fmt: skip
    return text


def cell_main(do: Callable[[list[str]], Figures]) -> None:
    """The main function of a script that is a side: print what `do` measures."""
    print(json.dumps(do(sys.argv[1:])))
