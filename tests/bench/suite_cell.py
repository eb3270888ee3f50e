"""One run of a suite of tasks that do nothing, for suites.py.

    python3 tests/bench/suite_cell.py MODULE {bare|without|all} {processes|threads}

With `all` it is `pexen run` on a terminal, with the state and JSON lines, in the current folder;
`without` is the same command without any of them, whose lines nobody reads; `bare` collects and
runs the same tasks as a suite that nobody listens to, without the command.
"""

from __future__ import annotations

import os
import pty
import sys
import threading
from collections import deque


def bare(module: str, kind: str) -> None:
    """Collect the tasks and run them."""
    from pexen.factory import ModTreeFactory
    from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
    from pexen.suite import Suite

    sys.path.insert(0, os.getcwd())
    pool = ProcessWorkerPool(2) if kind == "processes" else ThreadWorkerPool(2)
    deque(Suite(ModTreeFactory()(module)).run(pool), maxlen=0)


def command(module: str, kind: str) -> None:
    """Run the command on a terminal that is read all the time."""
    from pexen.cli import main

    ours, theirs = pty.openpty()

    def read() -> None:
        while os.read(ours, 1 << 16):
            pass

    threading.Thread(target=read, daemon=True).start()
    os.dup2(theirs, 1)
    os.environ |= {"TERM": "xterm", "PEXEN_STATE_DIR": "state"}
    status = main(["run", f"--{kind}", "-j2", "--jsonl", "lines.jsonl", module])
    assert status == 0, status


def without(module: str, kind: str) -> None:
    """Run the command with neither state, live line nor JSON lines."""
    from pexen.cli import main

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    status = main(["run", f"--{kind}", "-j2", "-q", "--no-state", module])
    assert status == 0, status


KINDS = {"bare": bare, "without": without, "all": command}

if __name__ == "__main__":
    KINDS[sys.argv[2]](sys.argv[1], sys.argv[3])
