"""Factories: objects that, called with an input, yield tasks; they run before execution."""

from typing import TYPE_CHECKING

from . import auto, base, filesystem, modtree, module
from .auto import AutoFactory
from .base import BaseFactory, get_callpath
from .filesystem import FilesystemFactory
from .modtree import ModTreeFactory
from .module import ModuleFactory

if TYPE_CHECKING:
    from . import unittest
    from .unittest import UnittestFactory
else:

    def __getattr__(name: str) -> object:
        # Importing the standard library's unittest costs more than all the others together.
        if name not in ("UnittestFactory", "unittest"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from .unittest import UnittestFactory

        return UnittestFactory if name == "UnittestFactory" else globals()["unittest"]


__all__ = [
    "AutoFactory",
    "BaseFactory",
    "FilesystemFactory",
    "ModTreeFactory",
    "ModuleFactory",
    "UnittestFactory",
    "auto",
    "base",
    "filesystem",
    "get_callpath",
    "modtree",
    "module",
    "unittest",
]
