"""The JSON lines of a run, as a report of a `Suite`."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Sequence
from typing import TextIO

from ..sched.common import Task, task_name
from ..sched.events import Event
from ..sched.place import place_of
from ..util import PexenWarning, __version__
from .base import BaseReport
from .ended import Ended
from .jsonl import Lines
from .record import as_result
from .writing import cannot, check_writable


class JsonLines(BaseReport):
    """An object in each line of a file, written while the run goes on, as by `--jsonl`.

    `to` is a path, and each run writes the file anew; ReportError if it couldn't be written. Or it
    is a text stream, which the caller closes. What goes wrong while the run goes on is told to
    `failed`, once, and by default warned of; then no more is written.
    """

    def __init__(
        self,
        to: str | os.PathLike[str] | TextIO,
        *,
        failed: Callable[[OSError], object] | None = None,
    ) -> None:
        super().__init__()
        # Configuration.
        self._given, self.path = None, ""
        if isinstance(to, (str, os.PathLike)):
            self.path = os.fspath(to)
            check_writable(self.path)
        else:
            self._given = to
        self._absolute = os.path.abspath(self.path)  # lest a task goes to another folder
        self._failed = self._warn if failed is None else failed
        # State, of the last run that began.
        self._stream: TextIO | None = None
        self._lines: Lines | None = None
        self._told = False  # whether `failed` was

    def begin(
        self, tasks: Sequence[Task], clock: Callable[[], float], /
    ) -> Callable[[Event], object]:
        """As of every report; ReportError if the file can't be opened."""
        self._stream, self._told = self._given, False
        if self._stream is None:
            try:
                self._stream = open(self._absolute, "w", encoding="utf-8")
            except OSError as exc:
                raise cannot(self.path, exc) from exc
        self._lines = Lines(self._stream)
        self._lines.begin(__version__, time.time(), len(tasks))
        return super().begin(tasks, clock)

    def ended(self, ended: Ended) -> None:
        if self._lines is not None:
            place = place_of(ended.task)
            known = {"name": task_name(ended.task), "file": place.file, "line": place.line}
            self._lines.result(as_result(ended, self._begun) | known)

    def flush(self) -> None:
        if self._lines is not None:
            self._try(self._lines.flush)

    def end(self, interrupted: bool, /) -> None:
        lines, elapsed = self._lines, self._clock() - self._begun
        if lines is not None:
            self._try(lambda: lines.end(elapsed, interrupted))
        if self._stream is not None and self._stream is not self._given:
            self._try(self._stream.close)
        self._lines = self._stream = None

    def _try(self, write: Callable[[], object]) -> None:
        try:
            write()
        except OSError as exc:
            told, self._told = self._told, True
            if not told:
                self._failed(exc)

    def _warn(self, error: OSError) -> None:
        where = f" to {self.path!r}" if self.path else ""
        text = f"JSON lines can't be written{where}: {error.strerror}; the run goes on without them"
        warnings.warn(text, PexenWarning, stacklevel=3)
