"""Run callables in the right order, in parallel, and get each result as it arrives.

The names here are the ones a user starts with; each is defined in the package it
comes from: the scheduler in `pexen.sched`, collecting tasks in `pexen.factory`.
"""

from . import factory, sched
from .sched import Sched
from .sched.meta import func_meta as task
from .util import PexenError, PexenWarning

__version__ = "0.1.0"

__all__ = ["PexenError", "PexenWarning", "Sched", "factory", "sched", "task"]
