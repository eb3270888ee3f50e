"""Do one faulty task's worth of harm to pexen and to five other pools, and tell what happens.

    python3 tests/bench/faults.py [-j CELLS] [--env FOLDER] [--pool POOL] [--page PAGE] [ROW …]

Makes an environment with the other pools, from the package index, and this clone's pexen;
runs each row with each pool, every cell in processes of its own under a watch; and prints
the table in Markdown, and on stderr why a cell isn't "survived". The exit status is 1 if
one of pexen's isn't. The words of the table are explained in doc/explanation/faults.md,
whose table `--page` replaces.

The parts: the faults (fault_tasks) and what is expected of them (fault_rows), the pools
(fault_plan, fault_pools), the process of a cell (fault_cell), the one that watches over it
(fault_watch), and what is said of what it saw (fault_verdict).
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fault_pools import POOLS
from fault_rows import BY_NAME, ROWS, Row

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HEADING = "## What was seen"
SURVIVED, NOT_POSSIBLE = "survived", "–"
LIMIT = 180  # seconds after which something is wrong with the watch itself

# (name of the row, name of the pool) and what is said there
Table = dict[tuple[str, str], str]


def environment(folder: Path) -> Path:
    """Install all pools into a folder; returns its Python."""
    python = folder / "bin" / "python"
    pip = [str(python), "-m", "pip", "install", "-q"]
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        packages = [pool.package for pool in POOLS.values() if pool.package is not None]
        subprocess.run([*pip, *packages], check=True)
    # From a copy, as building leaves files where it is done.
    with tempfile.TemporaryDirectory() as copied:
        for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, copied)
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "pexen", Path(copied, "pexen"), ignore=ignored)
        subprocess.run([*pip, "--force-reinstall", "--no-deps", copied], check=True)
    return python


def versions(python: Path) -> str:
    """Of Python and of each pool, as a sentence."""
    packages = [name for pool in POOLS.values() if (name := pool.package)] + ["pexen"]
    script = "import sys; from importlib.metadata import version; "
    script += "print(*(f'{name} {version(name)}' for name in sys.argv[1:]), sep=', ')"
    command = [str(python), "-c", script, *packages]
    shown = subprocess.run(command, cwd="/", check=True, capture_output=True, text=True).stdout
    system = f"Python {platform.python_version()} on {platform.system()}"
    return f"{time.strftime('%Y-%m')}, {system}, {os.cpu_count()} CPUs: {shown.strip()}."


def run_cell(python: Path, row: Row, pool: str) -> str:
    """Run a row with a pool; returns the word for the table."""
    if row.timeout is not None and not POOLS[pool].timeouts:
        return NOT_POSSIBLE
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
    command = [str(python), str(HERE / "fault_watch.py"), row.name, pool]
    done = subprocess.run(
        command,
        env=kept | {"PYTHONDONTWRITEBYTECODE": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the watch over {row.name} with {pool} failed: {done.stderr}")
    verdict = json.loads(done.stdout)
    took = f"{verdict['took']:.1f} s"
    if verdict["seconds"] is not None:
        took += f", {verdict['seconds']:.1f} s to end"
    print(f"{row.name}, {pool}: {verdict['word']} ({took}) {verdict['why']}", file=sys.stderr)
    return str(verdict["word"])


def run_table(python: Path, rows: list[Row], pools: list[str], cells: int) -> Table:
    """Run all, some cells at a time."""
    pairs = [(row, pool) for row in rows for pool in pools]
    with ThreadPoolExecutor(cells) as threads:
        words = threads.map(lambda pair: run_cell(python, *pair), pairs)
        return {(row.name, pool): word for (row, pool), word in zip(pairs, words, strict=True)}


def line(cells: Iterable[str]) -> str:
    """A line of a table."""
    return "| " + " | ".join(cells) + " |\n"


def markdown(table: Table, rows: list[Row], pools: list[str]) -> str:
    """The table."""
    text = line(["the task", *pools]) + line(["---"] * (len(pools) + 1))
    for row in rows:
        text += line([row.title, *(table[row.name, pool] for pool in pools)])
    counts = []
    for pool in pools:
        words = [table[row.name, pool] for row in rows]
        tried = len(words) - words.count(NOT_POSSIBLE)
        counts.append(f"**{words.count(SURVIVED)} of {tried}**")
    return text + line(["**survived**", *counts])


def put_into(page: Path, section: str) -> None:
    """Replace what stands under the heading."""
    before, heading, rest = page.read_text(encoding="utf-8").partition(f"{HEADING}\n")
    if not heading:
        sys.exit(f"{page} has no heading {HEADING!r}")
    _, following, after = rest.partition("\n## ")
    page.write_text(f"{before}{heading}\n{section}{following}{after}", encoding="utf-8")


def main() -> int:
    """Read the command line, run the cells, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", dest="cells", type=int, default=4, help="how many at a time")
    parser.add_argument("--env", type=Path, help="an environment to be made, or used again")
    parser.add_argument("--pool", action="append", choices=POOLS, help="only this pool")
    parser.add_argument("--page", type=Path, help="a page whose table is replaced")
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(BY_NAME))
    options = parser.parse_args()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # So it is in the background of a shell, and cells would inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    unknown = set(options.rows) - set(BY_NAME)
    if unknown:
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    rows = [row for row in ROWS if not options.rows or row.name in options.rows]
    pools = [pool for pool in POOLS if not options.pool or pool in options.pool]
    with tempfile.TemporaryDirectory() as folder:
        python = environment((options.env or Path(folder, "env")).absolute())
        table = run_table(python, rows, pools, options.cells)
        section = f"{versions(python)}\n\n{markdown(table, rows, pools)}"
    print(section, end="")
    if options.page is not None:
        put_into(options.page, section)
    ours = [word for (_, pool), word in table.items() if pool == "pexen"]
    return 0 if all(word in (SURVIVED, NOT_POSSIBLE) for word in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
