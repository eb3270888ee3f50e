"""Test suites: which tasks are run, and what each of them finds."""

from .case import Case, opened
from .expression import ExpressionError, parse
from .findings import Finding, SuiteError, report
from .selection import Selected, select

__all__ = [
    "Case",
    "ExpressionError",
    "Finding",
    "Selected",
    "SuiteError",
    "opened",
    "parse",
    "report",
    "select",
]
