"""Run all benchmarks and print the page doc/explanation/performance.md with their tables.

    python3 tests/bench/all.py [--env FOLDER] [--only NAME] [--page] [--quick]

The page is written by hand, but for its tables, of which each section has one; they are
replaced. With `--page` so they are in the file.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import HERE, PEERS, ROOT, Pythons, arguments, line, pythons

PAGE = ROOT / "doc" / "explanation" / "performance.md"
MACHINE = "Where and when"

# The script of each section, by its heading.
SECTIONS = {
    "Overhead": "overhead",
    "Scale": "scale",
    "Memory": "memory",
    "Locks": "locks",
    "Order": "order",
    "Handing out ahead": "prefetch",
    "Collecting": "collect",
    "Starting": "startup",
    "Large results": "transfer",
    "Suites": "suites",
}


def table_of(text: str) -> tuple[str, str, str]:
    """A text in three: what is before its table, the table, what is after."""
    lines = text.splitlines(keepends=True)
    rows = [number for number, each in enumerate(lines) if each.startswith("|")]
    if not rows:
        prose = text.strip("\n")
        return f"\n{prose}\n\n" if prose else "\n", "", "" if text.endswith("\n\n") else ""
    first, last = rows[0], rows[-1] + 1
    return "".join(lines[:first]), "".join(lines[first:last]), "".join(lines[last:])


def with_table(page: str, heading: str, table: str) -> str:
    """The page with that table in that section, which is added if there is none."""
    before, found, rest = page.partition(f"\n## {heading}\n")
    if not found:
        return f"{page.rstrip()}\n\n## {heading}\n\n{table}"
    section, following, after = rest.partition("\n## ")
    above, _, below = table_of(section)
    return f"{before}{found}{above}{table}{below}{following}{after}"


def processor() -> str:
    """Its name, as far as the system tells."""
    try:
        information = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or platform.machine()
    names = [each for each in information.splitlines() if each.startswith("model name")]
    return names[0].partition(": ")[2] if names else platform.machine()


def machine(env: Pythons) -> str:
    """What was measured where and when, as a table."""
    script = "import sys; from importlib.metadata import version; "
    script += "print(*(f'{name} {version(name)}' for name in sys.argv[1:]), sep=', ')"
    ours = "import pexen; print(pexen.__version__)"
    version = subprocess.run(
        [env.ours, "-c", ours], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    peers = "none"
    if env.peers is not None:
        command = [env.peers, "-c", script, *PEERS]
        peers = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return "".join([
        line(["what", "which"]),
        line(["---", "---"]),
        line(["date", time.strftime("%Y-%m-%d")]),
        line(["processor", f"{processor()}, {os.cpu_count()} CPUs"]),
        line(["system", f"{platform.system()} {platform.release()}"]),
        line(["Python", f"{platform.python_implementation()} {platform.python_version()}"]),
        line(["pexen", version]),
        line(["peers", peers]),
    ])  # fmt: skip


def run_script(path: Path, options: argparse.Namespace, env_folder: Path) -> str | None:
    """What it prints, None if it fails; it gets those of the common options that it has."""
    command = [sys.executable, str(path)]
    usage = subprocess.run([*command, "-h"], capture_output=True, text=True, check=True).stdout
    wanted = {"--peers": [options.peers], "--env": [str(env_folder)]}
    if options.quick:
        wanted["--quick"] = []
    if options.rounds:
        wanted["--rounds"] = [str(options.rounds)]
    for flag, values in wanted.items():
        if flag in usage:
            command += [flag, *values]
    begin = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    print(f"{path.name}: {time.monotonic() - begin:.0f} s", file=sys.stderr, flush=True)
    return done.stdout if done.returncode == 0 else None


def main() -> int | str:
    """Read the command line, run the scripts, print or write the page."""
    parser = arguments(__doc__)
    parser.description = f"{parser.description} It takes about three quarters of an hour."
    parser.add_argument(
        "--only", action="append", choices=SECTIONS.values(),
        help="no other; where and when it was measured isn't said anew",
    )  # fmt: skip
    parser.add_argument(
        "--page", type=Path, nargs="?", const=PAGE, help="a page whose tables are replaced"
    )
    options = parser.parse_args()
    page = (options.page or PAGE).read_text(encoding="utf-8")
    failed = []
    with tempfile.TemporaryDirectory() as scratch:
        options.env = options.env or Path(scratch)
        with pythons(options) as env:
            if not options.only:
                page = with_table(page, MACHINE, machine(env))
        for heading, name in SECTIONS.items():
            path = HERE / f"{name}.py"
            if options.only and name not in options.only or not path.exists():
                continue
            printed = run_script(path, options, options.env)
            if printed is None:
                failed.append(name)
            else:
                page = with_table(page, heading, table_of(printed)[1])
    if options.page is None:
        sys.stdout.write(page)
    else:
        options.page.write_text(page, encoding="utf-8")
    return f"failed: {', '.join(failed)}" if failed else 0


if __name__ == "__main__":
    sys.exit(main())
