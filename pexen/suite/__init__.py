"""Test suites: which tasks are run, and what each of them finds."""

from .case import SuiteRes
from .conditions import only_if
from .done import End, going_on
from .expression import ExpressionError, parse
from .findings import Finding, SuiteError, report
from .selection import Selected, select
from .suite import Suite

__all__ = [
    "End",
    "ExpressionError",
    "Finding",
    "Selected",
    "Suite",
    "SuiteError",
    "SuiteRes",
    "going_on",
    "only_if",
    "parse",
    "report",
    "select",
]
