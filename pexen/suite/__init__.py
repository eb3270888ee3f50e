"""Test suites: which tasks are run, and what each of them finds."""

from .attachments import Attachment, attach
from .case import SuiteRes
from .conditions import only_if
from .done import End, going_on
from .expression import ExpressionError, parse
from .findings import Finding, SuiteError, report
from .parameters import parametrize
from .reboot import reboot_point
from .selection import Selected, select
from .suite import Suite

__all__ = [
    "Attachment",
    "End",
    "ExpressionError",
    "Finding",
    "Selected",
    "Suite",
    "SuiteError",
    "SuiteRes",
    "attach",
    "going_on",
    "only_if",
    "parametrize",
    "parse",
    "reboot_point",
    "report",
    "select",
]
