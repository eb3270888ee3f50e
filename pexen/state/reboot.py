"""Points of reboot: what ended is safely on the disk, and that a task has come so far.

Written by a process of its own, as a database that is open must not be used in a child that was
forked, which a worker is.
"""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from dataclasses import dataclass

from .folder import StateError
from .store import Store


@dataclass(frozen=True)
class Marker:
    """Marks in the state in `folder` that a task of a run has come to its point of reboot."""

    folder: str
    run: int

    def __call__(self, number: int) -> bool:
        """Mark it, for the task of that number; returns whether it was marked already.

        When this returns, all that was written is on the disk. Raises StateError if it can't be.
        """
        home = os.fspath(pathlib.Path(__file__).parents[2])
        path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
        command = [sys.executable, "-m", __name__, self.folder, str(self.run), str(number)]
        ended = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if ended.returncode:
            why = ended.stderr.strip().splitlines()
            raise StateError(why[-1] if why else f"it ended with status {ended.returncode}")
        return ended.stdout.strip() == "again"


def _mark(folder: str, run: int, number: int) -> bool:
    """Whether it was there already."""
    with Store(pathlib.Path(folder)) as store:
        (listed,) = store.read("SELECT tasks FROM run WHERE id = ?", (run,))[0]
        task = json.loads(listed)[number][0]
        with store.writing() as database:
            insert = "INSERT OR IGNORE INTO passed (run, task) VALUES (?, ?)"
            new = database.execute(insert, (run, task)).rowcount
        store.sync()
    return new == 0


if __name__ == "__main__":
    print("again" if _mark(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])) else "first")
