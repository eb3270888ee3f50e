"""`pexen run --watch`: waits for files to change, and runs what is affected.

Each round is run by a fork of this process, which has imported nothing of the user's, and so sees
every module as it is then. The fork goes on as an ordinary `pexen run`, and ends as one:

    watch: look -> fork -> read the sources -> wait for the round to end -> look until changed
    round:           \\-> collect, run, report -> answer

Changes are found by comparing with what was seen before the round began, so that none is lost.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from types import FrameType
from typing import IO, Any

from ..factory.importgraph import ImportGraph
from .affected import Affected, Answer, Name, Round, listed
from .ending import USAGE, NothingError, say
from .output import OutputError, flush, printable
from .sources import Sources, Stamp

# Seconds between two looks at the files: to wait for a change, and for it to be all. A look may
# take a while where there are many files; the other four fifths of the time it leaves the disk.
INTERVAL = 0.4
SETTLING = 0.15
_REST = 4
_LOOKS = 20  # after which files that change all the time aren't waited for

# Whose end by one of these is the end of the watch.
_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE)


def watch(args: Namespace, once: Callable[[], int]) -> int:
    """Run round after round, until a signal ends it; `once` does what the command does without.

    Returns the exit status only in the process of a round, or if the first one can't be run.
    """
    watcher = Watcher(args, Sources(args.targets))
    first = True
    for each in watcher.rounds():
        with tempfile.TemporaryFile() as file:
            with _signals_held() as told:
                flush()
                child = os.fork()
                if child:
                    told.append(child)
                    watcher.read()
                    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if not child:
                return _in_round(args, each, file, first, once)
            _end_with(status)
            file.seek(0)
            text = file.read()
        if text:
            watcher.answer = Answer(*json.loads(text))
        elif first:
            return status if status > 0 else 128 - status
        elif status < 0:
            say("error", f"the run was ended by signal {-status}")
        elif status != USAGE:  # of which it has said why
            say("error", f"the run ended with status {status}")
        if first:
            say("note", f"waiting for any of {watcher.size} files to change; Ctrl-C ends it")
        first = False
    raise AssertionError("a watch has no last round")


class Watcher:
    """Knows the files, and what each round has to run.

    After each round `answer` is to be set, unless it couldn't be run. `pause` waits so many
    seconds.
    """

    def __init__(
        self, args: Namespace, sources: Sources, pause: Callable[[float], object] = time.sleep
    ) -> None:
        # Configuration.
        self._args = args
        self._sources = sources
        self._pause = pause
        # State.
        self._graph = ImportGraph(sources.tops)
        self._unread = True  # the graph is still empty
        self._seen: dict[str, Stamp] = {}  # before the last round began
        self.answer: Answer | None = None

    @property
    def size(self) -> int:
        """How many files are watched."""
        return len(self._seen)

    def read(self) -> None:
        """Read all modules, unless they have been: best while a round runs."""
        if self._unread:
            self._graph.changed(filter(_is_module, self._seen))
            self._unread = False

    def rounds(self) -> Iterator[Round]:
        """The rounds, each as soon as there is something to run; the first is all."""
        self._seen = self._sources.look()
        affected = Affected("", None)
        failing: list[Name] = []
        while True:
            self.answer = None
            yield Round(self._args, self._sources.starts, self._graph, affected, failing)
            self.read()
            left = affected.files
            if self.answer is not None:
                failing = self.answer.failing
                if self.answer.whole:
                    left = set()
            changed = self._changed()
            gone = changed.keys() - self._seen.keys()
            files = self._graph.changed(
                filter(_is_module, changed.keys() - gone), filter(_is_module, gone)
            ).union(changed)
            for path in sorted(self._graph.problems.keys() & changed.keys()):
                why = printable(self._graph.problems[path])
                say("warning", f"file {_shown(path)} can't be parsed: {why}")
            text = listed(f"{_shown(path)} {how}" for path, how in sorted(changed.items()))
            affected = Affected(text, None if left is None else left | files)

    def _changed(self) -> dict[str, str]:
        """Wait until files change, and for that to be all; how each did."""
        seen = self._sources.look()
        while seen == self._seen:
            self._pause(max(INTERVAL, _REST * self._sources.seconds))
            seen = self._sources.look()
        for _ in range(_LOOKS):
            self._pause(SETTLING)
            before, seen = seen, self._sources.look()
            if seen == before:
                break
        old, self._seen = self._seen, seen
        return _compared(old, seen)


def _compared(old: dict[str, Stamp], new: dict[str, Stamp]) -> dict[str, str]:
    changed = {path: "is gone" for path in old.keys() - new.keys()}
    changed |= {path: "is new" for path in new.keys() - old.keys()}
    both = old.keys() & new.keys()
    return changed | {path: "changed" for path in both if old[path] != new[path]}


def _is_module(path: str) -> bool:
    return path.endswith(".py")


def _shown(path: str) -> str:
    below = os.path.relpath(path)
    return repr(path if below.startswith(os.pardir) else below)


# -- one round, in a process of its own ------------------------------------------------------


def _in_round(
    args: Namespace, each: Round, file: IO[bytes], first: bool, once: Callable[[], int]
) -> int:
    each.file = file
    args.round = each
    if first:
        return once()
    # Python takes what is compiled for the present source if that is of the same second and size,
    # which a file that is being edited may well be.
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # for workers and programs that aren't forks
    try:
        return once()
    except NothingError as exc:  # as tasks were removed, or the command line selects others
        say("note", exc)
        each.end([])
        return exc.status


def _end_with(status: int) -> None:
    """End the watch if a signal that is for all has ended the round."""
    if -status == signal.SIGPIPE:
        raise OutputError(OSError(errno.EPIPE, os.strerror(errno.EPIPE)))
    if -status in _ENDS:
        signal.raise_signal(-status)


@contextlib.contextmanager
def _signals_held() -> Iterator[list[int]]:
    """Within, no signal ends this process; they come when it is left.

    A terminal sends its own to the round as well; SIGTERM is passed on to the processes listed.
    """
    came: list[int] = []
    children: list[int] = []

    def hold(number: int, frame: FrameType | None) -> None:
        came.append(number)
        if number == signal.SIGTERM:
            for child in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, number)

    previous: dict[int, Any] = {}
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if callable(signal.getsignal(each)):
            previous[each] = signal.signal(each, hold)
    try:
        yield children
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])
