"""What importing pexen doesn't import: modules that cost time, and that few need at once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import pexen
import pexen.factory
import pexen.sched.pool

# Each, with what it imports in turn, takes about a millisecond or more.
HEAVY = {
    "argparse",
    "ast",
    "asyncio",
    "concurrent.futures",
    "dataclasses",
    "difflib",
    "importlib.metadata",
    "inspect",
    "json",
    "logging",
    "multiprocessing",
    "pickle",
    "random",
    "selectors",
    "shutil",
    "signal",
    "socket",
    "statistics",
    "subprocess",
    "tempfile",
    "traceback",
    "unittest",
}

# What running tasks takes, and annotating or collecting them doesn't.
SCHEDULER = {"pexen.sched.planner", "pexen.sched.run", "pexen.sched.pool", "pexen.sched.events"}

PACKAGES = [pexen, pexen.sched, pexen.sched.pool, pexen.factory]


def output_of(program: str) -> list[str]:
    """What the program prints in a fresh interpreter, into which no site package put anything."""
    root = os.path.dirname(os.path.dirname(pexen.__file__))
    program = f"import sys; sys.path.insert(0, {root!r})\n{program}"
    run = [sys.executable, "-S", "-E", "-c", program]
    return subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()


def imported_by(statement: str) -> set[str]:
    return set(output_of(f"{statement}\nprint(*sys.modules)"))


@pytest.mark.parametrize("statement", ["import pexen", "from pexen import task"])
def test_who_annotates_tasks_imports_nothing_heavy(statement: str) -> None:
    assert not imported_by(statement) & (HEAVY | SCHEDULER)


def test_who_collects_tasks_imports_nothing_heavy() -> None:
    program = "import pexen; f = pexen.task(lambda: 0, requires=['a'], priority=1.5, timeout=2)"
    collect = "list(pexen.factory.ModuleFactory()('__main__'))"
    assert not imported_by(f"{program}; {collect}") & (HEAVY | SCHEDULER)


def test_who_uses_threads_imports_no_other_pool() -> None:
    found = imported_by("import pexen; list(pexen.Sched([lambda: 0]).run())")
    assert not found & {"multiprocessing", "concurrent.futures", "subprocess", "unittest"}


def test_who_collects_a_package_imports_nothing_but_it() -> None:
    collect = "list(pexen.factory.ModTreeFactory('late_*')('pexen.util'))"
    assert not imported_by(f"import pexen; assert {collect}") & (HEAVY | SCHEDULER)


def test_a_command_that_runs_nothing_imports_neither_scheduler_nor_pools() -> None:
    for command in (["--version"], ["list", "pexen.util", "--match", "late_*"]):
        program = f"from pexen.cli import main; main({command}); print(*sys.modules)"
        found = set(output_of(program))
        assert "pexen.cli" in found
        assert not found & (HEAVY - {"argparse", "shutil", "signal"} | SCHEDULER)


@pytest.mark.parametrize("statement", ["pexen.Sched", "pexen.sched.pool.ProcessWorkerPool"])
def test_a_run_imports_nothing_that_was_not_there_before(statement: str) -> None:
    program = (
        f"import pexen; {statement}; sched = pexen.Sched([lambda: 0])\n"
        f"pool = {statement if 'Pool' in statement else 'lambda: None'}\n"
        "before = set(sys.modules); list(sched.run(pool())); print(*set(sys.modules) - before)"
    )
    assert {name for name in output_of(program) if name.startswith("pexen.")} == set()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_every_exported_name_is_listed_by_dir_and_found_by_import(package: object) -> None:
    name = getattr(package, "__name__")
    program = (
        f"import {name} as package; assert set(package.__all__) <= set(dir(package))\n"
        f"from {name} import *; print(*(n for n in package.__all__ if n not in globals()))"
    )
    assert output_of(program) == []


@pytest.mark.parametrize("name", ["Sched", "sched.pool.ProcessWorkerPool", "sched.events.Queued"])
def test_a_name_imported_late_is_the_same_object_each_time_and_pickled_by_name(name: str) -> None:
    program = (
        "import pexen, pickle\n"
        f"assert pexen.{name} is pexen.{name} is pickle.loads(pickle.dumps(pexen.{name}))"
    )
    output_of(program)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda p: p.__name__)
def test_a_name_that_is_nowhere_is_an_attribute_error_that_says_so(package: object) -> None:
    name = getattr(package, "__name__")
    with pytest.raises(AttributeError, match=f"module '{name}' has no attribute 'Shced'"):
        getattr(package, "Shced")
