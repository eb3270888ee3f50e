"""The reports of a run that are asked for by options: each a file, and the format it is in."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import stat
from argparse import Namespace
from collections.abc import Callable, Mapping
from typing import Any

from ..report import github
from .ending import CommandError, UsageError, say
from .output import put

Document = Mapping[str, Any]


# Each module is imported when its report is asked for.


def _junit(document: Document) -> bytes:
    from ..report.junit import junit

    return junit(_ended(document), document["suite"], document["began"], document["elapsed"])


def _tap(document: Document) -> bytes:
    from ..report.tap import tap

    return tap(_ended(document)).encode(errors="backslashreplace")


def _trace(document: Document) -> bytes:
    from ..report.trace import trace

    return trace(_ended(document)).encode()


def _html(document: Document) -> bytes:
    from ..report.html import html

    return html({**document, "name": document["suite"]})


def _json(document: Document) -> bytes:
    return json.dumps(document, indent=1).encode() + b"\n"


def _ended(document: Document) -> list[Mapping[str, Any]]:
    return [task for task in document["tasks"] if task["outcome"] is not None]


# Of each option, what it writes and what makes that of the record of a run.
FORMATS: dict[str, tuple[str, Callable[[Document], bytes]]] = {
    "json": ("a record of the run, for 'pexen graph --run' and programs", _json),
    "junitxml": ("JUnit's XML, for CI systems", _junit),
    "html": ("one page with failures, timeline and graph, for people", _html),
    "tap": ("the Test Anything Protocol", _tap),
    "trace": ("a timeline for Perfetto or chrome://tracing", _trace),
}


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add an option for each format."""
    group = parser.add_argument_group("reports, each written at the end")
    for name, (what, _) in FORMATS.items():
        group.add_argument(f"--{name}", metavar="FILE", help=what)


def wanted(args: Namespace) -> dict[str, str]:
    """The files that are asked for, by format."""
    return {name: vars(args)[name] for name in FORMATS if vars(args)[name] is not None}


def check(args: Namespace) -> None:
    """UsageError if a report couldn't be written in the end."""
    for path in wanted(args).values():
        check_writable(path)


def check_writable(path: str) -> None:
    """UsageError if the file couldn't be written."""
    if path == "-":
        raise UsageError("a report can't go to stdout, where the run is shown; name a file")
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise UsageError(f"file {path!r} is a folder; name a file for the record of the run")
    if not os.path.isdir(folder):
        raise UsageError(f"folder {folder!r} of {path!r} doesn't exist; make it first")
    if not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise UsageError(f"file {path!r} can't be written; permission is denied")


def write_all(args: Namespace, document: Document) -> bool:
    """Write what is asked for; what can't be is told of. Whether all was written."""
    well = True
    for name, path in wanted(args).items():
        try:
            write(path, FORMATS[name][1](document))
        except CommandError as exc:
            say("error", exc)
            well = False
    return well


def tell_github(document: Document) -> None:
    """Say to GitHub Actions which tasks failed, and write its summary of the step."""
    results = [_from_here(task) for task in _ended(document)]
    for line in github.errors(results):
        put(line)
    text = github.summary(results, document["elapsed"], document["interrupted"])
    problem = github.append_summary(text, os.environ)
    if problem is not None:
        say("warning", problem)


def _from_here(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """The task with the file's name as GitHub has it, seen from the current folder."""
    file = task.get("file")
    return task if file is None else {**task, "file": os.path.relpath(file)}


def write(path: str, content: bytes) -> None:
    """Write the file as a whole: who reads it meanwhile sees the old one."""
    try:
        if os.path.exists(path) and not stat.S_ISREG(os.stat(path).st_mode):
            with open(path, "wb") as file:  # a device or a named pipe
                file.write(content)
            return
        target = os.path.realpath(path)
        passing = f"{target}.{os.getpid()}.tmp"
        try:
            with open(passing, "wb") as file:
                file.write(content)
            os.replace(passing, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(passing)
            raise
    except OSError as exc:
        raise CommandError(f"file {path!r} can't be written: {exc.strerror}") from exc
