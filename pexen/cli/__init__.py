"""The `pexen` command: maps the name of each command to its module; knows no more of them."""

from __future__ import annotations

import contextlib
import difflib
import os
import sys
from collections.abc import Callable, Sequence

from . import graph, listing, run
from .ending import UsageError, guarded
from .options import Parser

__all__ = ["main"]

_COMMANDS: dict[str, tuple[Callable[[Sequence[str]], int], str]] = {
    "run": (run.main, run.SUMMARY),
    "list": (listing.main, listing.SUMMARY),
    "graph": (graph.main, graph.SUMMARY),
}

_EPILOG = """\
exit status:
  0    all is well
  1    a task failed, timed out, was lost or was blocked
  2    wrong usage, or tasks that can't be put into an order
  3    an error inside pexen
  5    there are no tasks

'pexen COMMAND -h' tells more about a command, with examples.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv`, the process's own by default; returns the exit status.

    An interrupted run ends the process by the signal, as does a reader of stdout
    that went away.
    """
    args = sys.argv[1:] if argv is None else list(argv)
    _put_folder_on_path()
    return guarded(lambda: _dispatch(args))


def _dispatch(args: Sequence[str]) -> int:
    if args and args[0] in _COMMANDS:
        return _COMMANDS[args[0]][0](args[1:])
    parser = _parser()
    if not args:
        parser.print_help()
        return 2
    rest = parser.parse_known_args(args)[1]
    name = next((arg for arg in rest if not arg.startswith("-")), args[0])
    if name in _COMMANDS:
        raise UsageError(f"{args[0]!r} comes before the command; write it after {name!r}")
    close = difflib.get_close_matches(name, _COMMANDS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_COMMANDS)}"
    raise UsageError(f"{name!r} is not a command; {hint}")


def _parser() -> Parser:
    from .. import __version__

    lines = [f"  {name:<7}{summary}" for name, (_, summary) in _COMMANDS.items()]
    parser = Parser(
        prog="pexen",
        usage="pexen COMMAND ...",
        description="Run callables and executables in order of their dependencies, in parallel.",
        epilog="\n".join(["commands:", *lines, "", _EPILOG]),
    )
    parser.add_argument("--version", action="version", version=f"pexen {__version__}")
    return parser


def _put_folder_on_path() -> None:
    """Have dotted names found in the current directory, as `python3 -m` does."""
    with contextlib.suppress(OSError):  # it may have been removed
        folder = os.getcwd()
        if not sys.flags.safe_path and sys.path[:1] != [folder]:
            sys.path.insert(0, folder)
