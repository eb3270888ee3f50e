"""Have others read the JUnit files of runs in which much goes wrong, and tell what they make of it.

    python3 tests/bench/junit_readers.py [--env FOLDER]

Runs the tasks of junit_tasks.py in processes and in threads, and writes the file once more by
`pexen report`. Each file is validated against the schema of Jenkins's xUnit plugin, which is in
the source distribution of pytest, and read by junitparser and by junit2html: what they count,
and what became of each test by its name, has to be what is told in junit_tasks.py. Prints a
table in Markdown, and on stderr what was wrong; the exit status is 1 if something was.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from measure import HERE, ROOT, environment, line

sys.path.insert(0, str(ROOT))

from junit_tasks import ENDED, EXPECTED  # noqa: E402

READERS = ("junitparser", "junit2html")
SCHEMA_OF, SCHEMA = "pytest==8.4.2", "testing/example_scripts/junit-10.xsd"

# What a file says of each outcome.
WORDS = {"ok": "passed", "skipped": "skipped", "failed": "failure"}

RUN = [sys.executable, "-m", "pexen", "run", "-q", "-j", "2"]
RUNS = {
    "processes": [*RUN, "--processes"],
    "threads": [*RUN, "--threads", "-k", "not lost"],  # whose worker is pexen itself
}


class File(NamedTuple):
    """A file that was written; `expected` has what it should say of each test."""

    what: str
    path: Path
    seconds: float
    expected: dict[str, str]
    ended: set[str]  # those that were ended, and have printed something


def schema(folder: Path, python: str) -> Path:
    """Get the schema into the folder, unless it is there."""
    path = folder / "junit-10.xsd"
    if not path.exists():
        with tempfile.TemporaryDirectory() as scratch:
            pip = [python, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", "pytest"]
            subprocess.run([*pip, "-d", scratch, SCHEMA_OF], check=True)
            (archive,) = Path(scratch).glob("pytest-*.tar.gz")
            with tarfile.open(archive) as packed:
                found = packed.extractfile(f"{archive.name.removesuffix('.tar.gz')}/{SCHEMA}")
                assert found is not None
                path.write_bytes(found.read())
    return path


def readable(name: str) -> str:
    """The name as XML can have it."""
    return "".join(
        char.encode("unicode_escape").decode() if char in "\0\x07\x1b\ufffe\udc80" else char
        for char in name
    )


def files(folder: Path) -> Iterator[File]:
    """Run the tasks and write the files."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
    environ = kept | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}

    def do(command: list[str], status: int) -> float:
        before = time.perf_counter()
        done = subprocess.run(
            command, cwd=folder, env=environ, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode != status:
            sys.exit(f"{command} ended with status {done.returncode}, not {status}")
        return time.perf_counter() - before

    for how, command in RUNS.items():
        path = folder / f"{how}.xml"
        seconds = do([*command, "--junitxml", str(path), str(HERE / "junit_tasks.py")], 1)
        names = [name for name in EXPECTED if how == "processes" or "lost" not in name]
        expected = {readable(name): WORDS.get(EXPECTED[name], "error") for name in names}
        ended = set(ENDED) & expected.keys()
        yield File(f"run, {how}", path, seconds, expected, ended)
        path = folder / f"{how}-again.xml"
        again = [sys.executable, "-m", "pexen", "report", "--junitxml", str(path)]
        yield File(f"report, {how}", path, do(again, 0), expected, ended)


def wrong(file: File, seen: dict[str, Any]) -> Iterator[str]:
    """What isn't as it should be."""
    yield from seen["errors"]
    for reader in READERS:
        found = dict(seen[reader]["cases"])
        expected = file.expected
        if reader == "junit2html":  # which tells no failure from an error
            expected = {k: v.replace("error", "failure") for k, v in expected.items()}
        if len(found) != len(seen[reader]["cases"]):
            yield f"{reader} reads names twice"
        for name in found.keys() | expected.keys():
            if found.get(name) != expected.get(name):
                yield f"{reader} reads {name!r} as {found.get(name)}, not {expected.get(name)}"
        counts = Counter(expected.values())
        told = {"tests": len(expected), "failures": counts["failure"], "errors": counts["error"]}
        told["skipped"] = counts["skipped"]
        for key, count in seen[reader]["counts"].items():
            if count != told[key]:
                yield f"{reader} counts {count} {key}, not {told[key]}"
        silent = file.ended - set(seen[reader]["printed"])
        if silent:
            yield f"{reader} reads no output of {', '.join(sorted(silent))}"


def numbers(seen: dict[str, Any]) -> str:
    """How many tests, failures, errors and skipped ones there are."""
    return ", ".join(str(count) for count in seen["counts"].values())


def main() -> int:
    """Read the command line, write the files, have them read, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", type=Path, help="a folder for the readers, made or used again")
    options = parser.parse_args()
    bad = False
    with tempfile.TemporaryDirectory() as scratch:
        folder = (options.env or Path(scratch, "env")).absolute()
        python = environment(folder / "readers", ["lxml", *READERS])
        xsd = schema(folder, python)
        text = line(["file", "MB", "seconds", "schema", *READERS])
        text += line(["---"] + ["---:"] * 2 + ["---"] * 3)
        for file in files(Path(scratch)):
            command = [python, str(HERE / "junit_cell.py"), str(xsd), str(file.path)]
            shown = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
            seen = json.loads(shown)
            for problem in wrong(file, seen):
                print(f"{file.what}: {problem}", file=sys.stderr)
                bad = True
            size = f"{file.path.stat().st_size / 1e6:.1f}"
            valid = "invalid" if seen["errors"] else "valid"
            read = [numbers(seen[reader]) for reader in READERS]
            text += line([file.what, size, f"{file.seconds:.1f}", valid, *read])
    print(f"{text}\n{seen['versions']}; junit-10.xsd of {SCHEMA_OF}.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
