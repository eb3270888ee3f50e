"""Tasks from tests written for the standard library's unittest: one for each test class.

The classes are found as `python -m unittest` finds them, and each runs as it would run
there, fixtures of class and module included, but by itself and in any worker. A module
with setUpModule or tearDownModule has them run around each of its classes, which
therefore claim the lock `('unittest', <name of the module>)` and never run side by side.
"""

from __future__ import annotations

import copy
import functools
import os
import sys
import unittest
from collections import Counter
from collections.abc import Iterator
from types import ModuleType
from typing import Any, NamedTuple

from ..sched.common import Task, TaskFailError, TaskSkip
from ..sched.meta import SchedMeta, assign_meta
from .apart import call_apart
from .base import BaseFactory, attribute, meta_of
from .imports import ImportFailure, full_name, load, put_on_path, start_module
from .testresult import Recorder, TestClassResult, TestMethodResult, id_of, warnings_shown


class Source(NamedTuple):
    """Where tests are loaded from, by any process: a module, or discovery in a folder."""

    name: str  # full name of the module or package; empty for a folder that is neither
    top: str  # the folder to have on sys.path, empty where it needn't be
    folder: str = ""  # where discovery starts; empty for what the module itself gives
    pattern: str = ""  # of the file names that discovery, or a load_tests, considers


_Key = tuple[str, str]  # module and qualified name of a class

# Of each source loaded in this process, the tests of those classes that didn't run yet. A
# test instance runs once, so the task of a class takes its tests out; loading again
# brings those of all classes.
_loaded: dict[Source, dict[_Key, unittest.BaseTestSuite]] = {}


def _load(source: Source) -> dict[_Key, unittest.BaseTestSuite]:
    put_on_path(source.top)
    loader = unittest.TestLoader()  # the default one remembers where it last discovered
    if source.folder:
        suite = loader.discover(source.folder, source.pattern, source.top)
    else:
        __import__(source.name)
        module = sys.modules[source.name]
        suite = loader.loadTestsFromModule(module, pattern=source.pattern or None)
    groups = _loaded[source] = _by_class(suite)
    return groups


def _take(source: Source, key: _Key) -> unittest.BaseTestSuite:
    groups = _loaded.get(source, {})
    if key not in groups:
        groups = _load(source)
    return groups.pop(key, None) or unittest.TestSuite()


def _by_class(suite: unittest.BaseTestSuite) -> dict[_Key, unittest.BaseTestSuite]:
    # Suites of a class of their own may do more than run what they hold: each group
    # keeps the suites around its tests.
    groups: dict[_Key, list[Any]] = {}
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            for key, part in _by_class(test).items():
                groups.setdefault(key, []).append(part)
        else:
            key = (type(test).__module__, type(test).__qualname__)
            groups.setdefault(key, []).append(test)
    return {key: _with_tests(suite, tests) for key, tests in groups.items()}


def _with_tests(suite: unittest.BaseTestSuite, tests: list[Any]) -> unittest.BaseTestSuite:
    like = copy.copy(suite)
    like._tests = tests
    return like


def _leaves(suite: unittest.BaseTestSuite) -> Iterator[unittest.TestCase]:
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            yield from _leaves(test)
        else:
            yield test


def _select(suite: unittest.BaseTestSuite, wanted: Counter[str]) -> unittest.BaseTestSuite:
    # `wanted` is left with the ids that there is no test for.
    tests: list[Any] = []
    for test in suite:
        if isinstance(test, unittest.BaseTestSuite):
            tests.append(_select(test, wanted))
        elif wanted[id_of(test)] > 0:
            wanted[id_of(test)] -= 1
            tests.append(test)
    return _with_tests(suite, tests)


class UnittestTask:
    """The task that runs the tests of one class, or of the same class of tests.

    It returns a `TestClassResult`. If a test failed it raises TaskFailError (what
    depends on it is blocked, its locks are released); if every test was skipped, TaskSkip,
    as a task that raises unittest.SkipTest is. Either carries the result as `ret`.
    """

    def __init__(self, source: Source, module: str, qualname: str, ids: tuple[str, ...]) -> None:
        self.source = source
        self.module = module
        self.qualname = qualname
        # Of the tests to run; a subset may be left here to run only these.
        self.ids = ids

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.module}.{self.qualname}, {len(self.ids)} tests>"

    def __call__(self) -> TestClassResult:
        """Load the tests anew, and run them in the order in which unittest would."""
        suite = _take(self.source, (self.module, self.qualname))
        missing = Counter(self.ids)
        selected = _select(suite, missing)
        recorder = Recorder(f"{self.module}.{self.qualname}.")
        with warnings_shown():
            recorder.startTestRun()
            try:
                selected(recorder)
            finally:
                recorder.stopTestRun()
        for test_id in missing.elements():
            note = f"test {test_id!r} was there when collected, but not when loaded again"
            recorder.entries.append(TestMethodResult(test_id, "error", note))
        return _judged(TestClassResult(recorder.entries, recorder.testsRun))


def _judged(result: TestClassResult) -> TestClassResult:
    if not result.successful:
        error = TaskFailError(result.summary(), deps_ok=False, locks_ok=True, ret=result)
        for entry in result.failed:
            error.add_note(f"{entry.name}: {entry.outcome}\n{entry.note}".rstrip())
        raise error
    if result.results and all(entry.outcome == "skipped" for entry in result.results):
        reasons = dict.fromkeys(entry.note for entry in result.results)
        raise TaskSkip("; ".join(reasons), ret=result)
    return result


class UnittestFactory(BaseFactory):
    """Yields a task for each class of tests in a module, a package or a folder.

    A package or folder is searched as by `python -m unittest discover`, `pattern`
    being that of file names. A class that carries metadata hands a copy to its task.
    Tests that are made otherwise (doctests, say, by load_tests) form one task for each
    class that they are instances of. The callpath is the module's full name, by
    its parts, then the class.

    Unless `isolated` is false, the search happens in a child process, and the tests are
    only imported by the workers that run them. What a module sets up when it is imported
    (the name of a temporary file, say, often made from the process id) isn't shared then.
    """

    def __init__(self, pattern: str = "test*.py", isolated: bool = True) -> None:
        super().__init__()
        self.pattern = pattern
        self.isolated = isolated

    def __call__(self, target: str | os.PathLike[str]) -> Iterator[Task]:
        """Yield the tasks of a module or package given by name, a .py file, or a folder.

        What fails to import becomes a task that fails. Raises ModuleNotFoundError
        if there is no such module, FileNotFoundError if there is no such file.
        """
        prefix = list(self.callpath)
        target = os.fspath(target)
        collect = functools.partial(_collect, target, self.pattern)
        try:
            found = call_apart(collect) if self.isolated else collect()
        except ChildProcessError as exc:
            found = [(_parts(target), ImportFailure(target, exc))]
        for place, task in found:
            yield self.callpath_wrap(task, path=[*prefix, *place])


def _collect(target: str, pattern: str) -> list[tuple[list[str], Task]]:
    source = _source_at(target, pattern)
    if isinstance(source, Source):
        base = list(filter(None, source.name.split(".")))
        try:
            return [([*base, *place], task) for place, task in class_tasks(source)]
        except Exception as exc:  # of load_tests, say, or of two modules of one name
            source = ImportFailure(source.name or source.folder, exc)
    return [(_parts(source.name), source)]


def _parts(target: str) -> list[str]:
    is_path = os.sep in target or target.endswith(".py")
    return [os.path.basename(os.path.abspath(target))] if is_path else target.split(".")


def _source_at(target: str, pattern: str) -> Source | ImportFailure:
    name, folder, top = target, "", ""
    if os.path.isdir(target):
        folder = os.path.abspath(target)
        if not os.path.isfile(os.path.join(folder, "__init__.py")):
            return Source("", folder, folder, pattern)
    if folder or os.path.isfile(target):
        top, name = full_name(target)
        put_on_path(top)
    elif os.sep in target or target.endswith(".py"):
        raise FileNotFoundError(f"path {target!r} doesn't exist, seen from {os.getcwd()!r}")
    module = load(name) if top else start_module(name)
    if isinstance(module, ImportFailure):
        return module
    if not hasattr(module, "__path__") or target.endswith(".py"):
        return source_of(module)
    source = source_of(module, pattern)
    if not folder and callable(attribute(module, "load_tests")):
        # `python -m unittest package` leaves all to load_tests and discovers nothing around
        # it, so that a load_tests which discovers is called twice; so be it here.
        source = source._replace(folder="")
    return source


def source_of(module: ModuleType, pattern: str = "") -> Source:
    """What to load for the module alone, or, with a pattern, by discovery in a package."""
    name = module.__name__
    file = attribute(module, "__file__")
    if not isinstance(file, str):
        folders = [place for place in attribute(module, "__path__") or () if os.path.isdir(place)]
        if pattern and folders:  # unittest discovers nothing in a namespace package
            return Source("", folders[0], folders[0], pattern)
        return Source(name, "")
    folder = os.path.dirname(os.path.abspath(file))
    top = folder
    for _ in range(name.count(".") + hasattr(module, "__path__")):
        top = os.path.dirname(top)
    if pattern and os.path.isdir(folder):
        return Source(name, top, folder, pattern)
    return Source(name, top if os.path.exists(top) else "")


def class_tasks(source: Source) -> Iterator[tuple[list[str], UnittestTask]]:
    """Load the source and yield its tasks, each with its place seen from the source's module.

    A class from outside of it goes by its full name.
    """
    for (module, qualname), suite in list(_load(source).items()):
        tests = list(_leaves(suite))
        task = UnittestTask(source, module, qualname, tuple(map(id_of, tests)))
        meta = copy.copy(meta_of(type(tests[0])) or SchedMeta())
        home = sys.modules.get(module)
        if any(callable(attribute(home, name)) for name in ("setUpModule", "tearDownModule")):
            meta.claims = {*meta.claims, ("unittest", module)}
        assign_meta(task, meta)
        yield _place(source.name, module, qualname), task


def _place(base: str, module: str, qualname: str) -> list[str]:
    if base and not f"{module}.".startswith(f"{base}."):
        return [f"{module}.{qualname}"]
    return [*filter(None, module[len(base) :].split(".")), qualname]
