"""Reports of a run: formats that other programs read, a page for people, and the terminal's line.

The names here are objects that a `Suite` is given. What makes each format of plain mappings is in
a module of its own, and is imported from there: none needs the others.
"""

from typing import TYPE_CHECKING

from ..util import late_names

if TYPE_CHECKING:
    from .actions import GitHubActions
    from .base import BaseReport
    from .files import HtmlFile, JsonFile, JUnitFile, TapFile, TraceFile
    from .lines import JsonLines
    from .record import Record
    from .writing import ReportError
else:
    # Who wants one module of these needn't load those that hear of runs.
    __getattr__, __dir__ = late_names(
        globals(),
        {
            **dict.fromkeys(["HtmlFile", "JsonFile", "JUnitFile", "TapFile", "TraceFile"], "files"),
            "BaseReport": "base",
            "GitHubActions": "actions",
            "JsonLines": "lines",
            "Record": "record",
            "ReportError": "writing",
        },
    )

__all__ = [
    "BaseReport",
    "GitHubActions",
    "HtmlFile",
    "JUnitFile",
    "JsonFile",
    "JsonLines",
    "Record",
    "ReportError",
    "TapFile",
    "TraceFile",
]
