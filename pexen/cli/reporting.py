"""`pexen report`: reports of a run that is over, from the state."""

from __future__ import annotations

from collections.abc import Sequence

from . import reports
from .ending import UsageError
from .options import Parser
from .past import document, opened, run_named

_DESCRIPTION = """\
Write reports of a run that is over, or goes on, from what the state in the folder .pexen has of
it. RUN is a number, as 'pexen history' shows it; without, it is the last run."""

_EXAMPLES = """\
examples:
  pexen report --html last.html           the last run, as a page
  pexen report 12 --junitxml junit.xml    run 12, for a CI system
"""


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser("pexen report", "pexen report [RUN] --FORMAT FILE...", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("run", metavar="RUN", nargs="?", help="its number (default: the last one)")
    reports.add_reports(parser)
    args = parser.parse_args(argv)
    files = reports.wanted(args)
    if not files:
        formats = ", ".join(f"--{name}" for name in reports.FORMATS)
        raise UsageError(f"no report is asked for; there are {formats}, each with a FILE")
    reports.check(files)
    with opened() as store:
        made = document(store, run_named(store, args.run))
    return 0 if reports.write_all(files, made) else 2
