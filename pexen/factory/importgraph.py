"""Which modules import which, as far as their source tells: none is imported for it.

A module is the path of its file here. What is imported by a name that is made at run time isn't
seen. Where the source leaves a doubt, an import too many is assumed rather than one too few.
"""

from __future__ import annotations

import ast
import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

_INIT = f"{os.sep}__init__.py"


class _Import(NamedTuple):
    """One name that a statement imports."""

    level: int  # of dots before the name, as in ast
    name: str  # may be empty after dots
    parts: tuple[str, ...] = ()  # what is taken from it, of which each may be a module


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


class ImportGraph:
    """The modules of a project, and who imports them.

    `folders` are those in which top-level modules are found, in the order in which they are looked
    at; beside them, that of the importing module counts. `read` gives the source of a path, or
    raises OSError.
    """

    def __init__(self, folders: Sequence[str], read: Callable[[str], bytes] = _read) -> None:
        # Configuration.
        self._top = list(folders)
        self._read = read
        # State.
        self._imports: dict[str, list[_Import]] = {}  # what each module's source has
        self.problems: dict[str, str] = {}  # of modules that can't be parsed: why
        # Of each folder with modules somewhere below, what can be imported from it.
        self._names: dict[str, set[str]] = {}
        # Who imports each module; empty when that has to be found out anew.
        self._importers: dict[str, list[str]] = {}

    def changed(self, paths: Iterable[str], gone: Iterable[str] = ()) -> set[str]:
        """Take in that modules are new or other, or gone; returns those and all that import them.

        Those that imported them before, or do now; directly, or through others. A module that can't
        be read or parsed keeps the imports that it had.
        """
        paths, gone = list(paths), list(gone)
        before = self._dependents([*paths, *gone])
        for path in gone:
            self._imports.pop(path, None)
            self.problems.pop(path, None)
        for path in paths:
            self.problems.pop(path, None)
            try:
                self._imports[path] = _imports_of(self._read(path))
            except OSError:  # it goes away just now, which is told when it has
                self._imports.setdefault(path, [])
            except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
                self._imports.setdefault(path, [])
                self.problems[path] = _described(exc)
        self._settle()
        return before | self._dependents(paths)

    def file_of(self, name: str, folders: Sequence[str] = ()) -> str | None:
        """The module of that full name, looked for in `folders`, by default the top ones."""
        *packages, last = name.split(".")
        files, _ = self._find(self._walk(folders or self._top, packages)[1], last)
        return files[0] if files else None

    def deepest(self, folder: str, names: Iterable[str]) -> str | None:
        """The module that one gets to from `folder` along the names, as far as they lead."""
        files, _ = self._walk([folder], names)
        own = f"{folder}{_INIT}"
        return files[-1] if files else own if own in self._imports else None

    # -- resolving -----------------------------------------------------------------------------

    def _dependents(self, paths: Iterable[str]) -> set[str]:
        found = dict.fromkeys(paths)
        pending = list(found)
        for path in pending:  # grows as it is walked
            for importer in self._importers.get(path, ()):
                if importer not in found:
                    found[importer] = None
                    pending.append(importer)
        return set(found)

    def _settle(self) -> None:
        """Find out anew who imports whom: a module that is new may hide another one."""
        self._names = {}
        for path in self._imports:
            above, name = os.path.split(path.removesuffix(_INIT).removesuffix(".py"))
            while name and name not in self._names.setdefault(above, set()):
                self._names[above].add(name)
                above, name = os.path.split(above)
        self._importers = {}
        for path, imports in self._imports.items():
            for imported in {*self._packages_of(path), *self._resolved(path, imports)}:
                self._importers.setdefault(imported, []).append(path)

    def _packages_of(self, path: str) -> Iterator[str]:
        """The packages that a module is in, which are imported before it."""
        folder = os.path.dirname(path)
        while (init := f"{folder}{_INIT}") in self._imports:
            yield init
            folder = os.path.dirname(folder)

    def _resolved(self, path: str, imports: Iterable[_Import]) -> Iterator[str]:
        own = os.path.dirname(path)
        for each in imports:
            folders = [*self._top, own]
            if each.level:
                folders = [os.path.normpath(os.path.join(own, *[os.pardir] * (each.level - 1)))]
            files, folders = self._walk(folders, each.name.split(".") if each.name else ())
            yield from files
            for part in each.parts:
                # A star takes the modules that __all__ names; which these are isn't looked at.
                named = [part] if part != "*" else sorted(self._names_in(folders))
                for name in named:
                    yield from self._find(folders, name)[0]

    def _names_in(self, folders: Iterable[str]) -> set[str]:
        return {name for folder in folders for name in self._names.get(folder, ())}

    def _walk(self, folders: Sequence[str], names: Iterable[str]) -> tuple[list[str], list[str]]:
        """The modules along a full name, and the folders in which what is below has to be."""
        found: list[str] = []
        for name in names:
            files, folders = self._find(folders, name)
            found += files
        return found, list(folders)

    def _find(self, folders: Sequence[str], name: str) -> tuple[list[str], list[str]]:
        """The module of that name, if it has a file, and the folders of what is below it."""
        shared = []  # those that are one package without __init__.py
        for folder in folders:
            if name in self._names.get(folder, ()):
                path = os.path.join(folder, name)
                if f"{path}{_INIT}" in self._imports:
                    return [f"{path}{_INIT}"], [path]
                if f"{path}.py" in self._imports:
                    return [f"{path}.py"], []
                shared.append(path)
        return [], shared


def _imports_of(source: bytes) -> list[_Import]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are said by who runs it
        tree = ast.parse(source)
    found = []
    for node in _statements(tree.body):
        if isinstance(node, ast.Import):
            found += [_Import(0, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = tuple(alias.name for alias in node.names)
            found.append(_Import(node.level, node.module or "", parts))
    return found


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    # Not ast.walk, which also looks at all expressions, of which there are many more.
    pending = list(nodes)
    for node in pending:  # grows as it is walked
        yield node
        for field in ("body", "orelse", "finalbody", "handlers", "cases"):
            pending += getattr(node, field, ())


def _described(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno is not None:
        return f"line {error.lineno}: {error.msg}"
    return str(error) or type(error).__name__
