"""A run in workers that import this file, which says on stdout whether SIGINT is blocked then."""

from __future__ import annotations

import signal
import sys

from fault_programs import make

from pexen import Sched

if __name__ == "__mp_main__":
    blocked = signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    print("imported, SIGINT is", "blocked" if blocked else "heard", flush=True)


def end_well() -> None:
    pass


def main() -> None:
    for res in Sched([end_well]).run(make(sys.argv[1], workers=2)):
        print(res.outcome, flush=True)


if __name__ == "__main__":
    main()
