"""Files that a test hands over: they are copied at once, as the test goes on with its own."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import stat
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from ..sched.common import task_name
from .findings import SuiteError, found_here

# Bytes that a name is cut to, with room for a number in the 255 that most systems allow.
_LONGEST = 200
_LONGEST_ENDING = 20


class Attachment(NamedTuple):
    """A file of a task: what it is called, and the absolute path of the copy."""

    name: str
    path: str


def attach(path: str | os.PathLike[str], name: str | None = None) -> str:
    """Keep a copy of the file as it is now with the result of the task that calls this.

    `name` is what it is called there, by default as the file. The copy is put into a folder of the
    task's within that of the suite, `Suite(..., attachments=folder)`, under a name like that one;
    its path is returned. Symbolic links are followed.

    Raises SuiteError outside of a task of a suite, if the suite has no such folder, and for what is
    no regular file; OSError if it can't be copied. If the task is lost or runs out of time, what it
    attached is in the folder, but not in its result.
    """
    source = os.fsdecode(path)
    found = found_here(f"attachment {source!r}")
    if not found.folder:
        raise SuiteError(
            f"attachment {source!r} can't be kept, as the suite has no folder for them; "
            "give it one by Suite(..., attachments=folder)"
        )
    name = os.path.basename(source) if name is None else str(name)
    folder = os.path.join(found.folder, _safe(task_name(found.task).replace("/", ".")))
    with _opened(source) as original:
        os.makedirs(folder, exist_ok=True)
        copy = _new_file(os.path.join(folder, _safe(name)), len(found.attachments) + 1)
        _copy(original, copy)
    found.attachments.append(Attachment(name, copy.name))
    return copy.name


@contextlib.contextmanager
def _opened(source: str) -> Iterator[BinaryIO]:
    # Not to wait for what would be written to a pipe.
    fd = os.open(source, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise SuiteError(f"attachment {source!r} is no regular file; attach a copy")
        with open(fd, "rb", closefd=False) as original:
            yield original
    finally:
        os.close(fd)


def _new_file(path: str, number: int) -> BinaryIO:
    """A file of that name, or if there is one with a number in it, not less than the given one."""
    stem, ending = os.path.splitext(path)
    others = (f"{stem}-{n}{ending}" for n in itertools.count(max(number, 2)))
    for candidate in itertools.chain([path], others):
        with contextlib.suppress(FileExistsError):
            return open(candidate, "xb")
    raise AssertionError("numbers don't end")


def _copy(original: BinaryIO, copy: BinaryIO) -> None:
    try:
        with copy:
            shutil.copyfileobj(original, copy)
    except BaseException:
        os.unlink(copy.name)
        raise


def _safe(name: str) -> str:
    """The name as one of a file, without slashes, not hidden, and of nothing that shells expand."""
    stem, ending = os.path.splitext(re.sub(r"[^\w.+=@-]+", "_", name).lstrip(".-"))
    if len(os.fsencode(ending)) > _LONGEST_ENDING:
        stem, ending = stem + ending, ""
    room = _LONGEST - len(os.fsencode(ending))
    stem = os.fsencode(stem)[:room].decode(errors="ignore")
    return f"{stem or 'file'}{ending}"
