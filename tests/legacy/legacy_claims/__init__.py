"""What existing code relies upon, one function for each claim, named as the claim.

The functions use the interface of pexen 0.0.3 alone, and no pytest, so that the same
ones run with 0.0.3, where they show that it truly behaves so.
"""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pexen import PexenWarning
from pexen.sched.meta import assign_val

Claim = Callable[..., None]
C = TypeVar("C", bound=Claim)

CLAIMS: dict[str, Claim] = {}
OURS_ONLY: dict[str, str] = {}  # claims that 0.0.3 doesn't meet, and what it does instead
HANGING: set[str] = set()  # those of them with which it hangs
POOL_CLAIMS: dict[str, Claim] = {}  # these take the class of the pool


def claim(function: C) -> C:
    """Note a claim, which is met if the function returns."""
    assert function.__name__ not in CLAIMS and function.__name__ not in POOL_CLAIMS
    CLAIMS[function.__name__] = function
    return function


def pool_claim(function: C) -> C:
    """Note a claim about either kind of pool, given as the argument."""
    assert function.__name__ not in CLAIMS and function.__name__ not in POOL_CLAIMS
    POOL_CLAIMS[function.__name__] = function
    return function


def ours_only(instead: str, hangs: bool = False) -> Callable[[C], C]:
    """The wheel of 0.0.3 does something else instead."""

    def note(function: C) -> C:
        OURS_ONLY[function.__name__] = instead
        if hangs:
            HANGING.add(function.__name__)
        return function

    return note


@contextlib.contextmanager
def raises(kind: type[BaseException], *fragments: str) -> Iterator[list[Any]]:
    """The body raises that kind of exception, with these fragments in its text."""
    caught: list[Any] = []
    try:
        yield caught
    except kind as exc:
        for fragment in fragments:
            assert fragment in str(exc), f"{fragment!r} is not in {str(exc)!r}"
        caught.append(exc)
        return
    raise AssertionError(f"{kind.__name__} was not raised")


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """A list of the texts of pexen's warnings in the body; others are left out."""
    texts: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield texts
        texts.extend(str(w.message) for w in caught if issubclass(w.category, PexenWarning))


def about(pattern: str, texts: Iterable[str]) -> list[str]:
    """Those of the texts that the pattern is found in."""
    return [text for text in texts if re.search(pattern, text)]


def names(results: Iterable[Any]) -> list[str]:
    """The names of the results' tasks."""
    return [res.task.__name__ for res in results]


def make(name: str, body: Callable[[], Any] | None = None, **fields: Any) -> Callable[..., Any]:
    """A task of that name, which takes the shared dict."""
    def task(shared: dict[str, Any]) -> Any:
        return None if body is None else body()

    task.__name__ = name
    assign_val(task, **fields)
    return task


def fail() -> None:
    """Fail out of control."""
    raise ValueError("out of control")
