"""The `pexen` command: maps the name of each command to its module; knows no more of them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from .ending import UsageError, guarded
from .options import Parser

__all__ = ["main"]

# Of each command, the module that has its `main`, and what it is for. The module is imported
# when the command is given: `run` takes 80 ms, `list` 25.
_COMMANDS = {
    "run": ("run", "run tasks and print what becomes of each"),
    "list": ("listing", "show tasks and their metadata"),
    "graph": ("graph", "draw tasks and dependencies, for Graphviz"),
    "plan": ("plan", "tell how long a run would take, and what is in the way"),
    "history": ("history", "show earlier runs, a task's last results, and what is flaky"),
    "report": ("reporting", "write reports of a run that is over"),
    "why": ("why", "tell why a task ran, waited, or was kept from running"),
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
        module = import_module(f"{__name__}.{_COMMANDS[args[0]][0]}")
        status: int = module.main(args[1:])
        return status
    parser = _parser()
    if not args:
        parser.print_help()
        return 2
    rest = parser.parse_known_args(args)[1]
    name = next((arg for arg in rest if not arg.startswith("-")), args[0])
    if name in _COMMANDS:
        raise UsageError(f"{args[0]!r} comes before the command; write it after {name!r}")
    import difflib

    close = difflib.get_close_matches(name, _COMMANDS, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(_COMMANDS)}"
    raise UsageError(f"{name!r} is not a command; {hint}")


def _parser() -> Parser:
    from ..util import __version__

    lines = [f"  {name:<8}{summary}" for name, (_, summary) in _COMMANDS.items()]
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
