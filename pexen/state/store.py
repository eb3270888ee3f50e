"""The state as a database: opening it, and setting aside one that can't be read.

It is SQLite with its write-ahead log, so what was written is there also when this process is
killed the next moment. After a crash of the machine the last second may be lost, unless `sync`
was called.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import sqlite3
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

from ..util import PexenWarning
from .folder import StateError, default_folder, make, unusable
from .tables import TABLES, VERSION

FILE_NAME = "state.db"

# A larger file is looked through only after a run that was cut off; pages have 4 KB.
_CHECKED_PAGES = 5000

# Seconds to wait for another process that is writing, which takes milliseconds.
_PATIENCE = 30.0


class Store:
    """The database of a folder. It is for one thread; other processes may have it open as well."""

    def __init__(self, folder: pathlib.Path | None = None, sets_aside: bool = False) -> None:
        """Open it, and make what isn't there; StateError if that is impossible.

        A file that is damaged, or of a newer pexen, is a StateError as well; who has the folder
        `held` may have it set aside, with a PexenWarning.
        """
        self.folder = (default_folder() if folder is None else folder).absolute()
        self._sets_aside = sets_aside
        self.path = self.folder / FILE_NAME
        make(self.folder)
        try:
            self._database = self._open_sound()
        except sqlite3.Error as exc:
            raise unusable(self.folder, str(exc)) from exc

    def close(self) -> None:
        """Close it; may be called again."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -- opening ------------------------------------------------------------------------------

    def _open_sound(self) -> sqlite3.Connection:
        """The database, a new one if there is none that can be used."""
        database: sqlite3.Connection | None = None
        try:
            database = self._connect()
            problem = _problem(database)
        except sqlite3.OperationalError:
            if database is not None:
                database.close()
            raise  # of the folder or the disk, and not of what is in the file
        except sqlite3.DatabaseError as exc:
            problem = f"is damaged ({exc})"
        if database is not None and problem is None:
            return database
        if database is not None:
            database.close()
        if not self._sets_aside:
            raise StateError(f"state file {str(self.path)!r} {problem}; the next run sets it aside")
        self._set_aside(str(problem))
        return self._connect()

    def _connect(self) -> sqlite3.Connection:
        database = sqlite3.connect(self.path, timeout=_PATIENCE, isolation_level=None)
        try:
            database.execute("PRAGMA journal_mode = wal")
            database.execute("PRAGMA synchronous = normal")
            with _transaction(database):
                if _version(database) == 0:
                    for statement in TABLES:
                        database.execute(statement)
                    database.execute(f"PRAGMA user_version = {VERSION}")
        except BaseException:
            database.close()
            raise
        return database

    def _set_aside(self, problem: str) -> None:
        stamp = time.strftime("%Y%m%d-%H%M%S")
        aside = self.path.with_name(f"{FILE_NAME}.{stamp}-{os.getpid()}")
        for suffix in ("-wal", "-shm", ""):
            with contextlib.suppress(FileNotFoundError):
                os.replace(f"{self.path}{suffix}", f"{aside}{suffix}")
        what = f"state file {str(self.path)!r} {problem}"
        text = f"{what}; it is now {str(aside)!r}, and a new one begun"
        warnings.warn(text, PexenWarning, stacklevel=5)

    # -- for the other files of this package ------------------------------------------------------

    def read(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with self._explained():
            return self._database.execute(query, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Within, everything is written or, if it raises, nothing."""
        with self._explained(), _transaction(self._database):
            yield self._database

    def sync(self) -> None:
        """Return when all that was written is on the disk, by other processes as well."""
        with self._explained():
            # A write in this mode brings the whole log to the disk, up to itself.
            self._database.execute("PRAGMA synchronous = full")
            with _transaction(self._database):
                self._database.execute(f"PRAGMA user_version = {VERSION}")
            self._database.execute("PRAGMA synchronous = normal")

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise StateError(f"state file {str(self.path)!r} can't be used: {exc}") from exc


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


def _broke_off(database: sqlite3.Connection) -> bool:
    """Whether the last run was cut off, perhaps by what has damaged the file as well."""
    query = "SELECT status FROM run ORDER BY id DESC LIMIT 1"
    found = database.execute(query).fetchone()
    return found is not None and found[0] == "running"


def _problem(database: sqlite3.Connection) -> str | None:
    """Why this pexen can't use a file, None if it can."""
    version = _version(database)
    if version > VERSION:
        return f"is of a newer pexen (its tables have version {version}, here it is {VERSION})"
    size = database.execute("PRAGMA page_count").fetchone()[0]
    if size > _CHECKED_PAGES and not _broke_off(database):
        return None
    found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
    return None if found == "ok" else f"is damaged ({found.splitlines()[-1]})"


@contextlib.contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if database.in_transaction:  # a full disk may have ended it
            database.execute("ROLLBACK")
        raise
    database.execute("COMMIT")


def storable(text: str) -> str:
    """The text as it can be written: halves of surrogate pairs, as of odd file names, escaped."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def numbered(names: Iterable[str | tuple[str, int]]) -> list[tuple[str, int]]:
    """Names with, for each, how many before it are the same; a number that one has, it keeps."""
    seen: dict[str, int] = {}
    found = []
    for each in names:
        if not isinstance(each, tuple):
            name = storable(each)
            each = name, seen.get(name, 0)
        seen[each[0]] = each[1] + 1
        found.append(each)
    return found
