"""Try claims with the pexen there is, and print what became of each as a JSON line.

The argument says which: those `met` by pexen 0.0.3, the `unmet`, or the `hanging`.
"""

from __future__ import annotations

import json
import os
import sys
import traceback

import pexen

# First of all, as importing more would make them attributes as well.
HAS_ROOMS = hasattr(pexen, "sched") and hasattr(pexen, "factory")

from legacy_claims import HANGING, OURS_ONLY  # noqa: E402
from legacy_claims.trials import Trial, claim_of, trials  # noqa: E402


def error_of(trial: Trial) -> str | None:
    try:
        trial()
    except BaseException:
        return traceback.format_exc()
    return None


def kind_of(name: str) -> str:
    claim = claim_of(name)
    return "hanging" if claim in HANGING else "unmet" if claim in OURS_ONLY else "met"


def main(kind: str) -> None:
    print(json.dumps(["import pexen", None if HAS_ROOMS else "a room is missing"]))
    for name, trial in trials().items():
        if kind_of(name) == kind:
            print(json.dumps([name, error_of(trial)]), flush=True)
    if kind == "unmet":
        os._exit(0)  # 0.0.3 would wait for workers that it has lost sight of


if __name__ == "__main__":
    main(sys.argv[1])
