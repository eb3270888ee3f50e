"""Tasks from a package and all the modules and sub-packages in it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from types import ModuleType
from typing import Any, NamedTuple

from ..sched.common import Task
from .base import BaseFactory
from .filesystem import FilesystemFactory, list_folder
from .imports import (
    ImportFailure,
    is_namespace,
    load,
    module_name,
    modules_in,
    start_module,
)
from .module import own_callables, with_cases


class Tree:
    """What one walk over a tree of modules knows."""

    def __init__(self, start: str, family: frozenset[str] = frozenset()) -> None:
        # Full name of the package it started from; empty for a folder that isn't one.
        self.start = start
        # Top-level modules beside the start's own that are part of the tree.
        self.family = family
        # Callables collected so far, by id; holding them keeps the ids theirs.
        self.taken: dict[int, Task] = {}
        # Real paths of the folders that the walk is in, outermost first: a symlink back to
        # one of them would go round for ever.
        self.inside: list[str] = []


class _Child(NamedTuple):
    name: str
    folder: str  # the folder it lies in, empty where that is no folder (a zip file)
    kind: str  # 'module', 'package', or 'folder' for one without __init__.py

    @property
    def path(self) -> str:
        return os.path.join(self.folder, self.name)


class ModTreeFactory(BaseFactory):
    """Yields the tasks of a package, its modules and its sub-packages.

    Each module is imported under its full name, but for `__main__` ones, and gives what
    ModuleFactory would yield. One that fails to import gives a task that fails with
    that error. Below a package without `__init__.py`, folders without one are packages too.

    With `executables`, the executable files in the folders of the tree that aren't
    Python modules are yielded as well; further keywords go to FilesystemFactory.
    """

    def __init__(
        self, match: str | None = None, executables: bool = False, **filesystem: Any
    ) -> None:
        super().__init__()
        self.match = match
        self.executables = executables
        self.files = FilesystemFactory(**filesystem)

    def __call__(self, package: ModuleType | str) -> Iterator[Task]:
        """Yield the tasks of the package, given as module or by its full name.

        Those of a module come before those of its sub-modules, otherwise all is sorted
        by name. ModuleNotFoundError if there is no such module.
        """
        start = start_module(package)
        path = list(self.callpath)
        if isinstance(start, ImportFailure):
            yield self.callpath_wrap(start, path=path or [start.name.rpartition(".")[2]])
        else:
            yield from self.walk_module(start, path, Tree(start.__name__))

    def module_tasks(
        self, module: ModuleType, members: list[tuple[str, Task]], path: Sequence[str], tree: Tree
    ) -> Iterator[Task]:
        """The tasks of one imported module; for subclasses to extend.

        `members` are the names and callables that the module contributes, `path` is
        the callpath of the module itself.
        """
        return iter([self.callpath_wrap(obj, name, path) for name, obj in with_cases(members)])

    # The methods below return iterators where they needn't be generators, as every task would
    # pass through each of them on its way out.

    def own_tasks(self, module: ModuleType, path: Sequence[str], tree: Tree) -> Iterator[Task]:
        """The tasks of a module, without those of its sub-modules."""
        if not isinstance(module, ModuleType):
            return iter(())  # an object that a module put in its own place in sys.modules
        members = []
        for name, obj in own_callables(module, self.match, tree.family):
            if id(obj) not in tree.taken:
                tree.taken[id(obj)] = obj
                members.append((name, obj))
        return self.module_tasks(module, members, path, tree)

    def walk_module(self, module: ModuleType, path: Sequence[str], tree: Tree) -> Iterator[Task]:
        """The tasks of a module, then, if it is a package, those below it."""
        if hasattr(module, "__path__"):
            return self._walk_package(module, path, tree)
        return self.own_tasks(module, path, tree)

    def _walk_package(self, module: ModuleType, path: Sequence[str], tree: Tree) -> Iterator[Task]:
        yield from self.own_tasks(module, path, tree)
        folders = list(getattr(module, "__path__", ()))
        if folders:
            namespace = getattr(module, "__file__", None) is None
            prefix = f"{module.__name__}."
            yield from self.walk_folders(folders, prefix, namespace, path, tree)

    def walk_folders(
        self, folders: list[str], prefix: str, namespace: bool, path: Sequence[str], tree: Tree
    ) -> Iterator[Task]:
        """Yield the tasks of what lies in the folders of one package.

        `prefix` is what a module's name starts with: that of the package and a dot, or
        nothing for modules that are top-level. `namespace` says that folders
        without `__init__.py` may be packages.
        """
        around = len(tree.inside)
        reals = {folder: os.path.realpath(folder) for folder in folders}
        folders = [folder for folder, real in reals.items() if real not in tree.inside]
        tree.inside.extend(reals[folder] for folder in folders)
        # What lies there that may be no module; where that means nothing, nobody looks.
        look = namespace or self.executables
        real = filter(os.path.isdir, folders if look else ())
        others = {folder: list_folder(folder, self.files.follow) for folder in real}
        for folder, (names, _) in others.items() if self.executables else ():
            yield from self.files.folder_tasks(folder, filter(is_no_module, names), path)
        for child in _children(folders, {f: names for f, (_, names) in others.items()}):
            yield from self._walk_child(child, prefix, namespace, path, tree)
        del tree.inside[around:]

    def _walk_child(
        self, child: _Child, prefix: str, namespace: bool, path: Sequence[str], tree: Tree
    ) -> Iterator[Task]:
        name = f"{prefix}{child.name}"
        path = [*path, child.name]
        if child.kind == "folder":
            return self._walk_folder(child, name, namespace, path, tree)
        # Only where folders are joined to one package can another one's be found.
        module = load(name, child.folder if namespace else "")
        if not isinstance(module, ImportFailure):
            return self.walk_module(module, path, tree)
        return self._walk_broken(child, module, path, tree)

    def _walk_broken(
        self, child: _Child, failure: ImportFailure, path: Sequence[str], tree: Tree
    ) -> Iterator[Task]:
        yield self.callpath_wrap(failure, path=path)
        if self.executables and child.kind == "package" and child.folder:
            yield from self.files.below(child.path, path, is_no_module, tuple(tree.inside))

    def _walk_folder(
        self, child: _Child, name: str, namespace: bool, path: Sequence[str], tree: Tree
    ) -> Iterator[Task]:
        if namespace and child.name.isidentifier() and is_namespace(name, child.path):
            yield from self.walk_folders([child.path], f"{name}.", True, path, tree)
        elif self.executables:
            yield from self.files.below(child.path, path, inside=tuple(tree.inside))


def _children(folders: Sequence[str], subfolders: Mapping[str, Sequence[str]]) -> list[_Child]:
    children = []
    for name, (folder, is_package) in modules_in(folders).items():
        if name != "__main__":
            children.append(_Child(name, folder, "package" if is_package else "module"))
    packages = {child.name for child in children if child.kind == "package"}
    for folder, names in subfolders.items():
        children.extend(_Child(name, folder, "folder") for name in names if name not in packages)
    return sorted(children, key=lambda child: (child.name, child.kind != "folder"))


def is_no_module(name: str) -> bool:
    """Whether a file of that name isn't a module of the package in whose folder it lies."""
    return module_name(name) is None
