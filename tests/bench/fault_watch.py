"""Watch over one cell of tests/bench/faults.py, and judge it.

    python fault_watch.py ROW POOL

Prints a line of JSON: the word for the table, why, and what was seen. This process is
where orphans of the cell are sent by the system, so nothing that the cell starts can
escape it; whatever is left in the end is killed.
"""

from __future__ import annotations

import ctypes
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fault_plan import LATE_WAIT
from fault_rows import BY_NAME, INTERRUPTED, LEFT, ORPHANED, SOAK, Row
from fault_tasks import MARK, die_reading_once
from fault_verdict import Seen, faults_found

SET_CHILD_SUBREAPER = 36  # of prctl(2)

# Seconds that: nothing may happen for, beyond what a row waits; processes may take to go when
# the cell has ended; a pool may take to end its busy tasks.
SILENCE = 5.0
GRACE = 2.0
END = 4.0

KILL_EVERY = 0.05


# -- processes ------------------------------------------------------------------------------


def processes() -> dict[int, tuple[int, str]]:
    """Parent and state of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found[int(path.parent.name)] = int(fields[1]), fields[0]
    return found


def descendants(root: int) -> list[int]:
    """The processes below one, those that have ended left out."""
    table = processes()
    found, parents = [], {root}
    while parents:
        children = {pid for pid, (parent, _) in table.items() if parent in parents}
        found += [pid for pid in children if table[pid][1] not in "ZX"]
        parents = children
    return sorted(found)


def command_of(pid: int) -> str:
    """Its command line, as far as it can be had."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def workers_of(cell: int) -> list[int]:
    """Its workers: all but the servers that multiprocessing and its like start."""
    servers = {
        pid
        for pid, (parent, _) in processes().items()
        if parent == cell and ("forkserver" in (name := command_of(pid)) or "tracker" in name)
    }
    return [pid for pid in descendants(cell) if pid not in servers]


def reap(but: int) -> None:
    """Collect the orphans that have ended."""
    for pid, (parent, state) in processes().items():
        if parent == os.getpid() and state == "Z" and pid != but:
            os.waitpid(pid, os.WNOHANG)


def sweep(cell: int) -> None:
    """Kill all that is left."""
    while pids := descendants(os.getpid()):
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)
        reap(cell)


# -- watching -------------------------------------------------------------------------------


class Watch:
    """Runs a cell to its end, or to the end of patience."""

    def __init__(self, row: Row, pool: str, folder: str) -> None:
        self._row = row
        self._folder = Path(folder)
        self._record = self._folder / "record"
        self._record.touch()
        self._size = 0
        self._random = random.Random(0)
        self.seen = Seen()
        environment = os.environ | {"FAULT_FOLDER": folder, "FAULT_POOL": pool}
        environment |= {"PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": folder}
        script = str(Path(__file__).with_name("fault_cell.py"))
        command = [sys.executable, script, row.name, pool, str(self._record)]
        with open(self._folder / "err", "wb") as errors:
            self._cell = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )

    def run(self) -> Seen:
        """Watch; returns what was seen."""
        try:
            if self._row.kind in (INTERRUPTED, ORPHANED, LEFT):
                self._run_busy()
            else:
                self._run_quietly()
            self.seen.status = self._cell.poll()
            self._read()
            left = descendants(os.getpid())
            self.seen.left = [command_of(pid) for pid in left if pid != self._cell.pid]
        finally:
            sweep(self._cell.pid)
            self._cell.wait()
        if self._row.initializer is die_reading_once:
            self.seen.struck = (self._folder / MARK).exists()
        if self._row.kind == SOAK:
            self.seen.struck = self.seen.kills > 0
        self.seen.errors = (self._folder / "err").read_text(errors="replace")
        return self.seen

    def _run_quietly(self) -> None:
        """Until the cell has ended, or nothing happens any more."""
        heard = killed = time.monotonic()
        while self._cell.poll() is None and time.monotonic() - heard < self._patience():
            if self._read():
                heard = time.monotonic()
            if self.seen.has("late"):
                (self._folder / "calm").touch()
            elif self._is_soaking() and time.monotonic() - killed > KILL_EVERY:
                killed = time.monotonic()
                self._kill_one()
            time.sleep(0.02)
        if self._cell.poll() is not None:
            self._await_end(time.monotonic() + GRACE)

    def _is_soaking(self) -> bool:
        return self._row.kind == SOAK and self.seen.has("submitted")

    def _patience(self) -> float:
        """How long nothing may be heard."""
        return (LATE_WAIT if self.seen.has("late") else self._row.wait) + SILENCE

    def _run_busy(self) -> None:
        """Until the cell's workers are busy; then do what the row says."""
        end = time.monotonic() + self._patience()
        while not self._is_time() and time.monotonic() < end and self._cell.poll() is None:
            self._read()
            time.sleep(0.02)
        self.seen.struck = self._is_time()
        start = time.monotonic()
        if self._row.kind == INTERRUPTED:
            os.killpg(self._cell.pid, signal.SIGINT)
        elif self._row.kind == ORPHANED:
            os.kill(self._cell.pid, signal.SIGKILL)
        self._await_end(start + END)
        self.seen.seconds = time.monotonic() - start

    def _is_time(self) -> bool:
        if self._row.kind == LEFT:
            return self.seen.has("leaving")
        return len(list(self._folder.glob("busy-*"))) == 2

    def _await_end(self, end: float) -> None:
        """Until no process is left of all that the cell has started."""
        while time.monotonic() < end:
            self._cell.poll()
            reap(self._cell.pid)
            if not descendants(os.getpid()):
                return
            time.sleep(0.02)

    def _kill_one(self) -> None:
        workers = workers_of(self._cell.pid)
        if workers:
            try:
                os.kill(self._random.choice(workers), signal.SIGKILL)
                self.seen.kills += 1
            except ProcessLookupError:
                pass

    def _read(self) -> bool:
        """Read what is new in the record; returns whether something is."""
        data = self._record.read_bytes()[self._size :]
        whole = data[: data.rfind(b"\n") + 1]
        self._size += len(whole)
        self.seen.events += map(json.loads, whole.splitlines())
        return bool(whole)


def main() -> None:
    """Watch over the cell, and print the verdict."""
    row, pool = BY_NAME[sys.argv[1]], sys.argv[2]
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        seen = Watch(row, pool, folder).run()
    word, why = next(faults_found(row, seen), ("survived", ""))
    took = time.monotonic() - start
    verdict = {"word": word, "why": why, "took": round(took, 2), "seconds": seen.seconds}
    print(json.dumps(verdict | {"kills": seen.kills, "errors": seen.errors[-2000:]}))


if __name__ == "__main__":
    main()
