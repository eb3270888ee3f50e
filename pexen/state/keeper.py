"""What the state does for a run: it tells of earlier ones, and this one is written into it.

A run doesn't depend on it. What goes wrong with the state is warned of, once, and the run goes on
without.
"""

from __future__ import annotations

import contextlib
import pathlib
import shutil
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..sched.common import Task, TaskRes, identity, task_name
from ..sched.events import Event
from ..sched.place import places_of
from ..util import PexenWarning
from .digests import CodeDigests
from .folder import StateError, attachments_of, default_folder, held, make
from .history import (
    Past,
    broken_off,
    earlier_of,
    flaky_of,
    last_outcomes,
    prune,
    results,
    run_of,
    seconds,
)
from .reboot import Marker
from .recorder import Recorder, Told
from .recording import STOPPED, Recording
from .store import Store, numbered

T = TypeVar("T")

# How a task ended that isn't run again when its run goes on, and how one that ended well. One that
# was lost may have been ended with the run, or with the machine.
_OVER = ("ok", "fresh", "skipped", "failed", "timeout")
_GOOD = ("ok", "fresh", "skipped")

# The runs that are kept: so many, and besides those of so many seconds.
_KEPT_RUNS = 20
_KEPT_SECONDS = 30 * 24 * 3600.0


# How many runs are looked at to find what is flaky.
_LATELY = 20


class Keeper:
    """The state as one run sees it; without a store nothing is known, and nothing written.

    `about`
        what else is to be known of the run, as JSON has it.
    `told`
        puts a result into words; by default as `Recorder` does.
    `resumes`
        whether to go on with the run that was broken off, rather than begin one.
    `again`
        the identities of tasks that had ended and are run again then. That they had ended is
        forgotten: if it is broken off once more, it may be before they have.

    These may be set until the run begins.
    """

    def __init__(self, store: Store | None) -> None:
        # Configuration.
        self._store = store
        self.about: Mapping[str, Any] = {}
        self.told: Callable[[TaskRes], Told] | None = None
        self.resumes = False
        self.again: Collection[Any] = ()
        # State.
        self._names: dict[Any, tuple[str, int]] = {}  # what tasks are called, by their identity
        self.begun = 0.0  # when the run began, on its pool's clock
        self._codes = CodeDigests()
        self._recording: Recording | None = None
        self._recorder: Recorder | None = None

    def number(self, tasks: Sequence[Task]) -> None:
        """Tell tasks of one name apart by their order among all these.

        Each call after it has to be of some of these. Without it, their order in the call counts.
        """
        pairs = zip(tasks, numbered(map(task_name, tasks)), strict=True)
        self._names = {identity(task): name for task, name in pairs}

    def _named(self, tasks: Sequence[Task]) -> list[tuple[str, int]]:
        if not self._names:
            return numbered(map(task_name, tasks))
        return [self._names[identity(task)] for task in tasks]

    # -- earlier runs ------------------------------------------------------------------------

    def failed(self, tasks: Sequence[Task]) -> set[Any]:
        """The identities of the tasks that didn't end well when they were run last.

        A run that goes on doesn't count: it is to have the tasks that it had.
        """
        none: dict[tuple[str, int], str] = {}
        resumed = self.broken_off() if self.resumes else None
        known = self._asked(lambda store: last_outcomes(store, resumed), none)
        pairs = zip(tasks, self._named(tasks), strict=True)
        return {identity(task) for task, name in pairs if known.get(name, "ok") not in _GOOD}

    def seconds(self, tasks: Sequence[Task]) -> dict[Any, float]:
        """What the tasks take, by identity, as far as that is known."""
        none: list[float | None] = []
        known = self._asked(lambda store: seconds(store, self._named(tasks)), none)
        return {
            identity(task): each for task, each in zip(tasks, known) if each is not None
        }

    def broken_off(self) -> int | None:
        """The run to go on with, None if there is none."""
        return self._asked(broken_off, None)

    def over(self, tasks: Sequence[Task]) -> dict[Any, Past]:
        """Of those of the tasks that were over when the last run broke off, how they ended."""
        run = self.broken_off()
        if run is None:
            return {}
        none: list[Past] = []
        past = self._asked(lambda store: results(store, run), none)
        found = self._asked(lambda store: run_of(store, run), None)
        # Of a run that was stopped in order none was ended with it; those that were lost would be
        # lost again, and stop it again.
        over = (*_OVER, "lost") if found is not None and found.status == STOPPED else _OVER
        known = {(each.name, each.nth): each for each in past if each.how.outcome in over}
        pairs = zip(tasks, self._named(tasks), strict=True)
        return {identity(task): known[name] for task, name in pairs if name in known}

    def _asked(self, ask: Callable[[Store], T], none: T) -> T:
        if self._store is None:
            return none
        try:
            return ask(self._store)
        except StateError as exc:
            self._give_up(exc)
            return none

    # -- this one ----------------------------------------------------------------------------

    @property
    def run(self) -> int | None:
        """The number of the run, if it is written down."""
        return None if self._store is None or self._recording is None else self._recording.run

    def begin(
        self, tasks: Sequence[Task], clock: Callable[[], float]
    ) -> Callable[[Event], object] | None:
        """Begin to write down a run of the tasks, at this moment; returns who has to hear of it.

        `clock` is its pool's. None if nothing can be written; StateError if a run that is to go on
        can't, as everything would be run again.
        """
        self.begun = clock()
        store = self._store
        if store is None:
            return None
        try:
            recording = self._recording = self._begun(store, tasks)
        except StateError as exc:
            if self.resumes:
                raise StateError(f"the run can't go on: {exc}") from exc
            self._give_up(exc)
            return None
        self._recorder = Recorder(
            recording, tasks, self.begun, self._give_up, self._codes.of, self.told
        )
        return self._recorder.hear

    def _begun(self, store: Store, tasks: Sequence[Task]) -> Recording:
        names = self._named(tasks)
        places = places_of(tasks)
        run = broken_off(store) if self.resumes else None
        if run is None:
            return Recording.begin(store, names, time.time(), self.about, places)
        (began,) = store.read("SELECT began FROM run WHERE id = ?", (run,))[0]
        self.begun -= max(0.0, time.time() - began)  # the clock may have been set back
        again = [n for n, task in enumerate(tasks) if identity(task) in self.again]
        return Recording.resume(store, run, names, places, again)

    def marker(self) -> Marker | None:
        """What a worker calls with a task's number, from 0, at a point of reboot."""
        if self._store is None or self._recording is None:
            return None
        return Marker(str(self._store.folder), self._recording.run)

    def attachments(self) -> str:
        """The folder for files that tasks of this run hand over; empty if there is none."""
        if self._store is None or self._recording is None:
            return ""
        return str(attachments_of(self._store.folder, self._recording.run))

    def end(self, interrupted: bool) -> None:
        """The run has ended."""
        if self._recorder is not None:
            self._recorder.write()
        self._asked(lambda store: self._ended(store, interrupted), None)

    def _ended(self, store: Store, interrupted: bool) -> None:
        if self._recording is not None:
            self._recording.end(time.time(), interrupted)
            forget(store, _KEPT_RUNS, time.time() - _KEPT_SECONDS)

    def flaky(self, tasks: Sequence[Task]) -> dict[Any, tuple[int, int]]:
        """Of tasks that failed in this run, those that lately ended well with the same code.

        By identity: in how many runs each failed, and of how many that is.
        """
        run = self.run
        if run is None:
            return {}
        none: dict[tuple[str, int], tuple[int, int]] = {}
        found = self._asked(lambda store: flaky_of(store, run, _LATELY), none)
        pairs = zip(tasks, self._named(tasks), strict=True)
        return {identity(task): found[name] for task, name in pairs if name in found}

    def earlier(self, task: Task) -> tuple[int, int]:
        """In how many of the last runs with the same code it ended well, and ended at all.

        This run doesn't count. (0, 0) if nothing is known of it.
        """
        run, code = self.run, self._codes.of(task)
        if run is None or code is None:
            return 0, 0
        (name,) = self._named([task])
        return self._asked(lambda store: earlier_of(store, name, code, run, _LATELY), (0, 0))

    def _give_up(self, error: StateError) -> None:
        self._store = None
        _warn(error)


def forget(store: Store, keep: int, before: float) -> int:
    """Forget old runs as `prune` does, and the files that their tasks handed over."""
    old = prune(store, keep, before)
    for run in old:
        shutil.rmtree(attachments_of(store.folder, run), ignore_errors=True)
    return len(old)


@contextlib.contextmanager
def keeping(
    folder: pathlib.Path | None = None, waits: Callable[[str], object] | None = None
) -> Iterator[Keeper]:
    """The state in a folder, by default that of the project, which no other run has meanwhile.

    Where another one has it, `waits` is called with its name, and then waited; without `waits`
    that is warned of.
    """
    with contextlib.ExitStack() as stack:
        store = None
        try:
            place = default_folder() if folder is None else folder
            make(place)
            stack.enter_context(held(place, waits))
            store = stack.enter_context(Store(place, sets_aside=True))
        except StateError as exc:
            _warn(exc)
            store = None
        yield Keeper(store)


def _warn(error: StateError) -> None:
    warnings.warn(f"{error}; the run goes on without it", PexenWarning, stacklevel=3)
