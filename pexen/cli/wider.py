"""From targets that are parts of packages to a command line that takes what those parts need."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence

from ..factory.imports import full_name


def proposal(targets: Sequence[str]) -> str:
    """What to type to have the targets with what the rest of their packages provides.

    A clause to follow an error that something isn't provided; empty if that can't be why.
    """
    wider = [each for each in map(_in_package, targets) if each is not None]
    if len(wider) < len(targets):
        return ""
    words = ["pexen", "run", *dict.fromkeys(package for package, _ in wider)]
    for _, name in wider:
        words += ["--only", name]
    return f"; to have what the rest of the package provides: {shlex.join(words)}"


def _in_package(target: str) -> tuple[str, str] | None:
    """The outermost package, as a target, and what the target's tasks are below there.

    None for a target that isn't in one.
    """
    if os.path.isdir(target) or os.path.isfile(target) and target.endswith(".py"):
        top, name = full_name(target)
        package = os.path.relpath(os.path.join(top, name.partition(".")[0]))
    elif not os.path.exists(target):
        name, package = target, target.partition(".")[0]
    else:
        return None
    return (package, name.replace(".", "/")) if "." in name else None
