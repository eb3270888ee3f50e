"""What a task declares about itself: metadata, kept as one attribute of the callable.

There is no table of tasks on the side: where the callable goes, its metadata goes.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NoReturn, TypeGuard, TypeVar, overload

from .common import Task, task_name
from .metacheck import FIELDS

SCHED_ATTR_NAME = "pexen_sched_meta_"

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

# Of each field, its bit in `SchedMeta.stored_bits`.
BITS = {name: 1 << number for number, name in enumerate(FIELDS)}
_KWARGS = BITS["kwargs"]

# Of those fields that a pool has to know of, and what they say: kwargs, and the timeout.
FOR_POOLS = BITS["timeout"] | _KWARGS
Said = tuple[dict[str, Any], float | None]

# Past the check. By this and not by way of its __dict__, an instance has no dict to be made
# and looked after until somebody asks for it.
_put = object.__setattr__

# The fields whose check makes a new set or dict; kwargs stay the dict that was given.
_COPIED = {"requires", "provides", "after", "uses", "claims", "resources"}


class _OnDemand:
    """The default of a field that can be changed in place, so that each task needs its own.

    It comes into being when it is first asked for. What has no __set__ is only asked where the
    instance has nothing of that name. (A __getattr__ would make all attributes five times as slow.)
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, meta: SchedMeta | None, owner: type) -> Any:
        if meta is None:
            raise AttributeError(f"type object {owner.__name__!r} has no attribute {self._name!r}")
        _put(meta, "stored_bits", meta.stored_bits | BITS[self._name])
        return meta.__dict__.setdefault(self._name, self.make())


def _on_demand(make: type[T]) -> T:
    return _OnDemand(make)  # type: ignore[return-value]  # what an instance shows


class SchedMeta:
    """The metadata of one task; each field is an attribute.

    ============= ==========================================================
    requires      set of tags, or `every(tag)`, to be provided before it starts
    provides      set of tags, or `unique(tag)`, that its success provides
    after         set of tags all of whose providers have ended, however
    teardown      it runs also when the run is stopped (bool)
    uses, claims  sets of lock keys taken shared / exclusively; a tuple is hierarchical
    resources     dict from resource name to the amount taken
    exclusive     nothing runs beside it (bool)
    priority      number, lower starts sooner
    kwargs        dict of keyword arguments it is called with
    timeout       seconds it may run, None for no limit
    retries       how often it is attempted again after failing
    retry_delay   seconds between two attempts
    ============= ==========================================================

    A field is checked when it is set and AttributeError raised for a wrong value or
    an unknown field. Only fields that were given are stored in the instance, and few that are
    empty; the default of a set or dict comes into being when it is first asked for.

    Invariant: `stored_bits` has the bit of each field that is stored, and so the kernel reads
    only fields whose bit is there. It may have others. So a bit is set before its field is stored,
    in one expression, in which no other thread comes between reading the bits and writing them.
    What somebody puts into the instance's __dict__ by himself doesn't count.
    """

    stored_bits = 0  # not annotated, as the annotations are the fields

    requires: set[Any] = _on_demand(set)
    provides: set[Any] = _on_demand(set)
    after: set[Any] = _on_demand(set)
    teardown: bool = False
    uses: set[Any] = _on_demand(set)
    claims: set[Any] = _on_demand(set)
    resources: dict[Any, float] = _on_demand(dict)
    exclusive: bool = False
    priority: Any = 0
    kwargs: dict[str, Any] = _on_demand(dict)
    timeout: float | None = None
    retries: int = 0
    retry_delay: float = 0

    def __init__(self, **fields: Any) -> None:
        if fields:
            self.update(fields)

    def update(self, keyvals: Mapping[str, Any]) -> None:
        """Set several fields; none is changed if one of them is wrong."""
        _store(self, _checked(keyvals))

    def __setattr__(self, name: str, value: Any) -> None:
        _store(self, _checked({name: value}))

    def __copy__(self) -> SchedMeta:
        import copy  # which who calls this mostly has

        new = type(self)()
        new.__setstate__({name: copy.copy(value) for name, value in vars(self).items()})
        return new

    def __setstate__(self, state: dict[str, Any]) -> None:
        # A pickle may be of a time when there were no bits.
        self.__dict__.update({**state, "stored_bits": _bits_of(state)})

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SchedMeta):
            return NotImplemented
        return self.given() == other.given()

    __hash__ = None  # type: ignore[assignment]  # mutable

    def __repr__(self) -> str:
        return repr({name: getattr(self, name) for name in FIELDS})

    def given(self) -> dict[str, Any]:
        """The fields whose value differs from their default."""
        fields = vars(self)
        given = {name: fields[name] for name in FIELDS if name in fields}
        return {name: value for name, value in given.items() if value != _default(name)}


def _bits_of(fields: Iterable[str]) -> int:
    bits = 0
    for name in fields:
        bits |= BITS.get(name, 0)
    return bits


def _store(meta: SchedMeta, checked: dict[str, Any]) -> None:
    bits = _bits_of(checked)
    _put(meta, "stored_bits", meta.stored_bits | bits)
    meta.__dict__.update(checked)


def _default(name: str) -> Any:
    default = vars(SchedMeta)[name]
    return default.make() if isinstance(default, _OnDemand) else default


def _checked(fields: Mapping[str, Any]) -> dict[str, Any]:
    if "stored_bits" in fields:  # they are the vars() of other metadata
        fields = {name: fields[name] for name in fields if name != "stored_bits"}
    return {name: FIELDS.get(name, _unknown)(name, value) for name, value in fields.items()}


def _unknown(name: str, value: Any) -> NoReturn:
    known = ", ".join(FIELDS)
    raise AttributeError(f"{name} is not a valid metadata field; fields are {known}")


DEFAULTS = SchedMeta()  # what a task without metadata has; never written to


def is_meta(found: object) -> TypeGuard[SchedMeta]:
    """Whether it really is metadata, and no mock that says so of itself."""
    return issubclass(type(found), SchedMeta)


def has_meta(callobj: Task) -> bool:
    """Whether the callable carries metadata."""
    return is_meta(getattr(callobj, SCHED_ATTR_NAME, None))


def meta_of(callobj: Task) -> SchedMeta:
    """The callable's metadata, or the shared defaults, which are only to be read.

    Some objects, mocks say, show any attribute; only a SchedMeta counts.
    """
    found = getattr(callobj, SCHED_ATTR_NAME, None)
    return found if type(found) is SchedMeta or is_meta(found) else DEFAULTS


def kwargs_of(callobj: Task) -> dict[str, Any]:
    """The keyword arguments that the callable's metadata gives, only to be read."""
    return kwargs_in(meta_of(callobj))


def kwargs_in(meta: SchedMeta) -> dict[str, Any]:
    """The keyword arguments that metadata gives, only to be read."""
    return meta.kwargs if meta.stored_bits & _KWARGS else {}


def for_pool(meta: SchedMeta) -> Said | None:
    """What metadata says now that a pool has to know."""
    return (kwargs_in(meta), meta.timeout) if meta.stored_bits & FOR_POOLS else None


def retrieve_meta(callobj: Task) -> SchedMeta:
    """The metadata of the callable; AttributeError if it has none."""
    meta: SchedMeta = getattr(callobj, SCHED_ATTR_NAME)
    return meta


def assign_meta(callobj: Task, meta: SchedMeta | None = None) -> SchedMeta:
    """Make `meta` the callable's metadata and return it.

    Without `meta`: what it has already, or new metadata. An object that only shows
    its class's metadata gets a copy of its own. AttributeError for a callable that
    refuses attributes.
    """
    if meta is None:
        own = getattr(callobj, "__dict__", {}).get(SCHED_ATTR_NAME)
        # A bound method shows its function's attributes, and can't be given any.
        if isinstance(own, SchedMeta) and type(callobj) is not types.MethodType:
            return own
        shown = meta_of(callobj)
        meta = SchedMeta() if shown is DEFAULTS else shown.__copy__()
    try:
        setattr(callobj, SCHED_ATTR_NAME, meta)
    except (AttributeError, TypeError):
        name = task_name(callobj)
        raise AttributeError(
            f"{callobj!r} takes no attributes, so no metadata; "
            f"use the partial that task({name}, …) returns"
        ) from None
    return meta


def assign_val(callobj: Task, **fields: Any) -> None:
    """Set fields of the callable's metadata, which is created if there is none."""
    checked = _checked(fields)  # raises before the callable is touched
    _store(assign_meta(callobj), checked)


@overload
def func_meta(func: F, /, **fields: Any) -> F: ...
@overload
def func_meta(func: None = None, /, **fields: Any) -> Callable[[F], F]: ...
def func_meta(func: F | None = None, /, **fields: Any) -> F | Callable[[F], F]:
    """Give a callable metadata: a decorator, bare or with fields, or a plain call.

    A callable that refuses attributes (a builtin, a bound method) comes back as a
    `functools.partial` of it that carries the metadata. Raises AttributeError for
    an unknown field or a wrong value.
    """
    checked = _checked(fields)  # raises where the decorator is written
    # A set or dict that is empty and would be copied is as the default, and only stored in the place
    # of another one: of many tasks, they would be most of the memory.
    bits = _bits_of(name for name, value in checked.items() if name not in _COPIED or value)

    def decorate(func: F) -> F:
        try:
            meta = assign_meta(func)
        except AttributeError:
            inherited = meta_of(func).__copy__()
            func = functools.partial(func)  # type: ignore[assignment]  # same to its caller
            meta = assign_meta(func, inherited)
        # A decorator may be used again: what it gives to one task isn't another's.
        _put(meta, "stored_bits", meta.stored_bits | bits)
        for name, value in checked.items():
            if meta.stored_bits & BITS[name]:
                _put(meta, name, value.copy() if name in _COPIED else value)
        return func

    return decorate if func is None else decorate(func)


def _getter(name: str) -> Callable[[Task], Any]:
    def get(callobj: Task) -> Any:
        return getattr(meta_of(callobj), name) if has_meta(callobj) else _default(name)

    get.__name__ = get.__qualname__ = f"get_{name}"
    get.__doc__ = f"The callable's `{name}`, or the default if it has no metadata."
    return get


get_requires = _getter("requires")
get_provides = _getter("provides")
get_uses = _getter("uses")
get_claims = _getter("claims")
get_priority = _getter("priority")
get_kwargs = _getter("kwargs")
