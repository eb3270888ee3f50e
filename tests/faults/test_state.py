"""What the state has of a run that is killed, again and again, and goes on each time."""

from __future__ import annotations

import json
import os
import pathlib
import random
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from program_support import FULL, HERE, LIMIT_SECONDS, Program, wait_until
from state_suite import TASKS, noted, source

from pexen.sched.pool.spare import MOST
from pexen.state import Store
from pexen.state.history import results, run_of, runs
from pexen.state.recording import DONE

KILLS = 30 if FULL else 5
LINE = len("begin 1000\n")  # bytes of the log
BEHIND = 200  # lines that a run may go on for when it is to be killed
WORKERS = 4

# Of the tasks that a run has handed out, so many may have no result yet in the state: those that
# its workers are at, and those that were handed to them to spare.
IN_FLIGHT = WORKERS + MOST


@pytest.fixture
def deadline() -> float:
    return 900.0 if FULL else 240.0


class Killed:
    """A run that is killed, and goes on, in a folder; keeps count of what it sees."""

    def __init__(self, folder: pathlib.Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.kills = 0
        self.in_flight: set[int] = set()  # handed out at a kill, and not in the state
        self.unrecorded = 0  # of these, those that had ended
        self.ended: dict[int, Any] = {}  # what the state has of each that ended
        self.first = True
        self.most = 0
        self._seen = 0, 0  # of what was noted

    def run(self, kill_at: int | None) -> str:
        """Run, or go on, until so many lines are in the log, or to the end; what it says."""
        words = ["suite"] if self.first else ["--resume", "suite"]
        command = ["-m", "pexen", "run", f"-j{WORKERS}", *words]
        last = self.folder / "last"
        if kill_at is None:
            last.unlink(missing_ok=True)
        else:
            last.write_text(str((kill_at + BEHIND) * LINE))
        with Program(*command, folder=self.folder) as program:
            if kill_at is None:
                return self._at_end(program)
            log = self.folder / "log"
            wait_until(lambda: program.process.poll() is not None or _lines(log) >= kill_at)
            time.sleep(self.random.choice([0, 0, self.random.uniform(0, 0.03)]))
            program.signal(signal.SIGKILL)
            status = program.end().status
        # Now all workers are gone as well.
        if status == -signal.SIGKILL:
            self.kills += 1
        self._look()
        return ""

    def _at_end(self, program: Program) -> str:
        end = program.end(seconds=LIMIT_SECONDS * 2)
        assert end.status == 0, f"{end.out[-3000:]}\n{end.err[-3000:]}"
        self._look()
        return end.out

    def _look(self) -> None:
        """See what the state has, and that it fits what was noted."""
        before = self.ended
        if not (self.folder / ".pexen" / "state.db").exists():
            return
        with Store(self.folder / ".pexen") as store:
            run = run_of(store)
            if run is None:
                return
            self.first = False
            self.ended = {int(past.name[-4:]): past.how._replace(shared=None) for past in results(store, run.number)}
            assert len(runs(store)) == 1
        begun, ended = noted(self.folder)
        assert set(self.ended) <= set(ended), "in the state, but not in the log"
        assert {n: self.ended[n] for n in before} == before, "a result was lost, or replaced"
        assert {how.outcome for how in self.ended.values()} <= {"ok"}
        now = set(begun[self._seen[0] :]) - set(self.ended)
        assert len(now) <= IN_FLIGHT
        self.in_flight |= now
        self.most = max(self.most, len(now))
        self.unrecorded += len(set(ended[self._seen[1] :]) - set(self.ended))
        self._seen = len(begun), len(ended)

    def is_over(self) -> bool:
        with Store(self.folder / ".pexen") as store:
            run = run_of(store)
            return run is not None and run.status == DONE

    def document(self) -> dict[str, Any]:
        """What `pexen report --json` has."""
        self.pexen("report", "--json", "report.json")
        found: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return found

    def pexen(self, *words: str) -> str:
        env = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
        env.pop("PEXEN_STATE_DIR", None)
        command = [sys.executable, "-m", "pexen", *words]
        return subprocess.run(
            command, cwd=self.folder, env=env, check=True, capture_output=True, text=True
        ).stdout


def _lines(log: pathlib.Path) -> int:
    try:
        return log.stat().st_size // LINE
    except FileNotFoundError:
        return 0


@pytest.mark.parametrize("seed", [1])
def test_a_run_that_is_killed_goes_on_without_loss_or_repetition(
    tmp_path: pathlib.Path, seed: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "suite.py").write_text(source())
    killed = Killed(tmp_path, seed)
    for place in range(KILLS):
        share = TASKS * 2 * 0.9 / KILLS
        killed.run(int(share * (place + killed.random.random())))
        if not killed.first:
            document = killed.document()
            outcomes = [task["outcome"] for task in document["tasks"]]
            assert document["interrupted"] is True
            assert (len(outcomes), outcomes.count("ok")) == (TASKS, len(killed.ended))
    out = killed.run(None)
    assert killed.kills == KILLS
    assert f"{TASKS} tasks: {TASKS} ok  in " in out

    begun, ended = map(Counter, noted(tmp_path))
    twice = {number for number, count in (begun + ended).items() if count > 2}
    assert twice <= killed.in_flight, "run again, though it had ended"
    assert set(ended) == set(begun) == set(killed.ended) == set(range(TASKS))
    assert killed.is_over()
    (line,) = killed.pexen("history").splitlines()
    assert line.split()[0] == "1" and "  done  " in line and line.endswith(f"  {TASKS} ok")
    document = killed.document()
    assert document["interrupted"] is False
    assert Counter(task["outcome"] for task in document["tasks"]) == {"ok": TASKS}
    with capsys.disabled():
        print(
            f"\n{killed.kills} kills, {TASKS} tasks, {len(killed.in_flight)} in flight at a kill "
            f"(at most {killed.most}; {killed.unrecorded} had just ended), {len(twice)} run again, none lost"
        )


# -- a folder that can't be written -----------------------------------------------------------

SLOW = """
    import os, pathlib
    from pexen import task
    @task(provides=["before"])
    def a_before(): print("x" * 100_000)
    @task(requires=["before"], provides=["gone"])
    def b_takes_it_away():
        {what}
    @task(requires=["gone"])
    def c_after():
        print("y" * 100_000)
"""


@pytest.fixture
def disk(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A small disk of its own, on which the state is to be."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a file system")
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system can't be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _run(folder: pathlib.Path, state: pathlib.Path, *words: str) -> tuple[str, str, int]:
    """Run the suite in the folder, with the state in another."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
    env = kept | {"PYTHONPATH": str(HERE.parents[1]), "PEXEN_STATE_DIR": str(state)}
    done = subprocess.run(
        [sys.executable, "-m", "pexen", "run", "-j1", *words, "suite"],
        cwd=folder, env=env, capture_output=True, text=True, timeout=LIMIT_SECONDS,
    )  # fmt: skip
    return done.stdout, done.stderr, done.returncode


def _check_that_it_went_on(out: str, err: str, status: int, why: str) -> None:
    """The run ended well, and one line says what is wrong with the state."""
    assert (re.sub(r"\d+\.\d\d s", "N s", out).splitlines(), status) == ([
        "ok        suite/a_before  N s",
        "ok        suite/b_takes_it_away  N s",
        "ok        suite/c_after  N s",
        "",
        "3 tasks: 3 ok  in N s",
    ], 0), err  # fmt: skip
    (line,) = err.splitlines()
    assert line.startswith("pexen: warning: state f")
    assert why in line and line.endswith("; the run goes on without it")


FILL = """
        with open({path!r}, "wb", buffering=0) as file:
            try:
                while file.write(bytes(512)):
                    pass
            except OSError:
                pass
"""


def _suite(folder: pathlib.Path, what: str) -> None:
    (folder / "suite.py").write_text(textwrap.dedent(SLOW.format(what=what.strip())))


def test_a_disk_that_gets_full_ends_the_record_and_not_the_run(
    tmp_path: pathlib.Path, disk: pathlib.Path
) -> None:
    _suite(tmp_path, FILL.format(path=str(disk / "filler")))
    ends = _run(tmp_path, disk / "state")
    _check_that_it_went_on(*ends, "disk is full")
    # What was written before is there, and the next run, with room again, is in order.
    with Store(disk / "state") as store:
        (run,) = runs(store)
        assert run.status == "running" and run.outcomes == {"ok": 1}
    (disk / "filler").unlink()
    out, err, status = _run(tmp_path, disk / "state", "--resume")
    assert "run 1 goes on: 1 of 3 tasks needn't be run again" in err
    assert "3 tasks: 3 ok" in out and status == 0


@pytest.mark.parametrize("free", [0, 4096, 16384, 40960, 65536, 98304])
def test_a_run_on_a_full_disk_goes_on_without_the_state(
    tmp_path: pathlib.Path, disk: pathlib.Path, free: int
) -> None:
    """Whatever of the state's files still finds room."""
    _suite(tmp_path, "pass")
    space = os.statvfs(disk)
    (disk / "filler").write_bytes(bytes(space.f_bavail * space.f_frsize - free))
    _check_that_it_went_on(*_run(tmp_path, disk / "state"), "")


def test_a_state_folder_on_a_read_only_disk_is_warned_of(
    tmp_path: pathlib.Path, disk: pathlib.Path
) -> None:
    _suite(tmp_path, "pass")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    _check_that_it_went_on(*_run(tmp_path, disk / "state"), "Read-only file system")


def test_a_state_that_was_written_and_is_read_only_now_is_warned_of(
    tmp_path: pathlib.Path, disk: pathlib.Path
) -> None:
    _suite(tmp_path, "pass")
    assert _run(tmp_path, disk / "state")[1:] == ("", 0)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    _check_that_it_went_on(*_run(tmp_path, disk / "state"), "can't be used")


def test_a_file_in_place_of_the_state_folder_is_warned_of(tmp_path: pathlib.Path) -> None:
    _suite(tmp_path, "pass")
    (tmp_path / "state").write_text("mine")
    _check_that_it_went_on(*_run(tmp_path, tmp_path / "state"), "it is no folder")
    assert (tmp_path / "state").read_text() == "mine"


def test_a_lock_that_finds_no_room_for_its_holder_is_one_all_the_same(
    tmp_path: pathlib.Path, disk: pathlib.Path
) -> None:
    _suite(tmp_path, "pass")
    with Store(disk / "state"):  # its files have room already
        (disk / "state" / "lock").touch()
        space = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(space.f_bavail * space.f_frsize))
        out, err, status = _run(tmp_path, disk / "state")
    assert (status, "3 tasks: 3 ok" in out, "Traceback" in err) == (0, True, False), err
