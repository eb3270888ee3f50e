"""The file that the state is in, and what becomes of one that can't be used."""

from __future__ import annotations

import os
import pathlib
import random
import signal
import sqlite3
import subprocess
import sys

import pytest

from pexen import PexenWarning
from pexen.state import Ended, Recording, StateBusyError, StateError, Store, folder as places, held
from pexen.state.history import results, runs
from pexen.state.store import FILE_NAME
from pexen.state.tables import VERSION

TIME = 1_000_000_000.0


def write_a_run(folder: pathlib.Path, name: str = "a") -> None:
    with Store(folder, sets_aside=True) as store:
        recording = Recording.begin(store, [name], TIME, {})
        recording.ended(0, Ended("ok"))
        recording.end(TIME + 1, interrupted=False)


def names(folder: pathlib.Path) -> list[str]:
    with Store(folder) as store:
        return [past.name for run in runs(store) for past in results(store, run.number)]


def test_the_folder_is_made_and_git_does_not_see_it(folder: pathlib.Path) -> None:
    write_a_run(folder)
    assert (folder / ".gitignore").read_text() == "*\n"
    assert names(folder) == ["a"]


def test_the_folder_is_the_one_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    monkeypatch.setenv("PEXEN_STATE_DIR", str(tmp_path / "elsewhere"))
    with Store() as store:
        assert store.folder == tmp_path / "elsewhere" and store.path.exists()
    monkeypatch.delenv("PEXEN_STATE_DIR")
    assert places.default_folder() == pathlib.Path(".pexen")


def damage_nothing_left(path: pathlib.Path) -> None:
    path.write_bytes(b"this is no database, and never was one" * 100)


def damage_the_middle(path: pathlib.Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:] = bytes(random.Random(1).randbytes(len(content) - 4096))
    path.write_bytes(content)


def damage_the_end(path: pathlib.Path) -> None:
    os.truncate(path, os.path.getsize(path) // 2)


@pytest.mark.parametrize("damage", [damage_nothing_left, damage_the_middle, damage_the_end])
def test_a_damaged_file_is_set_aside(folder: pathlib.Path, damage: object) -> None:
    write_a_run(folder)
    damage(folder / FILE_NAME)  # type: ignore[operator]
    damaged = (folder / FILE_NAME).read_bytes()
    with pytest.warns(PexenWarning, match=r"state file '.*state\.db' is damaged \(.+\); it is now"):
        write_a_run(folder, "b")
    assert names(folder) == ["b"]
    (aside,) = folder.glob(f"{FILE_NAME}.*")
    assert aside.read_bytes() == damaged


def test_a_file_of_a_newer_pexen_is_set_aside_as_it_is(folder: pathlib.Path) -> None:
    write_a_run(folder)
    with sqlite3.connect(folder / FILE_NAME) as database:
        database.execute(f"PRAGMA user_version = {VERSION + 1}")
    database.close()
    with pytest.warns(PexenWarning, match="is of a newer pexen"):
        write_a_run(folder, "b")
    assert names(folder) == ["b"]
    (aside,) = folder.glob(f"{FILE_NAME}.*[0-9]")
    with sqlite3.connect(aside) as database:
        assert database.execute("SELECT name FROM task").fetchall() == [("a",)]
    database.close()


def test_a_folder_that_is_a_file_is_an_error(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match=r"state folder '.*file' can't be used: .*PEXEN_STATE_DIR"):
        Store(tmp_path / "file")
    with pytest.raises(StateError, match="can't be used"):
        Store(tmp_path / "file" / ".pexen")


def test_a_full_disk_is_an_error_and_what_was_written_stays(store: Store) -> None:
    recording = Recording.begin(store, ["a", "b"], TIME, {})
    recording.ended(0, Ended("ok"))
    recording.write()
    pages = store.read("PRAGMA page_count")[0][0]
    store.read(f"PRAGMA max_page_count = {pages}")
    recording.ended(1, Ended("failed", traceback="x" * 1_000_000))
    with pytest.raises(StateError, match="state file '.*' can't be used: database or disk is full"):
        recording.write()
    assert [past.name for past in results(store, recording.run)] == ["a"]
    store.read("PRAGMA max_page_count = 1000000")
    recording.write()  # has nothing left to write
    assert [past.name for past in results(store, recording.run)] == ["a"]


def test_one_run_at_a_time_has_the_folder(store: Store) -> None:
    code = f"""
import pathlib
from pexen.state import StateBusyError, held
try:
    with held(pathlib.Path({str(store.folder)!r})):
        print("got it")
except StateBusyError as exc:
    print(exc)
"""

    def other() -> str:
        command = [sys.executable, "-c", code]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, env=environ
        ).stdout

    environ = dict(os.environ)
    with held(store.folder):
        assert f"is used by process {os.getpid()}; wait for it to end" in other()
        with pytest.raises(StateBusyError, match="another run of this process"):
            with held(store.folder):
                pass
        assert "is used by" in other()
    assert other() == "got it\n"
    with held(store.folder):
        pass


def test_who_waits_for_the_folder_is_told_of_whom(store: Store) -> None:
    holder = f"""
import pathlib
from pexen.state import held
with held(pathlib.Path({str(store.folder)!r})):
    print("got it", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "got it\n"
        told: list[str] = []

        def waits(who: str) -> None:
            told.append(who)
            process.kill()

        with held(store.folder, waits):
            assert told == [f"process {process.pid}"]


def test_a_process_that_is_killed_gives_the_folder_back(store: Store) -> None:
    code = f"""
import os, pathlib, signal
from pexen.state import held
with held(pathlib.Path({str(store.folder)!r})):
    child = os.fork()
    if not child:
        signal.pause()
    print(child, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    # The child, which inherits the open file, outlives it.
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        process.wait()
        with held(store.folder):
            os.kill(child, signal.SIGKILL)
