"""Test suites: which tasks of a suite are to be run."""

from .expression import ExpressionError, parse
from .selection import Selected, select

__all__ = ["ExpressionError", "Selected", "parse", "select"]
