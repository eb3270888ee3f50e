"""The reports of a run that are asked for by options: each a file, and the format it is in."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace
from collections.abc import Mapping

from ..report import github
from ..report.files import HtmlFile, JsonFile, JUnitFile, RecordFile, TapFile, TraceFile
from ..report.record import Document
from ..report.writing import ReportError, check_writable, write
from .ending import say
from .output import put

# Of each option, what it writes, and what makes that of the record of a run.
FORMATS: dict[str, tuple[str, type[RecordFile]]] = {
    "json": ("a record of the run, for 'pexen graph --run' and programs", JsonFile),
    "junitxml": ("JUnit's XML, for CI systems", JUnitFile),
    "html": ("one page with failures, timeline and graph, for people", HtmlFile),
    "tap": ("the Test Anything Protocol", TapFile),
    "trace": ("a timeline for Perfetto or chrome://tracing", TraceFile),
}


def add_reports(parser: argparse.ArgumentParser) -> None:
    """Add an option for each format."""
    group = parser.add_argument_group("reports, each written at the end")
    for name, (what, _) in FORMATS.items():
        group.add_argument(f"--{name}", metavar="FILE", help=what)


def wanted(args: Namespace, number: int = 0) -> dict[str, str]:
    """The files that are asked for, by format: with a number, those of that round of several."""
    given = {name: vars(args)[name] for name in FORMATS if vars(args)[name] is not None}
    return {name: _numbered(path, number) for name, path in given.items()}


def make_absolute(args: Namespace) -> None:
    """Have the files stay where they are, as a task in a thread may go to another folder."""
    for name in FORMATS:
        if vars(args)[name] is not None:
            vars(args)[name] = os.path.abspath(vars(args)[name])


def _numbered(path: str, number: int) -> str:
    """The path of a round's own file: last-2.html of last.html."""
    if not number or (os.path.exists(path) and not os.path.isfile(path)):  # a pipe, say
        return path
    base, suffix = os.path.splitext(path)
    return f"{base}-{number}{suffix}"


def check(files: Mapping[str, str]) -> None:
    """ReportError if a report couldn't be written in the end."""
    for path in files.values():
        check_writable(path)


def write_all(files: Mapping[str, str], document: Document) -> bool:
    """Write the files, by format; what can't be is told of. Whether all was written."""
    well = True
    for name, path in files.items():
        try:
            write(path, FORMATS[name][1].content(document))
        except ReportError as exc:
            say("error", exc)
            well = False
    return well


def tell_github(document: Document) -> None:
    """Say to GitHub Actions which tasks failed, and write its summary of the step."""
    problem = github.tell(document, put)
    if problem is not None:
        say("warning", problem)
