"""What every factory has: a callpath, which it burns on the tasks it yields.

Knows nothing of where tasks come from.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from types import FunctionType
from typing import Any

from ..sched.common import CALLPATH_ATTR_NAME, Task
from ..sched.meta import SCHED_ATTR_NAME, SchedMeta, assign_meta


def get_callpath(obj: Task) -> list[str]:
    """The place of the task in its tree, as list of names.

    AttributeError if no factory gave it one.
    """
    callpath: list[str] = getattr(obj, CALLPATH_ATTR_NAME)
    return callpath


def meta_of(obj: object) -> SchedMeta | None:
    """The metadata of any object, None where it has none.

    A mock or a proxy answers to every name, or raises what it likes: only a SchedMeta
    counts as metadata.
    """
    try:
        found = getattr(obj, SCHED_ATTR_NAME, None)
    except Exception:
        return None
    return found if isinstance(found, SchedMeta) else None


class BaseFactory:
    """A factory is made once and then called with an input, any number of times.

    Each call yields tasks: callables, each with its callpath burnt on it. A factory
    may run another one: it transfers its callpath, may push a level around the call,
    and hands the tasks on with `yield from`.
    """

    def __init__(self) -> None:
        self.callpath: list[str] = []

    def callpath_transfer(self, other: BaseFactory) -> None:
        """Make the callpath of the other factory a copy of this one's."""
        other.callpath = list(self.callpath)

    def callpath_push(self, name: str) -> None:
        """Go one level down, into `name`."""
        self.callpath.append(name)

    def callpath_pop(self) -> None:
        """Go one level up; IndexError at the top."""
        self.callpath.pop()

    def callpath_burn(self, obj: Task, objname: str = "", path: Iterable[str] = ()) -> None:
        """Note on `obj` the place it has: `path`, or else the factory's, then `objname`.

        AttributeError for a callable that refuses attributes; see `callpath_wrap`.
        """
        callpath = list(path) or list(self.callpath)
        if objname:
            callpath.append(objname)
        if type(obj) is FunctionType:
            setattr(obj, CALLPATH_ATTR_NAME, callpath)
            return
        try:
            setattr(obj, CALLPATH_ATTR_NAME, callpath)
            if get_callpath(obj) != callpath:
                raise AttributeError("it doesn't keep what it is given")
        except Exception as exc:  # a proxy forwards whatever its target raises
            raise AttributeError(
                f"{type(obj).__qualname__} takes no attributes, so no callpath: {exc}; "
                "yield what callpath_wrap() returns in its place"
            ) from None

    def callpath_wrap(self, obj: Task, objname: str = "", path: Iterable[str] = ()) -> Task:
        """As `callpath_burn`, and return what to yield.

        That is `obj`, or a partial of it, with a copy of its metadata, where `obj`
        refuses attributes: a bound method or a builtin.
        """
        if type(obj) is FunctionType:  # nearly all are, and keep what they are given
            self.callpath_burn(obj, objname, path)
            return obj
        path = list(path)
        try:
            self.callpath_burn(obj, objname, path)
        except AttributeError:
            meta = meta_of(obj)
            obj = functools.partial(obj)
            assign_meta(obj, None if meta is None else meta.__copy__())
            self.callpath_burn(obj, objname, path)
        return obj


def attribute(obj: object, name: str) -> Any:
    """The attribute, None where there is none or asking for it raises."""
    try:
        return getattr(obj, name, None)
    except Exception:
        return None
