"""From targets that are parts of packages to a command line that takes what those parts need."""

from __future__ import annotations

import os
from argparse import Namespace

from ..factory.imports import full_name
from .choice import command_for


def proposal(args: Namespace) -> str:
    """What to type to have the targets with what the rest of their packages may provide.

    A clause to follow an error that something isn't provided; empty if that can't be why.
    """
    if args.factory != "auto":
        return ""
    wider = [each for each in map(_in_package, args.targets) if each is not None]
    if len(wider) < len(args.targets):
        return ""
    packages = list(dict.fromkeys(package for package, _ in wider))
    command = command_for(args, packages, [name for _, name in wider])
    return f"; if another part of the package provides that: {command}"


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
