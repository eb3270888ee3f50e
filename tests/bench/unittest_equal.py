"""Compare pexen's outcomes of unittest modules, test by test, with those of unittest itself.

    python3 tests/bench/unittest_equal.py [-j WORKERS] [MODULE …]

Each module (by default some 50 of the Python installation's own `test` package) is run
by unittest in an interpreter of its own, and all of them by `pexen run --factory unittest
--processes`, with one task per test class. It prints how many modules and tests were compared, and each difference; the exit
status is 1 if there was one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import unittest
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

MODULES = """
test_abc test_argparse test_array test_ast test_base64 test_binascii test_bisect test_bool
test_calendar test_cmath test_codeop test_collections test_colorsys test_configparser
test_contextlib test_copy test_copyreg test_csv test_dataclasses test_datetime test_defaultdict
test_deque test_dict test_difflib test_dis test_email test_enum test_exceptions test_fileinput
test_float test_fnmatch test_fractions test_functools test_generators test_genericpath
test_getopt test_glob test_graphlib test_hashlib test_heapq test_html test_inspect
test_ipaddress test_itertools test_json test_list test_math test_pathlib test_pickle
test_posixpath test_pprint test_queue test_random test_re test_sched test_set test_shelve
test_shlex test_sqlite3 test_statistics test_string test_struct test_tempfile test_textwrap
test_tomllib test_tuple test_types test_unittest test_urlparse test_uuid test_weakref
test_xml_etree test_zlib
""".split()

FIXTURES = ("setUpClass (", "tearDownClass (", "setUpModule (", "tearDownModule (")

# (name, outcome), the name as pexen gives it, and how often
Outcomes = Counter[tuple[str, str]]


class Recorder(unittest.TextTestResult):
    """What unittest reports, written down independently of pexen's own recorder."""

    seen: list[tuple[str, str]]

    def startTestRun(self) -> None:
        self.seen = []

    def note(self, test: Any, outcome: str) -> None:
        case = test.test_case if type(test).__name__ == "_SubTest" else test
        prefix = f"{type(case).__module__}.{type(case).__qualname__}."
        self.seen.append((prefix + test.id().removeprefix(prefix), outcome))

    def addSuccess(self, test: Any) -> None:
        self.note(test, "ok")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.note(test, "error")

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.note(test, "failure")

    def addSkip(self, test: Any, reason: str) -> None:
        self.note(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        self.note(test, "expected failure")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.note(test, "unexpected success")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            self.note(subtest, "failure" if failed else "error")


def serial_here(module: str, report: str) -> None:
    """Run one module as `python -m unittest` does and write what was seen to a file."""
    runner = unittest.TextTestRunner(resultclass=Recorder)  # type: ignore[arg-type]
    program = unittest.main(module, argv=["unittest"], testRunner=runner, exit=False)
    seen = program.result.seen  # type: ignore[attr-defined]  # of our Recorder
    Path(report).write_text(json.dumps(seen), encoding="utf-8")


def serial(module: str, folder: Path) -> Outcomes | None:
    """Outcomes by unittest in a process of its own, None if the module can't be run."""
    report = folder / f"{module}.json"
    command = [sys.executable, __file__, "--serial", module, str(report)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if not report.exists():
        print(f"{module}: not run by unittest: {done.stderr.strip().splitlines()[-1]}")
        return None
    return tidy((name, outcome) for name, outcome in json.loads(report.read_text("utf-8")))


def tidy(entries: Iterable[tuple[str, str]]) -> Outcomes:
    """Count entries, a failed module fixture once: here it runs for each class of the module."""
    counted: Outcomes = Counter()
    for name, outcome in entries:
        for fixture in FIXTURES:
            if fixture in name:
                name = name[name.index(fixture) :]
        counted[name, outcome] = 1 if "Module (" in name else counted[name, outcome] + 1
    return counted


def parallel(modules: list[str], workers: int, folder: Path) -> dict[str, Outcomes]:
    """Outcomes by the command, each class a task in one of the worker processes."""
    record = folder / "run.json"
    command = [sys.executable, "-m", "pexen", "run", "--factory", "unittest", "--processes"]
    command += ["-j", str(workers), "--json", str(record), *modules]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        sys.exit(done.stderr)
    entries: dict[str, list[tuple[str, str]]] = {module: [] for module in modules}
    for task in json.loads(record.read_text("utf-8"))["tasks"]:
        path = ".".join(task["callpath"])
        owners = [name for name in modules if f"{path}.".startswith(f"{name}.")]
        entries[max(owners, key=len)] += named(task, path)
    return {module: tidy(found) for module, found in entries.items()}


def named(task: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    """The entries of one task, under their full names."""
    if not task["results"]:
        yield f"{path}: {task['traceback']}", task["outcome"]
        return
    # A class from elsewhere, such as doctest.DocTestCase, stands under its full name, which
    # begins with a module; a class within a class or function doesn't.
    last = task["callpath"][-1]
    prefix = last if "." in last and find_spec(last.split(".")[0]) else path
    for entry in task["results"]:
        yield f"{prefix}.{entry['name']}", entry["outcome"]


def compare(modules: list[str], workers: int, folder: Path) -> int:
    """Run all both ways and print the differences; returns how many there are."""
    expected = {name: seen for name in modules if (seen := serial(name, folder)) is not None}
    found = parallel(list(expected), workers, folder)
    differences = 0
    for module, outcomes in expected.items():
        for sign, extra in (("-", outcomes - found[module]), ("+", found[module] - outcomes)):
            for (name, outcome), times in sorted(extra.items()):
                print(f"{module}: {sign} {name}: {outcome} ({times})")
                differences += times
    total = sum(map(Counter.total, expected.values()))
    print(f"{len(expected)} modules, {total} tests compared, {differences} differences")
    return differences


def main() -> int:
    """Read the command line and compare."""
    import tempfile

    if sys.argv[1:2] == ["--serial"]:
        serial_here(*sys.argv[2:4])
        return 0
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-j", dest="workers", type=int, default=2)
    parser.add_argument("modules", nargs="*", default=[f"test.{name}" for name in MODULES])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return 1 if compare(options.modules, options.workers, Path(folder)) else 0


if __name__ == "__main__":
    sys.exit(main())
