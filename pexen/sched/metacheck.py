"""What values the fields of metadata take: a check for each, which also normalises.

Each takes the field's name and the value, and raises AttributeError naming both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from .common import Tag


class _Marked:
    """A tag with a meaning beyond the plain one; a value, equal and hashed by its tag.

    Not a dataclass, as importing these takes 5 ms, a third of all that annotating takes.
    """

    __slots__ = __match_args__ = ("tag",)

    tag: Tag

    def __init__(self, tag: Tag) -> None:
        object.__setattr__(self, "tag", tag)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{self!r} can't be changed; make another one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self!r} can't be changed; make another one")

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return bool(self.tag == other.tag)

    def __hash__(self) -> int:
        return hash((self.tag,))

    def __reduce__(self) -> tuple[type[_Marked], tuple[Tag]]:
        return type(self), (self.tag,)

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}(tag={self.tag!r})"


class every(_Marked):
    """In `requires`: all providers of the tag, where the plain tag means any of them."""

    __slots__ = ()


class unique(_Marked):
    """In `provides`: this task is the only provider of the tag, as of a build target."""

    __slots__ = ()


def _wrong_type(name: str, value: object, hint: str) -> AttributeError:
    return AttributeError(f"{type(value)} cannot be used for {name}; {hint}")


def check_keys(name: str, value: Any) -> set[Any]:
    if not isinstance(value, (list, set, frozenset)):
        if isinstance(value, tuple):
            raise _wrong_type(name, value, f"a tuple is one key: write [{value!r}] to mean it")
        raise _wrong_type(name, value, "give a set, frozenset or list")
    try:
        keys = set(value)
    except TypeError as exc:
        raise AttributeError(f"{name} {value!r} has a member that can't be one: {exc}") from None
    for key in keys:
        if type(key) is not str:  # nearly all are, and nothing is wrong with one
            _check_key(name, key)
    return keys


def _check_key(name: str, key: object) -> None:
    marker = type(key)
    if marker is every and name != "requires" or marker is unique and name != "provides":
        place = "requires" if marker is every else "provides"
        raise AttributeError(f"{name} can't have {key!r}; {marker.__name__}() belongs in {place}")
    if isinstance(key, (every, unique)):
        if isinstance(key.tag, (every, unique)):
            raise AttributeError(f"{name} has {key!r}; give {marker.__name__}() a plain tag")
        try:
            hash(key.tag)
        except TypeError as exc:
            raise AttributeError(f"{name} has {key!r}: {exc}") from None
    if key == () and name in ("uses", "claims"):
        raise AttributeError(f"{name} has {key!r}; an empty tuple names no lock")


def _is_number(value: object) -> bool:
    if type(value) is int or type(value) is float:
        return value == value  # which a NaN isn't

    import numbers  # only for the likes of a Fraction

    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and not math.isnan(value)  # type: ignore[arg-type]  # isinstance above


def check_priority(name: str, value: Any) -> Any:
    if not _is_number(value):
        raise _wrong_type(name, value, f"a number, lower is sooner, not {value!r}")
    return value


def check_flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise _wrong_type(name, value, f"True or False, not {value!r}")
    return value


def check_kwargs(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _wrong_type(name, value, "give a dict of keyword arguments")
    for key in value:
        if not isinstance(key, str):
            raise AttributeError(f"{name} has the key {key!r}; keyword arguments are named by str")
    return value


def check_resources(name: str, value: Any) -> dict[Any, float]:
    if not isinstance(value, Mapping):
        raise _wrong_type(name, value, "give a dict from resource name to amount")
    for key, amount in value.items():
        if not _is_number(amount) or not 0 < amount < math.inf:
            raise AttributeError(f"{name} has {amount!r} of {key!r}; an amount is a number above 0")
    return dict(value)


def check_timeout(name: str, value: Any) -> Any:
    if value is not None and (not _is_number(value) or value <= 0):
        raise AttributeError(f"{name} is {value!r}; give seconds above 0, or None for no limit")
    return value


def check_retries(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AttributeError(f"{name} is {value!r}; give how many more attempts, 0 or above")
    return value


def check_retry_delay(name: str, value: Any) -> Any:
    if not _is_number(value) or not 0 <= value < math.inf:
        raise AttributeError(f"{name} is {value!r}; give seconds, 0 or above")
    return value


# Of each field, how a value is checked and normalised.
FIELDS: dict[str, Callable[[str, Any], Any]] = {
    "requires": check_keys,
    "provides": check_keys,
    "after": check_keys,
    "teardown": check_flag,
    "uses": check_keys,
    "claims": check_keys,
    "resources": check_resources,
    "exclusive": check_flag,
    "priority": check_priority,
    "kwargs": check_kwargs,
    "timeout": check_timeout,
    "retries": check_retries,
    "retry_delay": check_retry_delay,
}
