"""Runs all tests, in as many processes of pytest at a time as there are processors.

    python tests/all.py [-j JOBS] [OPTIONS OF PYTEST]

A folder of tests is a part, and so are the files that are in none. What pytest says of a part is
shown when it has ended. `python -m pytest` runs all in one process instead.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Container
from concurrent.futures import Future, ThreadPoolExecutor, as_completed

import pytest

HERE = pathlib.Path(__file__).resolve().parent

# Those that take longest, to be begun first.
LONG = ["faults", "pools", "cli"]


def parts(ignored: Container[pathlib.Path]) -> dict[str, list[str]]:
    """What pytest is to run, by the name of the part. It would run an ignored path that is given.
    """
    folders = sorted({path.parent for path in HERE.glob("*/test_*.py")})
    folders.sort(key=lambda folder: LONG.index(folder.name) if folder.name in LONG else len(LONG))
    found = {folder.name: [folder] for folder in folders}
    found["the rest"] = sorted(HERE.glob("test_*.py"))
    kept = {name: [p for p in paths if p not in ignored] for name, paths in found.items()}
    return {name: [*map(str, paths)] for name, paths in kept.items() if paths}


def run(paths: list[str], options: list[str]) -> tuple[int, str]:
    """Let a pytest run them; returns its exit code and what it printed."""
    # No pipe, which a process that a test has left would keep open.
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *paths],
            cwd=HERE.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        output.seek(0)
        return done.returncode, output.read()


def at_once() -> int:
    """How many processors there are for this process."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def show(name: str, printed: str) -> None:
    """Show what a pytest has printed."""
    print(f"== {name}", printed, sep="\n", flush=True)


def run_all(parts: dict[str, list[str]], options: list[str], jobs: int) -> dict[str, int]:
    """Run the parts; returns the exit code of each."""
    codes: dict[str, int] = {}
    with ThreadPoolExecutor(jobs) as pool:
        names: dict[Future[tuple[int, str]], str] = {}
        try:
            for name, paths in parts.items():
                names[pool.submit(run, paths, options)] = name
            for future in as_completed(names):
                codes[names[future]], printed = future.result()
                show(names[future], printed)
        except KeyboardInterrupt:  # at a terminal, each pytest has had it as well
            pool.shutdown(cancel_futures=True)
            for future, name in names.items():
                if not future.cancelled() and name not in codes:
                    show(name, future.result()[1])
            raise
    return codes


def options_of(argv: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and those for pytest."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [-j JOBS] [OPTIONS OF PYTEST]", allow_abbrev=False
    )
    parser.add_argument("-j", type=int, default=at_once(), metavar="JOBS")
    parser.add_argument("--ignore", action="append", default=[], type=pathlib.Path)
    chosen, options = parser.parse_known_args(argv)
    if chosen.j < 1:
        parser.error(f"-j is {chosen.j}; give 1 or more")
    for before, option in zip(["", *options], options):
        path = pathlib.Path(option.partition("::")[0])
        if before not in ("-k", "-m") and not option.startswith("-") and path.exists():
            parser.error(f"{option!r} is a path; for a part of the tests use python -m pytest")
    chosen.ignore = [path.resolve() for path in chosen.ignore]
    return chosen, [*options, *(f"--ignore={path}" for path in chosen.ignore)]


def main() -> int:
    """Run them; returns 0 if all passed."""
    # Shells have what they run in the background ignore Ctrl-C, and it is meant to be heard.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen, options = options_of(sys.argv[1:])
    codes = run_all(parts(chosen.ignore), options, chosen.j)
    # A part may have no tests of those that the options choose, but not every part.
    none = pytest.ExitCode.NO_TESTS_COLLECTED
    failed = [name for name, code in codes.items() if code not in (0, none)]
    if {*codes.values()} <= {none}:
        print("failed: there are no such tests")
        return 1
    print("failed:" if failed else "passed:", ", ".join(failed or codes))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
