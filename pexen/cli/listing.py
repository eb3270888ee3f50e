"""`pexen list`: the tasks of the targets, and what they declare."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from .collect import collect
from .ending import NothingError
from .metadata import as_object, as_text
from .options import add_targets, command_parser
from .output import printable, put
from .words import label

_EXAMPLES = """\
  pexen list kernel_tests           a line for each task
  pexen list --json kernel_tests    a JSON list: callpath, name and metadata of each
  pexen list --match 'test_*' kernel_tests.fs
"""


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = command_parser(
        "list",
        "[--json] [--factory FACTORY] [--match PATTERN] TARGET...",
        "Show the tasks of the targets, in the order in which they were found, and the metadata\n"
        "that each was given. Nothing is run.",
        _EXAMPLES,
    )
    parser.add_argument("--json", action="store_true", help="write a JSON list of objects")
    add_targets(parser)
    args = parser.parse_args(argv)
    try:
        # What modules print when they are imported is no part of the list.
        with contextlib.redirect_stdout(sys.stderr):
            tasks = collect(args)
    except NothingError:
        if args.json:
            put("[]")
        raise
    if args.json:
        import json

        put(json.dumps(list(map(as_object, tasks)), indent=2))
        return 0
    # At once: nobody waits for the first of them while the others are made.
    put("\n".join(f"{label(task)}  {printable(as_text(task))}".rstrip() for task in tasks))
    return 0
