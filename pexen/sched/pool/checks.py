"""What numbers a pool can be made and run with."""

from __future__ import annotations

from typing import Any


def check_seconds(name: str, value: Any) -> None:
    """ValueError unless it is a number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
        raise ValueError(f"{name} is {value!r}; give seconds above 0")


def check_count(name: str, value: Any, least: int) -> None:
    """ValueError unless it is a whole number, `least` or above."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} is {value!r}; give a whole number, {least} or above")
