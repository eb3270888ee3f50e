"""Runs all tests, in as many processes of pytest at a time as there are processors.

    python tests/all.py [-j JOBS] [OPTIONS OF PYTEST]

A folder of tests is a part, and so are the files that are in none. What pytest says of a part is
shown when it has ended. `python -m pytest` runs all in one process instead.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
from collections.abc import Container
from concurrent.futures import ThreadPoolExecutor, as_completed

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


def run(paths: list[str], options: list[str]) -> subprocess.CompletedProcess[str]:
    """Let a pytest run them; returns its exit code and what it printed."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *paths],
        cwd=HERE.parent,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def main() -> int:
    """Run them; returns 0 if all passed."""
    parser = argparse.ArgumentParser(
        usage="%(prog)s [-j JOBS] [OPTIONS OF PYTEST]", allow_abbrev=False
    )
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1, metavar="JOBS")
    parser.add_argument("--ignore", action="append", default=[], type=pathlib.Path)
    chosen, options = parser.parse_known_args()
    options += [f"--ignore={path}" for path in chosen.ignore]
    ignored = [(HERE.parent / path).resolve() for path in chosen.ignore]
    codes: dict[str, int] = {}
    with ThreadPoolExecutor(chosen.j) as pool:
        names = {pool.submit(run, paths, options): name for name, paths in parts(ignored).items()}
        try:
            for future in as_completed(names):
                name, done = names[future], future.result()
                codes[name] = done.returncode
                print(f"== {name}", done.stdout, sep="\n", flush=True)
        except KeyboardInterrupt:  # those that run have had it as well
            pool.shutdown(cancel_futures=True)
            raise
    # A part may have no tests of those that the options choose, but not every part.
    none = pytest.ExitCode.NO_TESTS_COLLECTED
    failed = [name for name, code in codes.items() if code not in (0, none)]
    if {*codes.values()} == {none}:
        failed = [*codes]
    print("failed:" if failed else "passed:", ", ".join(failed or codes))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
