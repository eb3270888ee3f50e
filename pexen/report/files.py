"""Reports of a run, each an object that a `Suite` is given, and that writes a file.

What is a function of the record is written at the end, as a whole, also if the run was interrupted
or left; the JSON lines are written while it goes on. Each can be given to several runs, one after
the other, and has the last one. All names are also those of `pexen.report`.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from ..util import PexenWarning
from .record import Document, Record, about_run
from .writing import ReportError, check_writable, write

# Each format is imported when the first report in it is written.


class RecordFile(Record):
    """A file made of the record of a run.

    `path` is as seen from the current folder; ReportError if it couldn't be written. `suite` is
    what the tasks are called together. What goes wrong in the end is warned of.
    """

    def __init__(self, path: str | os.PathLike[str], suite: str = "suite") -> None:
        super().__init__(about_run(suite, sys.argv))
        self.path = os.fspath(path)
        check_writable(self.path)
        self._absolute = os.path.abspath(self.path)  # lest a task goes to another folder

    def end(self, interrupted: bool, /) -> None:
        super().end(interrupted)
        try:
            write(self._absolute, self.content(self.document()))
        except ReportError as exc:
            warnings.warn(f"{exc}; the run has no such report", PexenWarning, stacklevel=2)

    @staticmethod
    def content(document: Document) -> bytes:
        """What the file has, of a record of a run."""
        raise NotImplementedError


class JsonFile(RecordFile):
    """The record itself, as `pexen run --json` writes it."""

    @staticmethod
    def content(document: Document) -> bytes:
        return json.dumps(document, indent=1).encode() + b"\n"


class JUnitFile(RecordFile):
    """JUnit's XML, as `pexen run --junitxml` writes it."""

    @staticmethod
    def content(document: Document) -> bytes:
        from .junit import junit

        return junit(_ended(document), document["suite"], document["began"], document["elapsed"])


class HtmlFile(RecordFile):
    """A page for people, as `pexen run --html` writes it."""

    @staticmethod
    def content(document: Document) -> bytes:
        from .html import html

        return html({**document, "name": document["suite"]})


class TapFile(RecordFile):
    """The Test Anything Protocol, as `pexen run --tap` writes it."""

    @staticmethod
    def content(document: Document) -> bytes:
        from .tap import tap

        return tap(_ended(document)).encode(errors="backslashreplace")


class TraceFile(RecordFile):
    """A timeline, as `pexen run --trace` writes it."""

    @staticmethod
    def content(document: Document) -> bytes:
        from .trace import trace

        return trace(_ended(document)).encode()


def _ended(document: Document) -> list[Mapping[str, Any]]:
    return [task for task in document["tasks"] if task["outcome"] is not None]
