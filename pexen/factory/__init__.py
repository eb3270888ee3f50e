"""Factories: objects that, called with an input, yield tasks; they run before execution."""

from typing import TYPE_CHECKING

from ..util import late_names
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
    # Importing the standard library's unittest costs more than all the others together.
    __getattr__, __dir__ = late_names(
        globals(), {"UnittestFactory": "unittest", "unittest": "unittest"}
    )


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
