"""Tasks that raise what is hard to bring home, which any worker can import."""

from __future__ import annotations

import socket
import threading
from typing import Any, NoReturn


class OwnBaseException(BaseException):
    """One that isn't an Exception."""


class NeedsTwo(Exception):
    """It can't be made again from its args alone."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")
        self.second = second


class NeedsKeyword(Exception):
    def __init__(self, *, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BrokenText(Exception):
    """One that can't even be printed."""

    def __str__(self) -> str:
        raise RuntimeError("no text for you")


def raise_type(kind: type[BaseException], *args: Any) -> NoReturn:
    raise kind(*args)


def raise_needs_two() -> NoReturn:
    raise NeedsTwo("one", "two")


def raise_needs_keyword() -> NoReturn:
    raise NeedsKeyword(reason="because")


def raise_local_class() -> NoReturn:
    class Local(NeedsTwo):
        pass

    raise Local("one", "two")


def raise_with_lock() -> NoReturn:
    error = ValueError("has a lock")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    error.number = 7  # type: ignore[attr-defined]
    raise error


def raise_with_argument_that_stays() -> NoReturn:
    raise ValueError("has a lambda", lambda: None)


def raise_from_cause_that_stays() -> NoReturn:
    class LocalCause(Exception):
        pass

    try:
        raise LocalCause("the deep reason")
    except LocalCause as exc:
        raise ValueError("the outcome") from exc


def raise_in_context_that_stays() -> NoReturn:
    try:
        raise_with_lock()
    except ValueError:
        raise KeyError("while at it")  # noqa: B904  # its context is what is tried


def raise_group() -> NoReturn:
    raise ExceptionGroup("several", [NeedsTwo("one", "two"), OSError(2, "no such thing")])


def raise_with_notes() -> NoReturn:
    error = ValueError("noted")
    error.add_note("a note on it")
    raise error


def raise_chain(length: int) -> NoReturn:
    """One exception after another, each caused by the one before."""
    error = ValueError("number 0")
    for number in range(1, length):
        following = ValueError(f"number {number}")
        following.__cause__ = error
        error = following
    raise error


def raise_own_cause() -> NoReturn:
    """Two exceptions, each the cause of the other."""
    first, second = ValueError("first"), ValueError("second")
    first.__cause__, second.__cause__ = second, first
    raise first


def recurse() -> int:
    return 1 + recurse()


# -- results that stay --------------------------------------------------------------------------


def return_lambda() -> Any:
    return lambda: None


def return_generator() -> Any:
    return (number for number in range(3))


def return_local_instance() -> Any:
    class Local:
        pass

    return Local()


def return_lock() -> Any:
    return threading.Lock()


def return_socket() -> Any:
    return socket.socket()


def share_lambda(shared: dict[str, Any]) -> None:
    shared["callback"] = lambda: None


def nested(depth: int) -> list[Any]:
    inner: list[Any] = []
    for _ in range(depth):
        inner = [inner]
    return inner


def share_nested(shared: dict[str, Any], *, depth: int) -> None:
    shared["nested"] = nested(depth)


def raise_nested(depth: int) -> NoReturn:
    raise ValueError(nested(depth))
