"""What has no room of its own: version, base exceptions, and names imported when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


__version__ = "0.1.0"


class PexenError(Exception):
    """Base of the errors that pexen itself raises."""


class PexenWarning(UserWarning):
    """Base of the warnings that pexen itself issues."""


def late_names(
    namespace: dict[str, Any], homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package some of whose names are costly to import.

    `namespace` is the package's globals; `homes` gives, of each such name, the submodule that
    has it, or is it. That is imported when the name is first asked for (PEP 562), and from
    then on the name is there as any other.
    """
    package = namespace["__name__"]

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = homes[name]
        module = import_module(f"{package}.{home}")
        found: object = module if name == home else getattr(module, name)
        namespace[name] = found
        return found

    def list_names() -> list[str]:
        return sorted({*namespace, *homes})

    return get, list_names
