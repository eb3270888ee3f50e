"""From targets to tasks: finds the factory that is meant and runs it."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..factory import AutoFactory, FilesystemFactory, ModTreeFactory
from ..factory.imports import ImportFailure
from ..sched.common import DepcheckError, MutexError, Task, identity, task_name
from ..util import PexenError
from .ending import NothingError, UsageError, say
from .options import FACTORIES

Factory = Callable[[str], Iterable[Task]]

# The exit status with which an executable says that it had nothing to do: the custom of
# automake, Meson and CTest.
SKIP_STATUS = 77


def collect(args: Namespace) -> list[Task]:
    """The tasks of all targets, each once, in the order in which they were found.

    Raises UsageError for a factory or a target that isn't there, or that doesn't work,
    NothingError if there are no tasks at all. Some targets may be without.
    """
    factory = _factory(args.factory, args.match)
    tasks: dict[Any, Task] = {}
    empty: list[str] = []
    for target in args.targets:
        found = _tasks_of(factory, args.factory, target)
        tasks.update((identity(task), task) for task in found)
        if not found:
            empty.append(f"target {target!r} has no tasks{_hint(args)}")
    if not tasks:
        raise NothingError("; ".join(empty))
    for text in empty:
        say("warning", text)
    return list(tasks.values())


@contextlib.contextmanager
def explained(tasks: Iterable[Task], more: Callable[[], str] = str) -> Iterator[None]:
    """Within, an error about the tasks' order or resources says what the command knows of it.

    What a task requires may be missing because a module could not be imported; if not, `more` has
    something to say of that, or nothing.
    """
    try:
        yield
    except DepcheckError as exc:
        broken = [task for task in tasks if isinstance(task, ImportFailure)]
        whys = [f"{task_name(task)!r} could not be imported: {task.text}" for task in broken]
        # If it is a cycle, or a module that is broken, more of them are of no help.
        lacks = not whys and "nothing provides" in str(exc)
        raise UsageError("; ".join([*whys, f"{exc}{more() if lacks else ''}"])) from exc
    except MutexError as exc:
        raise UsageError(f"{exc}; resources are given by --resource NAME=AMOUNT") from exc


def _hint(args: Namespace) -> str:
    if args.match is not None:
        return f" that match {args.match!r}"
    hints = {
        "auto": "annotate a callable with pexen.task, give a --match, or chmod +x a file",
        "modtree": "annotate a callable with pexen.task, or give a --match",
        "filesystem": "chmod +x a file",
        "unittest": "it needs a subclass of unittest.TestCase, in a folder in a test*.py",
    }
    hint = hints.get(args.factory)
    return f"; {hint}" if hint else ""


# -- factories ----------------------------------------------------------------------------


def _factory(name: str, match: str | None) -> Factory:
    if name in ("filesystem", "unittest") and match is not None:
        raise UsageError(f"--match says nothing to the factory {name!r}; leave it out")
    if name == "auto":
        return AutoFactory(match, skip_status=SKIP_STATUS)
    if name == "modtree":
        return ModTreeFactory(match)
    if name == "filesystem":
        return FilesystemFactory(skip_status=SKIP_STATUS)
    if name == "unittest":
        from ..factory import UnittestFactory  # no light import, so only for who wants it

        return UnittestFactory()
    return _own_factory(name, match)


def _own_factory(name: str, match: str | None) -> Factory:
    """A class is instantiated, with `match` if one is given; anything else is the factory."""
    module, colon, path = name.partition(":")
    if not colon:
        known = ", ".join(FACTORIES)
        raise UsageError(f"factory {name!r} is not known; there are {known} and pkg.mod:Factory")
    try:
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        if isinstance(found, type):
            make: Callable[..., Any] = found
            found = make() if match is None else make(match=match)
        elif match is not None:
            raise TypeError("it is no class, so it can't be given a --match")
    except (Exception, SystemExit) as exc:
        raise UsageError(f"factory {name!r} can't be made: {_described(exc)}") from exc
    if not callable(found):
        raise UsageError(f"factory {name!r} can't be called with a target: it is {found!r}")
    factory: Factory = found
    return factory


def _tasks_of(factory: Factory, name: str, target: str) -> list[Task]:
    try:
        tasks = list(factory(target))
    except (Exception, SystemExit) as exc:
        if name not in FACTORIES:
            raise _failed(name, target, _described(exc)) from exc
        if _is_there(target, exc):
            return []
        if isinstance(exc, (PexenError, OSError, ImportError, ValueError)):
            raise UsageError(exc) from exc  # they say what is wrong with the target
        raise
    for task in tasks:
        if not callable(task):
            raise _failed(name, target, f"it yielded {task!r}, which is not callable")
    return tasks


def _is_there(target: str, error: BaseException) -> bool:
    """Whether AutoFactory, which says 'not found' of both, found a target without tasks."""
    if isinstance(error, FileNotFoundError):
        return os.path.exists(target)
    return isinstance(error, ModuleNotFoundError) and target in sys.modules


def _failed(name: str, target: str, why: str) -> UsageError:
    return UsageError(f"factory {name!r} failed with target {target!r}: {why}")


def _described(error: BaseException) -> str:
    """The exception in a line, with the place in the user's code that raised it."""
    import traceback  # only where something is wrong; it is no light import

    text = f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or frames[-1].filename in (__file__, importlib.__file__):
        return text
    file, line = frames[-1].filename, frames[-1].lineno
    return text if file.startswith("<frozen") else f"{text} ({file}, line {line})"
