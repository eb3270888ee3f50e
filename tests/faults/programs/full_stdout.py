"""A run with a task that writes 1 MB to stdout, beside others that don't.

Arguments: the kind of pool, whether to "write" or to "print", the path of a report with a line
for each result, and maybe the task's timeout.
"""

from __future__ import annotations

import functools
import os
import sys
import warnings

from fault_programs import make

from pexen import PexenWarning, Sched, task

SIZE = 1_000_000


def fill(*, how: str) -> None:
    if how == "print":
        print("x" * SIZE, end="", flush=True)
        return
    left = SIZE
    while left:
        left -= os.write(1, b"x" * min(left, 4096))


def other() -> None:
    pass


def main() -> None:
    kind, how, report, *timeout = sys.argv[1:]
    warnings.simplefilter("ignore", PexenWarning)
    fills = task(fill, kwargs={"how": how}, timeout=float(timeout[0]) if timeout else None)
    sched = Sched([fills, *(functools.partial(other) for _ in range(8))])
    with open(report, "a", buffering=1) as file:
        for res in sched.run(make(kind, workers=2)):
            print("fill" if res.task is fills else "other", res.outcome, file=file)
        print("ended", file=file)


if __name__ == "__main__":
    main()
