"""Importing modules for the factories: by their full name, and never ending a walk.

What can't be imported becomes a task that fails as the import did.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Iterator, Sequence
from importlib.machinery import FileFinder, PathFinder, all_suffixes
from typing import Any, NoReturn

# What the names of module files end with, the longest first: '.abi3.so' before '.so'.
_SUFFIXES = sorted(all_suffixes(), key=len, reverse=True)


class ImportFailure:
    """The task in place of a module that failed to import: it raises that error again.

    It can be pickled. The traceback doesn't travel, so it becomes a note of the error;
    an error that itself can't travel becomes an ImportError that quotes it.
    """

    def __init__(self, name: str, error: BaseException) -> None:
        self.name = name
        self.error = error
        self._traceback = _without_import_frames(error.__traceback__)

    @property
    def text(self) -> str:
        """What went wrong, in a line: the error's type and text."""
        import traceback  # only where an import failed; it is no light one itself

        return "".join(traceback.format_exception_only(self.error)).strip().splitlines()[-1]

    def __call__(self) -> NoReturn:
        raise self.error.with_traceback(self._traceback)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.name!r}: {type(self.error).__name__}>"

    def __getstate__(self) -> dict[str, Any]:
        error = self.error.with_traceback(self._traceback)
        return {**vars(self), "error": _portable(self.name, error), "_traceback": None}


def _without_import_frames(tb: types.TracebackType | None) -> types.TracebackType | None:
    machinery = ("<frozen importlib", __file__, importlib.__file__)
    while tb is not None and tb.tb_frame.f_code.co_filename.startswith(machinery):
        tb = tb.tb_next
    return tb


def _portable(name: str, error: BaseException) -> BaseException:
    import pickle
    import traceback

    try:
        travelled = pickle.loads(pickle.dumps(error))
    except Exception:
        travelled = None
    if type(travelled) is not type(error):
        what = "".join(traceback.format_exception_only(error)).strip()
        travelled = ImportError(f"module {name!r} failed to import: {what}", name=name)
    if error.__traceback__ is not None:
        travelled.add_note("".join(traceback.format_exception(error)))
    assert isinstance(travelled, BaseException)
    return travelled


def load(name: str, folder: str = "") -> types.ModuleType | ImportFailure:
    """Import the module of that full name, from `folder` if one is given.

    Whatever it raises (but KeyboardInterrupt) ends in an ImportFailure, and so does
    a module of that name that was found elsewhere.
    """
    try:
        module = importlib.import_module(name)
        if folder:
            _check_place(module, folder)
    except KeyboardInterrupt:
        raise
    except BaseException as exc:  # a module may well call sys.exit()
        return ImportFailure(name, exc)
    return module


def _check_place(module: types.ModuleType, folder: str) -> None:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return
    where = os.path.dirname(file)
    if hasattr(module, "__path__"):
        where = os.path.dirname(where)
    if where != folder and os.path.realpath(where) != os.path.realpath(folder):
        name = module.__name__
        raise ImportError(
            f"module {name!r} of {folder!r} is hidden by the one imported from {file!r}; "
            "rename one of them, or put it into a package",
            name=name,
        )


def start_module(target: types.ModuleType | str) -> types.ModuleType | ImportFailure:
    """The module to start from: `target` itself, or imported if it is a name.

    ModuleNotFoundError if there is none of that name, as opposed to one that
    fails to import, which is an ImportFailure.
    """
    if not isinstance(target, str):
        return target
    look_anew()  # its folder may have been written a moment ago
    found = load(target)
    if isinstance(found, ImportFailure) and is_missing(found):
        raise ModuleNotFoundError(
            f"module {target!r} can't be found: {found.error}; check its name, and sys.path",
            name=target,
        )
    return found


def look_anew() -> None:
    """Forget what is remembered of folders, where a file may have been written a moment ago.

    As importlib.invalidate_caches; but that imports importlib.metadata, from Python 3.12 on,
    to forget what it remembers, which takes 50 ms.
    """
    modules = [module for module in list(sys.modules.values()) if type(module) is types.ModuleType]
    # A package without __init__.py remembers its folders, in something that is no list.
    known = any(type(vars(module).get("__path__", [])) is not list for module in modules)
    if known or "importlib.metadata" in sys.modules:
        importlib.invalidate_caches()
        return
    for place in (*sys.meta_path, *sys.path_importer_cache.values()):
        forget = getattr(place, "invalidate_caches", None)
        if place is not PathFinder and forget is not None:
            forget()


def is_missing(failure: ImportFailure) -> bool:
    """Whether the module isn't there, as opposed to one that imports what isn't there."""
    error = failure.error
    if not isinstance(error, ModuleNotFoundError) or not error.name:
        return False
    return f"{failure.name}.".startswith(f"{error.name}.")


def put_on_path(folder: str) -> bool:
    """Have modules of the folder importable, before those of others.

    Returns whether the folder wasn't on sys.path yet.
    """
    if not folder or folder in sys.path:
        return False
    sys.path.insert(0, folder)
    return True


def take_off_path(folder: str) -> None:
    """Undo what `put_on_path` did."""
    if folder in sys.path:
        sys.path.remove(folder)


def full_name(path: str) -> tuple[str, str]:
    """The folder to have on sys.path, and the full name of a module file or package folder.

    The folder is the first one upwards that isn't a package.
    """
    folder, base = os.path.split(os.path.abspath(path))
    names = [] if base == "__init__.py" else [base.removesuffix(".py")]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        above, base = os.path.split(folder)
        if "." in base:
            break  # no name that a package could have
        folder = above
        names.insert(0, base)
    return folder, ".".join(names)


def is_namespace(name: str, folder: str) -> bool:
    """Whether importing `name` gives a package without `__init__.py` that has that folder."""
    try:
        spec = importlib.util.find_spec(name)
    except KeyboardInterrupt:
        raise
    except BaseException:  # it imports the packages above, which may do anything
        return False
    if spec is None or spec.origin is not None or spec.submodule_search_locations is None:
        return False
    real = os.path.realpath(folder)
    return any(os.path.realpath(place) == real for place in spec.submodule_search_locations)


def modules_in(folders: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """The modules that a package with those folders has.

    Of each by name: the folder that it is found in (empty where that is no folder, as in a
    zip file), and whether it is a package. They are those of pkgutil.iter_modules.
    """
    import pkgutil  # only where a tree is walked

    found: dict[str, tuple[str, bool]] = {}
    for folder in folders:
        finder = pkgutil.get_importer(folder)
        if type(finder) is FileFinder:
            # pkgutil imports inspect for this, and calls it for each file.
            listed = _listed(finder.path)
        else:
            listed = ((info.name, info.ispkg) for info in pkgutil.iter_modules([folder]))
        for name, is_package in listed:
            found.setdefault(name, (getattr(finder, "path", ""), is_package))
    return found


def _listed(folder: str) -> Iterator[tuple[str, bool]]:
    # A folder 'a' comes before 'a.py', and hides it if it is a package.
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        name = module_name(entry.name)
        if name is None:
            if "." not in entry.name and os.path.isdir(entry) and _is_package(entry.path):
                yield entry.name, True
        elif name and name != "__init__" and "." not in name:
            yield name, False


def _is_package(folder: str) -> bool:
    try:
        return any(module_name(name) == "__init__" for name in os.listdir(folder))
    except OSError:
        return False


def module_name(file: str) -> str | None:
    """The name of the module that a file of that name is, None if it is none."""
    for suffix in _SUFFIXES:
        if file.endswith(suffix):
            return file[: -len(suffix)]
    return None
