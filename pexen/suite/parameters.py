"""One function, many tests: each with its own arguments, and with a name that says which.

Only notes the arguments; it is factories that make a task of each.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ..sched.common import CASES_ATTR_NAME, Task, task_name
from .findings import SuiteError

F = TypeVar("F", bound=Callable[..., Any])

# How many characters of a value are part of a name; one that is longer goes by its place.
_MAX_ID = 60

# What follows the function's name, and the arguments.
_Case = tuple[str, dict[str, Any]]


def parametrize(
    names: str | Sequence[str], values: Iterable[Any], ids: Sequence[str] | None = None
) -> Callable[[F], F]:
    """Decorator: the function is as many tasks as there are values, each given one by keyword.

    `names`
        of the parameter; or of several, as a sequence or with commas between: then each of the
        values is a sequence of as many.
    `ids`
        what each is called; without, what its values read as if that is short, and else the
        parameter's name and the value's place. The task of `test_x` with 1 is `test_x[1]`.

    Of several decorators each combines with all of the others, the one at the top varies slowest
    and is named first. All that the function declares holds for each of its tasks: a tag that it
    provides is provided by all of them. A parameter that gets the shared dict stands before those
    that are named here.

    Without values there is no task. Factories yield these tasks where they would yield the
    function; called by itself it is what it was. For worker processes that aren't forked, the
    function has to be at the top level of its module, under its own name. Raises SuiteError for
    what doesn't fit together.
    """
    all_names = _names(names)
    rows = [_row(all_names, value) for value in values]
    if ids is not None and len(ids) != len(rows):
        raise SuiteError(f"parametrize has {len(ids)} ids for {len(rows)} values")
    texts = [_id(row, place) for place, row in enumerate(rows)] if ids is None else ids
    own = list(zip(_unique(list(map(_safe, texts))), rows))

    def decorate(func: F) -> F:
        _check(func, all_names)
        try:
            setattr(func, CASES_ATTR_NAME, _with_inner(func, own))
        except (AttributeError, TypeError):
            raise SuiteError(
                f"{task_name(func)!r} takes no attributes, so no parameters; decorate a function"
            ) from None
        return func

    return decorate


def _with_inner(func: Task, own: list[_Case]) -> list[_Case]:
    """Each of a decorator's cases with each of those of the decorators below it."""
    inner = getattr(func, CASES_ATTR_NAME, None)
    if not isinstance(inner, list):
        return [(f"[{text}]", row) for text, row in own]
    found = []
    for text, row in own:
        for suffix, arguments in inner:
            if not row.keys().isdisjoint(arguments):
                twice = ", ".join(sorted(row.keys() & arguments))
                raise SuiteError(f"{task_name(func)!r} is given {twice!r} twice")
            found.append((f"[{text}-{suffix.removeprefix('[')}", {**row, **arguments}))
    return found


def _names(names: str | Sequence[str]) -> list[str]:
    found = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    wrong = [name for name in found if not isinstance(name, str) or not name.isidentifier()]
    if wrong or not found or len(set(found)) < len(found):
        raise SuiteError(
            f"parametrize was given the names {names!r}; give those of parameters, each once"
        )
    return found


def _row(names: list[str], value: Any) -> dict[str, Any]:
    if len(names) == 1:
        return {names[0]: value}
    if not isinstance(value, Sequence) or isinstance(value, str) or len(value) != len(names):
        raise SuiteError(f"parametrize was given {value!r} for {', '.join(names)}; give one each")
    return dict(zip(names, value))


def _check(func: Task, names: list[str]) -> None:
    try:
        signature = inspect.signature(func)
    except (TypeError, ValueError):
        return  # it can't be had, so that nobody knows
    try:
        signature.bind_partial(**dict.fromkeys(names))
    except TypeError as exc:
        raise SuiteError(f"{task_name(func)!r} can't be given its parameters: {exc}") from None


def _id(row: dict[str, Any], place: int) -> str:
    return "-".join(_text(name, value, place) for name, value in row.items())


def _text(name: str, value: Any, place: int) -> str:
    if isinstance(value, (type, type(_text))):
        return value.__name__
    if isinstance(value, (str, int, float, complex, bytes)) or value is None:
        text = value if isinstance(value, str) else _repr(value)
        if len(text) <= _MAX_ID:
            return text
    return f"{name}{place}"


def _repr(value: object) -> str:
    try:
        return str(value)
    except ValueError:  # an int of too many digits
        return "x" * (_MAX_ID + 1)


def _safe(text: object) -> str:
    """The text without what can't be shown."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in str(text)
    )


def _unique(texts: list[str]) -> list[str]:
    """The texts, those that were there before with a number behind."""
    seen: set[str] = set()
    numbers: dict[str, int] = {}  # of each text, the last one
    found = []
    for text in texts:
        name = text
        while name in seen:
            numbers[text] = numbers.get(text, 1) + 1
            name = f"{text}#{numbers[text]}"
        seen.add(name)
        found.append(name)
    return found
