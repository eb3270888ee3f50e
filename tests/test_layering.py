"""Changing the import policy below is a design decision, told in doc/explanation/design.md.

It says, for each room, which other rooms of the package it may import. Rooms of the
second ring never import each other, and nothing imports the command.
"""

from __future__ import annotations

import ast
import pathlib
import sys

import pytest

import pexen

PACKAGE = pathlib.Path(pexen.__file__).parent

# room -> the rooms it may import; a room may always import itself.
POLICY: dict[str, set[str]] = {
    "util": set(),
    "sched": {"util"},
    "factory": {"util", "sched"},
    "report": {"util", "sched"},
    "state": {"util", "sched"},
    "suite": {"util", "sched"},
    "testing": {"util", "sched"},
    "cli": {"util", "sched", "factory", "report", "state", "suite", "__init__"},
    "__main__": {"cli"},
    "__init__": {"util", "sched", "factory"},
}

# Within the kernel: what each passive part may import of the others.
KERNEL: dict[str, set[str]] = {
    "common": set(),
    "metacheck": {"common"},
    "meta": {"common", "metacheck"},
    "call": {"common", "meta"},
    "tags": {"common"},
    "depcheck": {"common", "graph", "tags"},
    "reach": {"depcheck", "graph", "tags"},
    "graph": {"common", "meta", "metacheck", "depcheck", "reach", "tags", "taskmap"},
    "taskmap": {"common"},
    "declared": {"call", "common", "meta", "requests"},
    "requests": {"meta"},
    "frontline": set(),
    "reservations": {"frontline", "requests"},
    "queues": {"frontline", "requests", "reservations"},
    "locks": {"frontline", "queues", "requests", "reservations"},
    "shared": {"common", "graph", "tags"},
    "events": {"common"},
    "order": {"common", "declared", "frontline", "graph", "requests", "tags"},
    "bounds": {"graph", "requests", "tags"},
    "simulation": {
        "common", "declared", "events", "frontline", "graph", "interrupt", "meta", "order", "pool",
        "requests", "run", "tags",
    },
    "search": {"requests", "simulation"},
    "critical": {"bounds", "common", "frontline", "graph", "requests", "simulation", "tags"},
    "plan": {
        "bounds", "common", "critical", "declared", "graph", "order", "requests", "search",
        "simulation", "taskmap",
    },
    "retries": {"common", "meta"},
    "control": set(),
    "interrupt": set(),
    "why": {"common", "control", "depcheck", "graph", "locks", "queues", "requests", "tags", "taskmap"},
    "pool": {"common", "meta", "call"},
}

PASSIVE = sorted(set(KERNEL) - {"call", "events", "interrupt", "pool", "simulation"})
OUTSIDE_WORLD = {"threading", "time", "os", "socket", "subprocess", "multiprocessing", "selectors"}

FILES = sorted(PACKAGE.rglob("*.py"))


def module_of(path: pathlib.Path) -> list[str]:
    parts = list(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def imports_of(path: pathlib.Path) -> set[str]:
    """Full names of all modules and names that a file imports, wherever in it."""
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module or "").split(".")]).strip(".")
            found.add(module)
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def room_of(path: pathlib.Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_room_imports_only_what_the_policy_allows(path: pathlib.Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        parts = name.split(".")
        if parts[0] != "pexen":
            continue
        other = parts[1] if len(parts) > 1 and (PACKAGE / parts[1]).exists() else None
        if other is None and len(parts) > 1 and (PACKAGE / f"{parts[1]}.py").exists():
            other = parts[1]
        if other is not None and other != room:
            assert other in POLICY[room], f"{room} imports {name}"
        elif other is None and room not in ("__init__",):
            assert "__init__" in POLICY[room], f"{room} imports {name} of the top"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_nothing_but_the_standard_library_is_imported(path: pathlib.Path) -> None:
    for name in imports_of(path):
        top = name.split(".")[0]
        assert top == "pexen" or top in sys.stdlib_module_names, name


@pytest.mark.parametrize("part", sorted(KERNEL))
def test_within_the_kernel_imports_point_inward(part: str) -> None:
    base = PACKAGE / "sched" / part
    files = sorted(base.glob("*.py")) if base.is_dir() else [base.with_suffix(".py")]
    for path in files:
        for name in imports_of(path):
            parts = name.split(".")
            if parts[:2] == ["pexen", "sched"] and len(parts) > 2 and parts[2] != part:
                if (PACKAGE / "sched" / parts[2]).exists() or (
                    PACKAGE / "sched" / f"{parts[2]}.py"
                ).exists():
                    assert parts[2] in KERNEL[part], f"{part} imports {name}"


@pytest.mark.parametrize("part", PASSIVE)
def test_passive_parts_have_no_thread_clock_or_input(part: str) -> None:
    tops = {name.split(".")[0] for name in imports_of(PACKAGE / "sched" / f"{part}.py")}
    assert not tops & OUTSIDE_WORLD


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_large_files_and_functions_give_their_reason(path: pathlib.Path) -> None:
    source = path.read_text()
    docstring = ast.get_docstring(ast.parse(source)) or ""
    if source.count("\n") > 300:
        assert "why this file is large" in docstring.lower(), path
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > 40:
                reason = ast.get_docstring(node) or ""
                assert "why this is long" in reason.lower(), f"{path}: {node.name}, {length} lines"


def test_every_name_that_is_exported_exists_once() -> None:
    import pexen.sched
    import pexen.sched.pool
    import pexen.testing

    for module in (pexen, pexen.sched, pexen.sched.pool, pexen.factory, pexen.testing):
        assert sorted(module.__all__) == sorted(set(module.__all__))
        for name in module.__all__:
            assert hasattr(module, name), f"{module.__name__}.{name}"
