"""What the commands' command lines have in common: the parser, targets, numbers."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from typing import NoReturn

from .ending import UsageError

FACTORIES = ("auto", "modtree", "filesystem", "unittest")

_TARGETS = """\
A TARGET is the dotted name of a module or package, or a path: of a Python file, a package,
a folder of executables, or one executable."""

_FACTORY = """\
what makes tasks of a target: 'auto' finds out by itself, 'modtree' takes the callables with
metadata from a package and all below it, 'filesystem' the executables of a folder, 'unittest'
the TestCases of a package or file, and 'pkg.mod:Factory' names a factory of yours
(default: auto)"""

_MATCH = """\
take callables without metadata as well, if their name matches the pattern, as in --match
'test_*' (factories auto and modtree, and your own that take a 'match')"""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that keeps line breaks in help, and raises UsageError."""

    def __init__(self, prog: str, usage: str, description: str, epilog: str) -> None:
        super().__init__(
            prog=prog,
            usage=usage,
            description=description,
            epilog=epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        """End the command; one line says why."""
        raise UsageError(f"{message}; see '{self.prog} -h'")


def command_parser(name: str, usage: str, description: str, examples: str) -> Parser:
    """The parser of a command that has targets."""
    return Parser(
        prog=f"pexen {name}",
        usage=f"pexen {name} {usage}",
        description=f"{description}\n\n{_TARGETS}",
        epilog=f"examples:\n{examples}",
    )


def add_targets(parser: argparse._ActionsContainer, nargs: str = "+") -> None:
    """Add what `collect` goes by: targets, --factory and --match."""
    parser.add_argument("targets", metavar="TARGET", nargs=nargs, help=argparse.SUPPRESS)
    parser.add_argument("--factory", metavar="FACTORY", default="auto", help=_FACTORY)
    parser.add_argument("--match", metavar="PATTERN", help=_MATCH)


# -- how many tasks at a time -----------------------------------------------------------

COUNT = re.compile(r"auto|[-+]?\d+(\.\d*)?")  # what is meant as a number of jobs


def usable_cpus() -> int:
    """The CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def job_count(text: str) -> int:
    """The number of jobs that is meant; ArgumentTypeError if it is none."""
    if text == "auto":
        return usable_cpus()
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs; give 1 or more")
    return int(text)


def default_jobs() -> int:
    """As PEXEN_JOBS says, else the usable CPUs."""
    text = os.environ.get("PEXEN_JOBS", "")
    try:
        return job_count(text.strip() or "auto")
    except argparse.ArgumentTypeError as exc:
        raise UsageError(f"PEXEN_JOBS: {exc}") from None


def spell_out_jobs(args: Sequence[str]) -> list[str]:
    """Give a bare -j its number, so that argparse doesn't take the target after it for one."""
    spelled: list[str] = []
    for place, arg in enumerate(args):
        if arg == "--":
            return [*spelled, *args[place:]]
        following = args[place + 1] if place + 1 < len(args) else ""
        if arg in ("-j", "--jobs") and not COUNT.fullmatch(following):
            arg = f"{arg}=auto" if arg == "--jobs" else f"{arg}auto"
        spelled.append(arg)
    return spelled


# -- amounts -----------------------------------------------------------------------------


def resource(text: str) -> tuple[str, float]:
    """NAME=AMOUNT as (name, amount); ArgumentTypeError if it isn't that."""
    name, equals, amount = text.rpartition("=")
    try:
        number = float(amount)
    except ValueError:
        number = 0
    if not name or not equals or not 0 < number < float("inf"):
        wanted = "NAME=AMOUNT with an amount above 0"
        raise argparse.ArgumentTypeError(f"{text!r} is not {wanted}, as in cpu=4")
    return name, int(number) if number.is_integer() else number


def seconds(text: str) -> float:
    """A number of seconds; ArgumentTypeError if it is none."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return number
