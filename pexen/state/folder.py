"""The folder that the state is in, which belongs to one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import io
import os
import pathlib
import threading
from collections.abc import Callable, Iterator

from ..util import PexenError

NAME = ".pexen"
VARIABLE = "PEXEN_STATE_DIR"

# Who holds a folder writes its process id here, for others to name.
_LOCK_NAME = "lock"

# Processes above this one that hold a folder, for what they run to see.
_HOLDERS = "PEXEN_STATE_HOLDERS"


class StateError(PexenError):
    """The state can't be read or written."""


class StateBusyError(StateError):
    """Another run has the state."""


def default_folder() -> pathlib.Path:
    """What PEXEN_STATE_DIR says, or .pexen in the current folder."""
    return pathlib.Path(os.environ.get(VARIABLE) or NAME)


def make(folder: pathlib.Path) -> None:
    """Make the folder, unless it is there, for git not to see; StateError if impossible."""
    try:
        if not folder.is_dir():  # one that is there may be somebody's with other things in it
            folder.mkdir(parents=True)
            (folder / ".gitignore").write_text("*\n", encoding="ascii")
    except FileExistsError:
        if not folder.is_dir():
            raise unusable(folder, "it is no folder") from None
    except OSError as exc:
        raise unusable(folder, exc) from exc


def unusable(folder: pathlib.Path, error: OSError | str) -> StateError:
    """What to raise when the folder can't be used."""
    why = error if isinstance(error, str) else error.strerror
    return StateError(
        f"state folder {str(folder)!r} can't be used: {why}; "
        f"name another one by the environment variable {VARIABLE}"
    )


# Folders that this process holds, by device and inode: the system's locks only keep processes
# apart, and closing any descriptor of the file would give ours back.
_held: set[tuple[int, int]] = set()
_held_lock = threading.Lock()


@contextlib.contextmanager
def held(folder: pathlib.Path, waits: Callable[[str], object] | None = None) -> Iterator[None]:
    """Within, no other run has the folder, which is there.

    Where another one has it, `waits` is called with its name, and then waited; without `waits`
    it is a StateBusyError. Within one process, and for what a run's tasks start, it always is.
    """
    try:
        stat = os.stat(folder)
    except OSError as exc:
        raise unusable(folder, exc) from exc
    key = stat.st_dev, stat.st_ino
    with _held_lock:
        if key in _held:
            raise _busy(folder, "another run of this process")
        _held.add(key)
    try:
        with _locked(folder, waits):
            yield
    finally:
        _held.discard(key)


@contextlib.contextmanager
def _locked(folder: pathlib.Path, waits: Callable[[str], object] | None) -> Iterator[None]:
    try:
        # A lock of POSIX and not of BSD: children don't inherit it, so none outlives the run.
        file = open(folder / _LOCK_NAME, "a+b", buffering=0)
    except OSError as exc:
        raise unusable(folder, exc) from exc
    with file:
        try:
            _lock(file, folder, waits)
        except OSError as exc:  # of a file system that has no locks, say
            raise unusable(folder, exc) from exc
        with contextlib.suppress(OSError):  # on a full disk, its holder has no name
            file.truncate(0)
            file.write(b"%d\n" % os.getpid())
        with _told_to_children():
            yield


def _lock(
    file: io.FileIO, folder: pathlib.Path, waits: Callable[[str], object] | None
) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        pid = file.read(20).decode("ascii", "replace").strip()
        if pid in os.environ.get(_HOLDERS, "").split():
            # It waits for the task that started us, so that waiting for it would never end.
            raise _busy(folder, f"process {pid}, which this run is part of") from None
        holder = f"process {pid if pid.isdecimal() else 'unknown'}"
        if waits is None:
            raise _busy(folder, holder) from None
        waits(holder)
        fcntl.lockf(file, fcntl.LOCK_EX)


@contextlib.contextmanager
def _told_to_children() -> Iterator[None]:
    """Within, processes that are started know this one as one that holds a folder."""
    own = str(os.getpid())
    os.environ[_HOLDERS] = " ".join([*os.environ.get(_HOLDERS, "").split(), own])
    try:
        yield
    finally:
        left = os.environ.get(_HOLDERS, "").split()
        with contextlib.suppress(ValueError):  # another one may have it still
            left.remove(own)
        os.environ[_HOLDERS] = " ".join(left)
        if not left:
            del os.environ[_HOLDERS]


def _busy(folder: pathlib.Path, holder: str) -> StateBusyError:
    return StateBusyError(
        f"state folder {str(folder)!r} is used by {holder}; wait for it to end, "
        f"or name another folder by the environment variable {VARIABLE}"
    )


def attachments_of(folder: pathlib.Path, run: int) -> pathlib.Path:
    """Where the files are that tasks of a run handed over; it is made with the first one."""
    return folder / "attachments" / str(run)
