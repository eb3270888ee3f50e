"""What the state does for a run: it tells of earlier ones, and this one is written into it.

A run doesn't depend on it. What goes wrong with the state is warned of, once, and the run goes on
without.
"""

from __future__ import annotations

import contextlib
import hashlib
import pathlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..factory.filesystem import Executable
from ..sched.common import Task, TaskRes, identity, task_name
from ..sched.events import Event
from ..sched.pool.base import ABORTED
from ..state import Recorder, Recording, StateError, Store, default_folder, held
from ..state.history import Past, broken_off, last_outcomes, prune, results, seconds
from ..state.recorder import Told
from ..state.recording import Ended as How
from ..state.recording import Place
from ..state.store import numbered
from .ending import UsageError, say
from .words import GOOD, in_full, methods, reason

T = TypeVar("T")

# How a task ended that isn't run again when its run goes on.
_OVER = ("ok", "fresh", "skipped", "failed", "timeout", "lost")

# The runs that are kept: so many, and besides those of so many seconds.
_KEPT_RUNS = 20
_KEPT_SECONDS = 30 * 24 * 3600.0


class Keeping:
    """The state as one run of some of the tasks sees it.

    Without a store, nothing is known and nothing written.
    """

    def __init__(self, store: Store | None, tasks: Sequence[Task]) -> None:
        self._store = store
        # Several of one name are told apart by their order, which a run of some may change.
        names = numbered(map(task_name, tasks))
        self._names = {identity(task): name for task, name in zip(tasks, names, strict=True)}
        self.begun = 0.0  # when the run began, on its pool's clock
        self._recording: Recording | None = None
        self._recorder: Recorder | None = None

    # -- earlier runs ------------------------------------------------------------------------

    def failed(self, tasks: Sequence[Task], resumed: int | None = None) -> set[Any]:
        """The identities of the tasks that didn't end well when they were run last.

        What the run that goes on has of them doesn't count: it is the same tasks that it is of.
        """
        return self._asked(lambda store, tasks: self._failed(store, tasks, resumed), tasks, set())

    def _failed(self, store: Store, tasks: Sequence[Task], resumed: int | None) -> set[Any]:
        known = last_outcomes(store, but=resumed)
        pairs = zip(tasks, self._named(tasks), strict=True)
        return {identity(task) for task, name in pairs if known.get(name, "ok") not in GOOD}

    def _named(self, tasks: Sequence[Task]) -> list[tuple[str, int]]:
        return [self._names[identity(task)] for task in tasks]

    def seconds(self, tasks: Sequence[Task]) -> dict[Any, float]:
        """What the tasks take, by identity, as far as that is known."""
        return self._asked(self._seconds, tasks, {})

    def _seconds(self, store: Store, tasks: Sequence[Task]) -> dict[Any, float]:
        known = seconds(store, self._named(tasks))
        pairs = zip(tasks, known, strict=True)
        return {identity(task): each for task, each in pairs if each is not None}

    def over(self, tasks: Sequence[Task], run: int) -> dict[Any, Past]:
        """Of those of the tasks that were over when the run broke off, how they ended."""
        return self._asked(lambda store, tasks: self._over(store, tasks, run), tasks, {})

    def _over(self, store: Store, tasks: Sequence[Task], run: int) -> dict[Any, Past]:
        known = {(past.name, past.nth): past for past in results(store, run)}
        pairs = zip(tasks, self._named(tasks), strict=True)
        return {
            identity(task): known[name]
            for task, name in pairs
            if name in known and _is_over(known[name].how)
        }

    def _asked(self, ask: Callable[[Store, Sequence[Task]], T], tasks: Sequence[Task], none: T) -> T:
        if self._store is None:
            return none
        try:
            return ask(self._store, tasks)
        except StateError as exc:
            self._give_up(exc)
            return none

    def broken_off(self) -> int | None:
        """The run to go on with, None if there is none."""
        return None if self._store is None else broken_off(self._store)

    # -- this one ----------------------------------------------------------------------------

    def begin(
        self,
        tasks: Sequence[Task],
        places: Sequence[Place],
        about: Mapping[str, Any],
        clock: Callable[[], float],
        resumed: int | None,
    ) -> Callable[[Event], object] | None:
        """Begin to write down a run, or to go on with one; returns who has to hear its events."""
        store, names = self._store, self._named(tasks)
        if store is None:
            return None
        self.begun = begun = clock()
        try:
            if resumed is None:
                self._recording = Recording.begin(store, names, time.time(), about, places)
            else:
                self._recording = Recording.resume(store, resumed, names, places)
                (began,) = store.read("SELECT began FROM run WHERE id = ?", (resumed,))[0]
                begun -= max(0.0, time.time() - began)  # the clock may have been set back
            self.begun = begun
        except StateError as exc:
            if resumed is not None:  # without the state, all would be run again
                raise UsageError(f"run {resumed} can't go on: {exc}") from exc
            self._give_up(exc)
            return None
        code_of = _CodeDigests().of
        recorder = Recorder(self._recording, tasks, begun, self._give_up, code_of, _told)
        self._recorder = recorder
        return recorder.hear

    def end(self, interrupted: bool) -> None:
        """The run has ended."""
        if self._recorder is not None:
            self._recorder.write()
        if self._store is None or self._recording is None:
            return
        try:
            self._recording.end(time.time(), interrupted)
            prune(self._store, _KEPT_RUNS, time.time() - _KEPT_SECONDS)
        except StateError as exc:
            self._give_up(exc)

    @property
    def run(self) -> int | None:
        """The number of the run, if it is written down."""
        return None if self._store is None or self._recording is None else self._recording.run

    def _give_up(self, error: StateError) -> None:
        self._store = None
        say("warning", f"{error}; the run goes on without it")


def _is_over(how: How) -> bool:
    # What was ended because the run was is like what ran when all was killed.
    return how.outcome in _OVER and not (how.reason or "").startswith(ABORTED)


@contextlib.contextmanager
def keeping(wanted: bool, tasks: Sequence[Task]) -> Iterator[Keeping]:
    """The state of the current folder, which no other run has meanwhile."""
    with contextlib.ExitStack() as stack:
        store = None
        if wanted:
            try:
                store = stack.enter_context(Store(default_folder()))
                stack.enter_context(held(store.folder, _wait))
            except StateError as exc:
                say("warning", f"{exc}; the run goes on without it")
                store = None
        yield Keeping(store, tasks)


def _wait(holder: str) -> None:
    say("note", f"the state is used by {holder}; waiting for it to end (or use --no-state)")


def _told(res: TaskRes) -> Told:
    """A result in the words that the command has for it."""
    found = [each._asdict() for each in methods(res)]
    output = getattr(res, "output", None)
    if res.outcome in GOOD:
        return Told(reason(res) or None, None, output, found)
    return Told(reason(res), in_full(res), output, found)


class _CodeDigests:
    """Digests of the files that tasks are defined in, each read once."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def of(self, task: Task) -> str | None:
        """The digest of the task's file; None if it has none that can be read."""
        file = place_of(task).file
        if file is None:
            return None
        if file not in self._known:
            try:
                content = pathlib.Path(file).read_bytes()
                self._known[file] = hashlib.blake2b(content, digest_size=8).hexdigest()
            except OSError:
                self._known[file] = None
        return self._known[file]


def place_of(task: Any, waits_for: Sequence[int] = ()) -> Place:
    """Where the task is defined, as far as that can be told."""
    code = getattr(task, "__code__", None)
    if code is None and isinstance(task, Executable):
        return Place(task.path, None, waits_for)
    if code is None:
        function = getattr(task, "func", None) or getattr(task, "__wrapped__", None)
        code = getattr(function, "__code__", None)
    if code is None:
        return Place(None, None, waits_for)
    return Place(code.co_filename, code.co_firstlineno, waits_for)
