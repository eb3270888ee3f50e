"""The command line of `pexen run`."""

from __future__ import annotations

import argparse
import multiprocessing
import random
from collections.abc import Sequence

from ..report.colour import CHOICES as COLOURS
from .defaults import apply_defaults
from .ending import UsageError
from .options import (
    COUNT,
    Parser,
    add_targets,
    command_parser,
    default_jobs,
    job_count,
    resource,
    seconds,
    spell_out_jobs,
)
from .reports import add_reports

_USAGE = "[OPTION]... TARGET..."

_DESCRIPTION = """\
Run the tasks of the targets in parallel, in the order that their metadata asks for. A line
is printed as each one ends, with its outcome and how long it took (on a terminal only if it
isn't well, besides a line that tells how far the run is); at the end, what failed in full,
with what it printed, and a summary. A task that fails takes nothing with it but what
requires it."""

_EXAMPLES = """\
  pexen run kernel_tests                    a package, by its name
  pexen run tests/kernel tests/smoke.sh     a folder, and one executable
  pexen run -j 4 kernel_tests               four tasks at a time
  pexen run --match 'test_*' kernel_tests   functions without metadata as well
  pexen run kernel_tests --only kernel_tests/net   what is below, and what that requires
  pexen run kernel_tests -k 'net and not slow'     names and tags
  pexen run --lf kernel_tests               what didn't end well last time
  pexen run --watch kernel_tests            again, whenever a module changes
  pexen run --resume                        go on with a run that was interrupted
  pexen run --resource gpu=2 kernel_tests   two tasks that take a gpu each run side by side
  pexen run --html last.html kernel_tests   and a page that tells what broke, and what is slow

An executable that exits with status 77 is counted as skipped. Ctrl-C ends what runs, runs
what is marked as teardown, and prints the summary; a second one ends everything at once.
SIGTERM and SIGHUP do the same. How each task ended is kept in the folder .pexen, or what
PEXEN_STATE_DIR names. Defaults are read from [tool.pexen] of pyproject.toml.
"""

_JOBS = """\
how many tasks run at a time; -j alone means the usable CPUs (default: the environment
variable PEXEN_JOBS, else the usable CPUs)"""
_PROCESSES = "run tasks in worker processes, which may crash, and can be ended (default)"
_THREADS = "run tasks in threads, which start faster, but share all and can't be ended"
_START_METHOD = "how processes are started: %(choices)s (default: fork, where there is one)"
_RESOURCE = "how much there is of a resource that tasks take; may be given several times"
_TIMEOUT = """\
end a task that runs longer, unless its metadata has a timeout of its own (with --threads,
only stop waiting for it)"""
_ONLY = """\
run the tasks whose callpath is this, or begins with it, or fits it as a pattern, and what they
require; may be given several times"""
_EXPRESSION = """\
run the tasks that the expression fits: parts of names, and tags, with 'and', 'or', 'not'"""
_LAST_FAILED = "run what didn't end well when it was run last, or everything if all did"
_FAILED_FIRST = "run that first, and then everything else"
_NO_DEPS = "don't run what selected tasks require; it is taken to be there"
_WATCH = """\
after the run wait for files to change, and run again what is affected, until Ctrl-C"""
_RESUME = """\
go on with the last run, if it was interrupted or stopped: what had ended isn't run again; without a
TARGET, with its command line"""


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """The arguments; UsageError for what can't be."""
    parser = _parser()
    apply_defaults(parser)
    args = parser.parse_args(_spelled_out(argv))
    # Whether the command line has them, and not the file of defaults.
    args.has_targets = args.targets is not parser.get_default("targets") and bool(args.targets)
    if args.threads and args.start_method is not None:
        raise UsageError("--start-method is for processes; leave out --threads")
    if args.threads and args.isolate:
        raise UsageError("--isolate is for processes; leave out --threads")
    if args.no_state and args.resume:
        raise UsageError("--resume goes on with what the state has; leave out --no-state")
    if not args.targets and not args.resume:
        raise UsageError("name a TARGET, on the command line or as 'targets' in [tool.pexen]")
    if args.watch:
        _check_watch(args)
    args.round = None  # of a watch, when it is known
    if args.jobs is None:
        args.jobs = default_jobs()
    return args


def _check_watch(args: argparse.Namespace) -> None:
    """UsageError for what can't be had with --watch."""
    refused = {
        "--resume goes on with one run": args.resume,
        "--dry-run runs nothing": args.dry_run,
        "--repeat runs everything again as well": args.repeat > 1,
    }
    for what, given in refused.items():
        if given:
            raise UsageError(f"{what}; leave it out, or --watch")


def _parser() -> Parser:
    parser = command_parser("run", _USAGE, _DESCRIPTION, _EXAMPLES)
    _add_selection(parser.add_argument_group("which tasks"))
    _add_running(parser.add_argument_group("how they are run"))
    _add_ending(parser.add_argument_group("when the run ends"))
    _add_showing(parser.add_argument_group("what is shown"))
    add_reports(parser)
    return parser


def _add_selection(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add_targets(group, "*")
    add("--only", metavar="NAME", action="append", help=_ONLY)
    add("-k", metavar="EXPR", help=_EXPRESSION)
    add("--lf", "--last-failed", action="store_true", help=_LAST_FAILED)
    add("--ff", "--failed-first", action="store_true", help=_FAILED_FIRST)
    add("--no-deps", action="store_true", help=_NO_DEPS)
    add("--resume", action="store_true", help=_RESUME)
    add("-n", "--dry-run", action="store_true", help="only show which tasks would be run")


def _add_running(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    methods = multiprocessing.get_all_start_methods()
    add("-j", "--jobs", metavar="N", type=job_count, help=_JOBS)
    kind = group.add_mutually_exclusive_group()
    kind.add_argument(
        "--processes", dest="threads", action="store_false", default=False, help=_PROCESSES
    )
    kind.add_argument("--threads", action="store_true", help=_THREADS)
    add("--start-method", metavar="METHOD", choices=methods, help=_START_METHOD)
    add("--isolate", action="store_true", help="run each task in a fresh process")
    add("--resource", metavar="NAME=AMOUNT", type=resource, action="append", help=_RESOURCE)
    add("--timeout", metavar="SEC", type=seconds, help=_TIMEOUT)
    add(
        "--retries", metavar="N", type=count,
        help="run a task that failed so many times more, unless its metadata says how many",
    )  # fmt: skip
    add(
        "--shuffle", metavar="SEED", nargs="?", type=int,
        help="run in an order by chance; --shuffle=SEED is the same each time",
    )  # fmt: skip
    add("--repeat", metavar="N", type=positive, default=1, help="run everything so many times")
    add("--watch", action="store_true", help=_WATCH)


def _add_ending(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-x", dest="maxfail", action="store_const", const=1, help="stop after the first failure")
    add("--maxfail", metavar="N", type=count, help="stop after so many failures; 0: never")
    add("--deadline", metavar="SEC", type=seconds, help="end the run after so many seconds")


def _add_showing(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("-s", "--no-capture", action="store_true", help="let tasks print, rather than keep it")
    add("-q", "--quiet", action="store_true", help="no lines for the tests inside a task")
    add("-v", "--verbose", action="store_true", help="a line per task also on a terminal")
    add(
        "--durations", metavar="N", type=positive, default=0,
        help="show the N tasks that took longest",
    )  # fmt: skip
    add("--color", choices=COLOURS, default="auto", help="whether to use colours: %(choices)s")
    add("--jsonl", metavar="FILE", help="write JSON lines as tasks end; - is stdout, and only that")
    add("--no-state", action="store_true", help="neither read nor write the folder .pexen")


# Larger numbers mean the same, and not all that they are given to could take them.
_MANY = 2**31


def count(text: str) -> int:
    """A number, 0 or above; ArgumentTypeError if it is none."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; give 0 or more")
    return min(int(text), _MANY)


def positive(text: str) -> int:
    """A number above 0; ArgumentTypeError if it is none."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return min(int(text), _MANY)


def _spelled_out(argv: Sequence[str]) -> list[str]:
    """The arguments with what may be left out of them, lest a target be taken for it."""
    spelled: list[str] = []
    for place, arg in enumerate(spell_out_jobs(argv)):
        if arg == "--":
            return [*spelled, *spell_out_jobs(argv)[place:]]
        if arg == "--shuffle":
            arg = f"--shuffle={random.randrange(10**6)}"
        spelled.append(arg)
    for arg, following in zip(spelled, [*spelled[1:], ""]):
        number = arg[2:] if arg.startswith("-n") else ""
        if arg == "-n":
            number = following
        if COUNT.fullmatch(number):
            raise UsageError(f"-n is no number of jobs; did you mean -j {number}?")
    return spelled
