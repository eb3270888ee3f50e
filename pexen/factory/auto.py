"""Tasks from whatever a target holds: annotated callables, unittest classes, executables."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import chain
from types import ModuleType
from typing import Any, cast

from ..sched.common import Task
from .base import attribute
from .filesystem import list_folder
from .imports import (
    ImportFailure,
    full_name,
    is_missing,
    is_namespace,
    load,
    look_anew,
    modules_in,
    put_on_path,
    take_off_path,
)
from .modtree import ModTreeFactory, Tree, is_no_module
from .module import Origins

_Key = tuple[str, str]  # module and qualified name of a class


class AutoFactory(ModTreeFactory):
    """Yields the tasks of a folder, a file or a module, whatever kind they are.

    Of modules: callables that have metadata or whose name matches `match`, and unittest
    classes, as UnittestFactory yields them. In folders: executable files too;
    `follow` and further keywords are those of FilesystemFactory.
    """

    def __init__(self, match: str | None = None, follow: bool = False, **popen_kwargs: Any) -> None:
        super().__init__(match, executables=True, follow=follow, **popen_kwargs)

    def __call__(self, target: str | os.PathLike[str] | ModuleType) -> Iterator[Task]:
        """Yield the tasks of the target; a callpath starts with the target's own name.

        A target is a path (of a folder, a .py file or an executable) or the full name
        of a module or package. The top folder of what is imported is put on sys.path.
        FileNotFoundError or ModuleNotFoundError if it isn't there or holds no task.
        """
        if not isinstance(target, ModuleType):
            target = os.fspath(target)
        look_anew()  # a file may have been written a moment ago
        tasks = self._tasks(target)
        for task in tasks:
            yield task
            yield from tasks
            return
        hint = "annotate a callable with pexen.task, name a pattern to match, or chmod +x a file"
        if isinstance(target, str) and os.path.exists(target):
            raise FileNotFoundError(f"path {target!r} has no tasks; {hint}")
        raise ModuleNotFoundError(f"module {target!r} has no tasks; {hint}")

    def _tasks(self, target: str | ModuleType) -> Iterator[Task]:
        if isinstance(target, ModuleType):
            return self._named(target.__name__, target)
        if os.path.isdir(target):
            return self._folder(os.path.abspath(target))
        if os.path.isfile(target) and target.endswith(".py"):
            return self._module_file(os.path.abspath(target))
        if os.path.exists(target):
            return self._executable(target)
        if os.sep in target or target.endswith(".py"):
            raise FileNotFoundError(f"path {target!r} doesn't exist, seen from {os.getcwd()!r}")
        start = load(target)
        if isinstance(start, ImportFailure) and is_missing(start):
            raise ModuleNotFoundError(
                f"target {target!r} is neither a path, seen from {os.getcwd()!r}, nor "
                f"a module: {start.error}; check its spelling, and sys.path"
            )
        return self._named(target, start)

    def _named(self, name: str, start: ModuleType | ImportFailure) -> Iterator[Task]:
        path = [*self.callpath, name.rpartition(".")[2]]
        if isinstance(start, ImportFailure):
            return iter([self.callpath_wrap(start, path=path)])
        return self.walk_module(start, path, Tree(name))

    def _executable(self, file: str) -> Iterator[Task]:
        if not os.access(file, os.X_OK):
            raise PermissionError(f"file {file!r} isn't executable; chmod +x makes it so")
        yield self.files.file_task(file, [*self.callpath, os.path.basename(file)])

    def _module_file(self, file: str) -> Iterator[Task]:
        folder, base = os.path.split(file)
        stem = base.removesuffix(".py")
        if "." in stem or stem == "__main__":
            raise ModuleNotFoundError(
                f"file {file!r} can't be imported, as {stem!r} is no name for a module; rename it"
            )
        top, name = full_name(file)
        put_on_path(top)
        start = load(name, os.path.dirname(folder) if stem == "__init__" else folder)
        path = [*self.callpath, name.rpartition(".")[2]]
        if isinstance(start, ImportFailure):
            yield self.callpath_wrap(start, path=path)
        else:
            yield from self.own_tasks(start, path, Tree(name))

    def _folder(self, folder: str) -> Iterator[Task]:
        parent, base = os.path.split(folder)
        path = [*self.callpath, base]
        top, name = full_name(folder)
        added = put_on_path(top)
        if os.path.isfile(os.path.join(folder, "__init__.py")) and "." not in base:
            start = load(name, parent)
            yield from self._named(name, start)
            if isinstance(start, ImportFailure):
                yield from self.files.below(folder, path, is_no_module)
        elif base.isidentifier() and is_namespace(name, folder):
            yield from self.walk_folders([folder], f"{name}.", True, path, Tree(name))
        else:  # it can't be a package, so what is in it is top-level
            if added:
                take_off_path(top)
            put_on_path(folder)
            family = frozenset([*modules_in([folder]), *list_folder(folder)[1]])
            yield from self.walk_folders([folder], "", True, path, Tree("", family))

    def module_tasks(
        self, module: ModuleType, members: list[tuple[str, Task]], path: Sequence[str], tree: Tree
    ) -> Iterator[Task]:
        """The module's callables that aren't unittest classes, then these."""
        case = _test_case()
        classes = set() if case is None else _test_classes(module, tree, case)
        if case is not None:
            members = [(name, obj) for name, obj in members if not _derives(obj, case)]
        plain = super().module_tasks(module, members, path, tree)
        load_tests = callable(attribute(module, "load_tests"))
        if (classes or load_tests) and not _spoken_for(module.__name__, tree.start):
            return chain(plain, self._class_tasks(module, classes, load_tests, path))
        return plain

    def _class_tasks(
        self, module: ModuleType, classes: set[_Key], load_tests: bool, path: Sequence[str]
    ) -> Iterator[Task]:
        # Who has such classes has imported unittest; nobody else should have to.
        from .unittest import class_tasks, source_of

        package = load_tests and hasattr(module, "__path__")
        for place, task in class_tasks(source_of(module, "test*.py" if package else "")):
            if load_tests or (task.module, task.qualname) in classes:
                yield self.callpath_wrap(task, path=[*path, *place])


def _test_case() -> type | None:
    # The base of all test classes; None if nobody has imported it, so that there are none.
    case = sys.modules.get("unittest.case")
    return None if case is None else cast(type, case.TestCase)


def _derives(obj: object, case: type) -> bool:
    # Not by isinstance, since a mock is an instance of whatever it says it is.
    return issubclass(type(obj), type) and case in cast(type, obj).__mro__


def _test_classes(module: ModuleType, tree: Tree, case: type) -> set[_Key]:
    # Those that it imports from the rest of the tree run where they are defined.
    origins = Origins(module, tree.family)
    return {
        (obj.__module__, obj.__qualname__)
        for name, obj in list(vars(module).items())
        if _derives(obj, case) and not origins.elsewhere(name, obj)
    }


def _spoken_for(name: str, start: str) -> bool:
    # The load_tests of a package gives the tests of all below it, as in unittest.
    package = name.rpartition(".")[0]
    while package and f"{package}.".startswith(f"{start}." if start else ""):
        if callable(attribute(sys.modules.get(package), "load_tests")):
            return True
        package = package.rpartition(".")[0]
    return False
