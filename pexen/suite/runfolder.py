"""The folder of a run for the files of its workers.

Who has it holds a lock on it, which goes with the process, however that ends: so a run removes what
was left by those that were killed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator

_PREFIX = "pexen-output-"


@contextlib.contextmanager
def folder_of_run(parent: str | None) -> Iterator[str]:
    """A folder in `parent`, removed with what is in it; OSError if it can't be made."""
    parent = tempfile.gettempdir() if parent is None else parent
    _remove_left(parent)
    pid = os.getpid()
    folder, lock = _made(parent)
    try:
        yield folder
    finally:
        if pid == os.getpid():  # not by a process that was forked meanwhile, when that ends
            shutil.rmtree(folder, ignore_errors=True)
        if lock is not None:
            os.close(lock)


def _made(parent: str) -> tuple[str, int | None]:
    """A new folder, and the descriptor that holds its lock; None where there are no locks."""
    while True:
        folder = os.path.abspath(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
        try:
            return folder, _locked(folder)
        except (BlockingIOError, FileNotFoundError):
            pass  # another run that began at this moment took it for one that was left
        except OSError:
            return folder, None


def _locked(folder: str) -> int:
    """A descriptor that holds the folder's lock; OSError if somebody has it, or it is gone."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(fd), os.stat(folder)):
            raise FileNotFoundError(folder)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _remove_left(parent: str) -> None:
    with contextlib.suppress(OSError), os.scandir(parent) as entries:
        for entry in entries:
            if entry.name.startswith(_PREFIX):
                with contextlib.suppress(OSError):
                    lock = _locked(entry.path)
                    shutil.rmtree(entry.path, ignore_errors=True)
                    os.close(lock)
