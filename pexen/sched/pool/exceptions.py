"""How an exception crosses between processes: in parts, as any of them may be what can't.

The text of the traceback always travels. The type does, or its nearest base that can be
pickled. The exception itself and those it is chained to (`__cause__`, `__context__`) each
travel by themselves; one that can't is left out of the chain.

One that pickles, but can't be loaded as its `__init__` needs more than its `args`, is rebuilt
without `__init__`, as pickle does with other objects. Of one that is chained, attributes that
can't travel are left out; of the first one that would be less than what was promised, so it
stays behind as a whole.
"""

from __future__ import annotations

import contextlib
import pickle
import traceback
from typing import Any, NamedTuple

from ..common import ExceptionInfo

# How many exceptions of a chain travel.
_MAX_CHAIN = 100


class _Link(NamedTuple):
    """An exception of a chain, which refers to others by their place in it."""

    pickled: bytes | None
    cause: int | None
    context: int | None
    suppress_context: bool


def describe(exc: BaseException) -> str:
    """An exception in one line, also where its own text can't be had."""
    return traceback.format_exception_only(exc)[0].strip()


def message(exc: BaseException) -> str:
    """What an exception says; where that can't be had, or is nothing, what it is."""
    with contextlib.suppress(BaseException):
        return str(exc) or describe(exc)
    return describe(exc)


def encode_exception(info: ExceptionInfo) -> bytes:
    """What can travel of an exception."""
    try:
        text = info.text
    except BaseException as exc:  # an exception whose own __str__ raises
        text = f"{info.type!r} (its text can't be had: {type(exc).__name__})"
    try:
        plain = [tuple(link) for link in _links(info.val)]
    except BaseException:  # its `__cause__` is a property that raises, say
        plain = []
    for base in (info.type or BaseException).__mro__:
        try:
            return pickle.dumps((pickle.dumps(base, 5), plain, text), 5)
        except BaseException:
            continue  # a class local to the task: its nearest base that can travel
    raise AssertionError("object can always be pickled")


def decode_exception(pickled: bytes) -> ExceptionInfo | None:
    """What has arrived of an exception."""
    if not pickled:
        return None
    type_bytes, plain, text = pickle.loads(pickled)
    exc_type: type[BaseException] = BaseException
    value = None
    try:
        exc_type = pickle.loads(type_bytes)
        value = _rebuilt_chain([_Link(*fields) for fields in plain])
    except BaseException:
        pass  # it could be loaded in the worker and can't be here; the text tells
    info = ExceptionInfo(exc_type, value, None)
    info._text = text
    return info


def _links(first: BaseException | None) -> list[_Link]:
    chain = [] if first is None else _chain_of(first)
    return [
        _Link(
            _pickled(exc) or _bared(exc, whole=exc is first),
            _place(chain, exc.__cause__),
            _place(chain, exc.__context__),
            exc.__suppress_context__,
        )
        for exc in chain
    ]


def _chain_of(first: BaseException) -> list[BaseException]:
    """The exception and all that it is chained to, in whatever shape, each once."""
    chain = [first]
    for exc in chain:  # grows as it is walked
        for other in (exc.__cause__, exc.__context__):
            if other is not None and _place(chain, other) is None and len(chain) < _MAX_CHAIN:
                chain.append(other)
    return chain


def _place(chain: list[BaseException], wanted: BaseException | None) -> int | None:
    return next((n for n, exc in enumerate(chain) if exc is wanted), None)


def _pickled(exc: BaseException) -> bytes | None:
    """The exception, tried out; None if it can't travel."""
    try:
        pickled = pickle.dumps(exc, 5)
        if type(pickle.loads(pickled)) is type(exc):
            return pickled
    except BaseException:
        pass  # an `__init__` that needs more than `args`, an attribute that can't be pickled
    return None


def _bared(exc: BaseException, whole: bool) -> bytes | None:
    """The exception without its `__init__`, tried out; None if it can't travel so either."""
    try:
        args, state = exc.args, vars(exc)
        if not whole:
            args = tuple(map(_portable, args))
            state = {name: v for name, v in state.items() if _portable(v) is v}
        pickled = pickle.dumps(_Bare(type(exc), args, state), 5)
        if type(pickle.loads(pickled)) is type(exc):
            return pickled
    except BaseException:
        pass  # a class local to the task, or stranger
    return None


class _Bare:
    """Pickles as an exception that is rebuilt without its `__init__`."""

    def __init__(self, cls: type, args: tuple[Any, ...], state: dict[str, Any]) -> None:
        self._parts = cls, args, state

    def __reduce__(self) -> Any:
        return _rebuilt, self._parts


def _rebuilt(cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> Any:
    exc = cls.__new__(cls, *args)
    exc.args = args
    vars(exc).update(state)
    return exc


def _portable(value: Any) -> Any:
    """The value, or its repr if it can't travel."""
    try:
        pickle.loads(pickle.dumps(value, 5))
    except BaseException:  # it may be anything, and raise anything
        return repr(value)
    return value


def _rebuilt_chain(links: list[_Link]) -> BaseException | None:
    loaded = [_loaded(link) for link in links]
    for link, exc in zip(links, loaded, strict=True):
        if exc is not None:
            exc.__cause__ = None if link.cause is None else loaded[link.cause]
            exc.__context__ = None if link.context is None else loaded[link.context]
            exc.__suppress_context__ = link.suppress_context
    return loaded[0] if loaded else None


def _loaded(link: _Link) -> BaseException | None:
    try:
        value = None if link.pickled is None else pickle.loads(link.pickled)
    except BaseException:  # it could be loaded in the worker; here the chain lacks it
        return None
    return value if isinstance(value, BaseException) else None
