"""Run callables in the right order, in parallel, and get each result as it arrives.

The names here are the ones a user starts with; each is defined in the package it
comes from: the scheduler in `pexen.sched`, collecting tasks in `pexen.factory`.
"""

from typing import TYPE_CHECKING

from . import factory, sched
from .sched.meta import func_meta as task
from .util import PexenError, PexenWarning, late_names
from .util import __version__ as __version__

if TYPE_CHECKING:
    from .sched import Sched
else:
    # Whoever only annotates tasks, as a thousand modules may, needn't load the scheduler.
    __getattr__, __dir__ = late_names(globals(), {"Sched": "sched"})

__all__ = ["PexenError", "PexenWarning", "Sched", "factory", "sched", "task"]
