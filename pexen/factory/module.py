"""Tasks from the globals of one module."""

from __future__ import annotations

import fnmatch
import functools
import importlib
import sys
from collections.abc import Collection, Iterable, Iterator
from importlib.util import resolve_name
from operator import itemgetter
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING

from ..sched.common import CASES_ATTR_NAME, Task
from ..sched.meta import SCHED_ATTR_NAME, SchedMeta, assign_meta
from .base import BaseFactory, attribute, meta_of

if TYPE_CHECKING:
    import ast


class ModuleFactory(BaseFactory):
    """Yields the callables of a module that have metadata, or whose global name matches.

    `match` is a pattern as of fnmatch (`'test_*'`); without one, only metadata counts.
    The same object under two names is yielded once. What the module merely imports
    from elsewhere in its own top-level package is left to the module that defines it.
    One that has cases, in the attribute `pexen_factory_cases_`, is yielded as so many tasks.
    """

    def __init__(self, match: str | None = None) -> None:
        super().__init__()
        self.match = match

    def __call__(self, module: ModuleType | str) -> Iterator[Task]:
        """Yield the tasks of the module, sorted by name.

        The module may be given by its full name, which is imported: that raises
        what importing it raises.
        """
        if isinstance(module, str):
            module = importlib.import_module(module)
        path = list(self.callpath)
        for name, obj in with_cases(own_callables(module, self.match)):
            yield self.callpath_wrap(obj, name, path)


def own_callables(
    module: ModuleType, match: str | None = None, family: Collection[str] = ()
) -> list[tuple[str, Task]]:
    """The names and callables that are tasks of this module, sorted by name.

    `family` names top-level modules that count, beside the module's own top-level
    package, as the tree within which an object belongs to where it is defined.
    """
    origins = Origins(module, family)
    home = module.__name__
    chosen: dict[int, tuple[str, Task]] = {}
    for name, obj in list(vars(module).items()):
        if type(obj) is FunctionType and obj.__module__ == home:
            # As nearly all tasks are; of these the answers to what is asked below are known.
            annotated = isinstance(obj.__dict__.get(SCHED_ATTR_NAME), SchedMeta)
            if not annotated and not _matches(name, match):
                continue
        elif not callable(obj) or meta_of(obj) is None and not _matches(name, match):
            continue
        elif origins.elsewhere(name, obj):
            continue
        if id(obj) not in chosen or attribute(obj, "__name__") == name:
            chosen[id(obj)] = (name, obj)
    return sorted(chosen.values(), key=itemgetter(0))


def with_cases(members: Iterable[tuple[str, Task]]) -> Iterator[tuple[str, Task]]:
    """The names and callables, of one that stands for several tasks all these, in its order.

    Each is a partial with a copy of its metadata.
    """
    for name, obj in members:
        cases = attribute(obj, CASES_ATTR_NAME)
        if not isinstance(cases, list):
            yield name, obj
            continue
        meta = meta_of(obj)
        for suffix, arguments in cases:
            case = functools.partial(obj, **arguments)
            if meta is not None:
                assign_meta(case, meta.__copy__())
            yield f"{name}{suffix}", case


def _matches(name: str, match: str | None) -> bool:
    # Not the likes of __loader__, which the module didn't define and '*' would match.
    dunder = name.startswith("__") and name.endswith("__")
    return match is not None and not dunder and fnmatch.fnmatchcase(name, match)


class Origins:
    """Tells a module's own globals from those it imports from the rest of its tree.

    A function or class knows its home: a re-export is what is found there under its
    own name. Anything else was placed (`globals()[name] = …`, a partial, an instance,
    a function that a function returned) and knows nothing; it is a re-export if the
    source of the module has a `from … import` that brings it.
    """

    def __init__(self, module: ModuleType, family: Collection[str] = ()) -> None:
        self.module = module
        self.top = _top(module.__name__)
        self.family = family  # may have a name for each module of a large folder
        self._imported: list[tuple[str, str, str]] | None = None  # parsed when first needed

    def elsewhere(self, name: str, obj: object) -> bool:
        """Whether `obj`, the module's global `name`, belongs to another one of the tree."""
        home, qualname = attribute(obj, "__module__"), attribute(obj, "__qualname__")
        if isinstance(home, str) and isinstance(qualname, str):
            if home == self.module.__name__:
                return False
            if _found_at(home, qualname) is obj:
                return self._ours(home)
        return any(self._brings(obj, source, name) for source, name in self._sources(name))

    def _brings(self, obj: object, source: str, name: str) -> bool:
        module = sys.modules.get(source)
        return self._ours(source) and getattr(module, "__dict__", {}).get(name) is obj

    def _ours(self, name: str) -> bool:
        # Whether the module of that name belongs to the tree.
        top = _top(name)
        return top == self.top or top in self.family

    def _sources(self, name: str) -> Iterator[tuple[str, str]]:
        # The modules that `name` may have been imported from, and its name there.
        for bound, source, original in self._imports():
            if bound == name:
                yield source, original
            elif bound == "*":
                yield source, name

    def _imports(self) -> list[tuple[str, str, str]]:
        # Bound name, module and original name of each `from … import` of the source.
        if self._imported is None:
            import ast  # neither is a light import, and few modules need either
            import inspect

            self._imported = []
            try:
                tree = ast.parse(inspect.getsource(self.module))
            except (OSError, TypeError, SyntaxError, ValueError):
                return self._imported  # built in, compiled, or made on the fly
            package = self.module.__package__ or ""
            for node in ast.walk(tree):
                if isinstance(node, ast.ImportFrom):
                    self._imported.extend(_brought(node, package))
        return self._imported


def _brought(node: ast.ImportFrom, package: str) -> list[tuple[str, str, str]]:
    try:
        source = resolve_name("." * node.level + (node.module or ""), package)
    except ImportError:
        return []
    return [(alias.asname or alias.name, source, alias.name) for alias in node.names]


def _top(name: str) -> str:
    return name.partition(".")[0]


def _found_at(home: str, qualname: str) -> object:
    found: object = sys.modules.get(home)
    for part in qualname.split("."):
        found = attribute(found, part)
    return found
