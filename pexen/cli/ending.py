"""How a command ends: its exit status, what is said on stderr, or by which signal."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TextIO

from ..sched.common import InternalError
from ..sched.interrupt import interrupt
from ..util import PexenError, PexenWarning
from .output import OutputError, flush, settle_stdout

WELL, FAILED, USAGE, INTERNAL, NOTHING = 0, 1, 2, 3, 5


class CommandError(PexenError):
    """Ends the command with a message; `status` is the exit status."""

    status = USAGE


class UsageError(CommandError):
    """The command line asks for what can't be."""


class NothingError(CommandError):
    """There are no tasks."""

    status = NOTHING


def say(kind: str, text: object) -> None:
    """Tell the user something on stderr, in one line where `text` is one."""
    with contextlib.suppress(OSError):  # nobody reads it, so nobody can be told
        print(f"pexen: {kind}: {text}", file=sys.stderr, flush=True)


def guarded(command: Callable[[], int]) -> int:
    """Run a command; whatever it raises becomes an exit status, or ends the process."""
    settle_stdout()
    ended_by = _interrupt_on_termination()
    with warnings.catch_warnings():
        # These are messages to whoever runs the command, and not about code of theirs.
        warnings.simplefilter("always", PexenWarning)
        with pexen_warnings(lambda text: say("warning", text)):
            try:
                return _status(command)
            except KeyboardInterrupt:
                return _die_by(ended_by[0] if ended_by else signal.SIGINT)
            except OutputError as exc:
                if exc.reader_gone:
                    return _die_by(signal.SIGPIPE)
                say("error", exc)
                return USAGE


def _interrupt_on_termination() -> list[signal.Signals]:
    """Have SIGTERM and SIGHUP end the command as Ctrl-C does; lists which came."""
    came: list[signal.Signals] = []

    def terminate(number: int, frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        interrupt()

    for number in (signal.SIGTERM, signal.SIGHUP):
        # Else it is ignored, by nohup say, or somebody else's.
        if signal.getsignal(number) is signal.SIG_DFL:
            with contextlib.suppress(ValueError):  # not in the main thread
                signal.signal(number, terminate)
    return came


def _status(command: Callable[[], int]) -> int:
    try:
        try:
            return command()
        finally:
            flush()
    except SystemExit as exc:  # argparse, after -h
        if isinstance(exc.code, int):
            return exc.code
        raise
    except (OutputError, KeyboardInterrupt):
        raise
    except InternalError as exc:
        return _internal(exc)
    except PexenError as exc:
        say("error", exc)
        return exc.status if isinstance(exc, CommandError) else USAGE
    except Exception as exc:
        return _internal(exc)


def _internal(exc: Exception) -> int:
    import traceback

    traceback.print_exception(exc)
    say("internal error", f"{type(exc).__name__}; please report it, with the lines above")
    return INTERNAL


def _die_by(number: signal.Signals) -> int:
    """End as if the signal had done it: a shell stops its loop, and shows 128 + number."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number  # blocked by whoever started us


@contextlib.contextmanager
def pexen_warnings(handle: Callable[[str], object]) -> Iterator[None]:
    """Within, a PexenWarning is given to `handle` as text; others are shown as ever."""
    previous = warnings.showwarning

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        if issubclass(category, PexenWarning):
            handle(str(message))
        else:
            previous(message, category, filename, lineno, file, line)

    warnings.showwarning = show
    try:
        yield
    finally:
        warnings.showwarning = previous
