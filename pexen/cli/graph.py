"""`pexen graph`: the tasks of the targets and what is between them, for Graphviz."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

from ..sched import Sched
from ..sched.common import Task
from . import record
from .collect import collect, explained
from .dot import document
from .metadata import meta_of
from .options import add_targets, command_parser
from .output import put

_DESCRIPTION = """\
Write a Graphviz document of the tasks of the targets, with an edge from each task to those
that wait for it. Nothing is run. With the record of a finished run, tasks are coloured:
green for ok, red for failed, orange for blocked, grey for skipped.

Tasks that can't be put into an order are drawn as well; then the exit status is 2."""

_EXAMPLES = """\
  pexen graph kernel_tests | dot -Tsvg >kernel_tests.svg
  pexen run --json last.json kernel_tests; pexen graph --run last.json kernel_tests >last.dot
"""


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = command_parser(
        "graph",
        "[--run FILE] [--factory FACTORY] [--match PATTERN] TARGET...",
        _DESCRIPTION,
        _EXAMPLES,
    )
    parser.add_argument("--run", metavar="FILE", help="what 'pexen run --json FILE' wrote")
    add_targets(parser)
    args = parser.parse_args(argv)
    entries = [] if args.run is None else record.read(args.run)
    # What modules print when they are imported is no part of the document.
    with contextlib.redirect_stdout(sys.stderr):
        tasks = collect(args)
    put("\n".join(document(tasks, record.matched(entries, tasks))))
    with explained(tasks):
        Sched(tasks, resources=_enough(tasks))  # raises what is wrong with them
    return 0


def _enough(tasks: Sequence[Task]) -> dict[Any, float]:
    """Of each resource as much as a task takes, so that how much there is doesn't matter."""
    wanted: dict[Any, float] = {}
    for task in tasks:
        for name, amount in meta_of(task).resources.items():
            wanted[name] = max(amount, wanted.get(name, 0))
    return wanted
