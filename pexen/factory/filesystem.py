"""Tasks from executable files."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..sched.common import PROGRAM_FD_ATTR_NAME, Task, TaskSkip
from ..util import PexenWarning
from .base import BaseFactory

if TYPE_CHECKING:
    import subprocess


class Executable:
    """The task that runs one executable file, in the file's own folder.

    `path` is made absolute here, so that a later chdir doesn't matter; `popen_kwargs`
    go to `subprocess.run`. An exit status equal to `skip_status` means that the file
    had nothing to do.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        popen_kwargs: dict[str, Any] | None = None,
        skip_status: int | None = None,
    ) -> None:
        self.path = os.path.abspath(path)
        self.popen_kwargs = popen_kwargs or {}
        self.skip_status = skip_status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.path!r})"

    def __call__(self) -> subprocess.CompletedProcess[Any]:
        """Run the file and return how it went; it is ended if the caller is interrupted.

        Raises `subprocess.CalledProcessError` for an exit status other than 0, one that says so
        for the status 99 of a hard error, and TaskSkip, with the CompletedProcess as its `ret`,
        for `skip_status`. What it prints goes where this process prints, unless what is in the
        place of sys.stdout or sys.stderr has a method `pexen_program_fd_` that says otherwise.
        """
        folder, name = os.path.split(self.path)
        # The path decides which file runs; the name alone would be looked up on PATH.
        options = {"executable": self.path, "cwd": folder, **_streams(), **self.popen_kwargs}
        check = options.pop("check", True)
        ended = _run([name], options)
        status = ended.returncode
        if status != 0 and status == self.skip_status:
            raise TaskSkip(f"{self.path!r} says with exit status {status} to skip it", ret=ended)
        if status != 0 and check:
            from .harderror import status_error  # no light import

            raise status_error(status, ended.args, ended.stdout, ended.stderr)
        return ended


def _streams() -> dict[str, Any]:
    """The descriptors to which a program is to write, where somebody captures that."""
    found = {}
    for name in ("stdout", "stderr"):
        ask = getattr(getattr(sys, name), PROGRAM_FD_ATTR_NAME, None)
        fd = ask() if callable(ask) else None
        if isinstance(fd, int):  # and no mock's
            found[name] = fd
    return found


def _run(args: list[str], options: dict[str, Any]) -> subprocess.CompletedProcess[Any]:
    # As subprocess.run, which when interrupted kills the process but may not wait for it.
    import subprocess

    input_, timeout = options.pop("input", None), options.pop("timeout", None)
    if input_ is not None:
        options["stdin"] = subprocess.PIPE
    if options.pop("capture_output", False):
        options["stdout"] = options["stderr"] = subprocess.PIPE
    process = None
    try:
        with _interrupted_later():
            process = subprocess.Popen(args, **options)
        with process:
            out, err = process.communicate(input_, timeout)
    except BaseException:
        if process is not None:
            process.kill()
            process.wait()
        raise
    return subprocess.CompletedProcess(args, process.returncode, out, err)


@contextlib.contextmanager
def _interrupted_later() -> Iterator[None]:
    """Let a Ctrl-C count when the block has been left.

    One that comes while a process is started would lose it: it runs, and nobody knows it.
    """
    import signal  # with subprocess they are there already
    import threading

    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    came: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if came:
            signal.raise_signal(signal.SIGINT)


class FilesystemFactory(BaseFactory):
    """Yields a task for each executable file below a folder.

    Hidden files and folders are left out, and so are symlinked folders unless
    `follow` is true. Further keywords go to `subprocess.run`
    (`stdout=subprocess.PIPE`). A file that exits with `skip_status` (77 is the custom)
    is skipped; without one, any status but 0 is a failure.
    """

    def __init__(
        self, follow: bool = False, *, skip_status: int | None = None, **popen_kwargs: Any
    ) -> None:
        super().__init__()
        self.follow = follow
        self.skip_status = skip_status
        self.popen_kwargs = popen_kwargs

    def __call__(self, path: str | os.PathLike[str]) -> Iterator[Task]:
        """Yield the tasks below `path`, sorted, a folder's files before its folders.

        A callpath has the components of `path` as it was given, then those below.
        `path` may be a single executable. Raises FileNotFoundError if there is
        nothing, and PermissionError if it is a file that isn't executable.
        """
        path = os.fspath(path)
        parts = [part for part in path.split(os.sep) if part]
        if os.path.isdir(path):
            yield from self.below(os.path.abspath(path), [*self.callpath, *parts])
        elif not os.path.exists(path):
            raise FileNotFoundError(f"path {path!r} doesn't exist, seen from {os.getcwd()!r}")
        elif not os.access(path, os.X_OK):
            raise PermissionError(f"file {path!r} isn't executable; chmod +x makes it so")
        else:
            yield self.file_task(path, [*self.callpath, *parts])

    def file_task(self, path: str, callpath: Sequence[str]) -> Task:
        """The task that runs the file."""
        task = Executable(path, dict(self.popen_kwargs), self.skip_status)
        return self.callpath_wrap(task, path=callpath)

    def folder_tasks(
        self, folder: str, names: Iterable[str], callpath: Sequence[str]
    ) -> Iterator[Task]:
        """Yield the tasks of those of the named files in the folder that are executable."""
        for name in names:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                yield self.file_task(path, [*callpath, name])

    def below(
        self,
        folder: str,
        callpath: Sequence[str],
        accept: Callable[[str], bool] | None = None,
        inside: tuple[str, ...] = (),
    ) -> Iterator[Task]:
        """Yield the tasks of the files anywhere below the folder.

        `inside` are the real paths of the folders it lies in: a symlink back to one of
        these would go round for ever.
        """
        real = os.path.realpath(folder)
        if real in inside:
            return
        names, folders = list_folder(folder, self.follow)
        yield from self.folder_tasks(folder, filter(accept, names) if accept else names, callpath)
        for name in folders:
            sub = os.path.join(folder, name)
            yield from self.below(sub, [*callpath, name], accept, (*inside, real))


def list_folder(folder: str, follow: bool = False) -> tuple[list[str], list[str]]:
    """The names of the files and of the folders in a folder, sorted, without hidden ones.

    A folder that can't be read is warned about and counts as empty.
    """
    files, folders = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == "__pycache__":
                    continue
                link = entry.is_symlink()  # what else it is, is known without another look
                if os.path.isdir(entry) if link else entry.is_dir():
                    if follow or not link:
                        folders.append(entry.name)
                elif os.path.isfile(entry) if link else entry.is_file():
                    files.append(entry.name)
    except OSError as exc:
        warnings.warn(f"folder {folder!r} is left out: {exc}", PexenWarning, stacklevel=2)
    return sorted(files), sorted(folders)
