"""Every claim as something that can be called, by name."""

from __future__ import annotations

import functools
from collections.abc import Callable

from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

from . import CLAIMS, POOL_CLAIMS
from . import calling as calling
from . import failing as failing
from . import metadata as metadata
from . import naming as naming
from . import planning as planning
from . import pools as pools
from . import poolstates as poolstates
from . import processes as processes

Trial = Callable[[], None]


def trials() -> dict[str, Trial]:
    """All claims, those about pools for either kind."""
    found: dict[str, Trial] = dict(CLAIMS)
    for name, function in POOL_CLAIMS.items():
        for kind in ThreadWorkerPool, ProcessWorkerPool:
            found[f"{name}-{kind.__name__}"] = functools.partial(function, kind)
    return found


def claim_of(trial: str) -> str:
    """The name of the claim that is tried."""
    return trial.partition("-")[0]
