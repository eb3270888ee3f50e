"""`pexen history`: the runs that the state has, how a task ended in them, and what is flaky."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence

from ..state import Store, held
from ..state.history import Past, Run, flaky, members, of_task, runs, unended
from ..state.history import seconds as seconds_of
from ..state.keeper import forget
from .ending import UsageError
from .options import Parser
from .output import printable, put
from .past import opened
from .runoptions import count, positive
from .words import seconds

_DESCRIPTION = """\
Show the last runs that the state in the folder .pexen has; or, of the tasks that are named, how
they ended in the last runs and how long they took; or which tasks are flaky, that is, ended both
well and badly while the file that they are defined in was the same."""

_EXAMPLES = """\
examples:
  pexen history                    the last runs
  pexen history suite/net/ping     the last results of a task
  pexen history --flaky
  pexen history --prune --keep 5   forget all runs but the last five
"""


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    usage = "pexen history [-l N] [--flaky | --prune [--keep N] [--days N] | TASK...]"
    parser = Parser("pexen history", usage, _DESCRIPTION, _EXAMPLES)
    add = parser.add_argument
    add("tasks", metavar="TASK", nargs="*", help="the name of a task, as 'pexen list' prints it")
    add("-l", "--limit", metavar="N", type=positive, default=10, help="show so many (default: 10)")
    add("--flaky", action="store_true", help="show the flaky tasks")
    add("--prune", action="store_true", help="forget old runs; how long tasks take stays known")
    add("--keep", metavar="N", type=count, help="but for the last N of them")
    add("--days", metavar="N", type=count, help="but for those of the last N days")
    args = parser.parse_args(argv)
    with opened() as store:
        if args.prune:
            if args.keep is None and args.days is None:
                raise UsageError("--prune forgets all runs but some; add --keep N or --days N")
            before = time.time() - (args.days or 0) * 24 * 3600
            with held(store.folder):  # not beside a run, which is one of them
                number = forget(store, args.keep or 0, before)
            put(f"{number} {'run is' if number == 1 else 'runs are'} forgotten")
        elif args.flaky:
            lines = [printable(_named(name, nth)) for name, nth in flaky(store)]
            put("\n".join(lines) or "no task is flaky")
        elif args.tasks:
            put("\n\n".join("\n".join(_task_lines(store, name, args.limit)) for name in args.tasks))
        else:
            put("\n".join(map(_run_line, runs(store, args.limit))) or "there are no runs")
    return 0


def _run_line(run: Run) -> str:
    when = datetime.datetime.fromtimestamp(run.began).strftime("%Y-%m-%d %H:%M:%S")
    took = "" if run.ended is None else seconds(run.ended - run.began)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(run.outcomes.items()))
    suite = printable(str(run.about.get("suite", "")))
    return f"{run.number:>5}  {when}  {run.status:<11}  {took:>8}  {suite}  {counts}".rstrip()


def _task_lines(store: Store, name: str, limit: int) -> list[str]:
    found = of_task(store, name, limit)
    lines = [(past.run, _past_line(past)) for past in found]
    lines += [(run, _unended_line(run)) for run in unended(store, name)]
    if not lines:
        raise UsageError(_unknown(store, name))
    lines.sort(key=lambda line: -line[0])
    (mean,) = seconds_of(store, [name])
    took = "" if mean is None else f"  takes {seconds(mean)}"
    return [f"{printable(name)}{took}", *(line for _, line in lines[:limit])]


def _unended_line(run: int) -> str:
    return f"  run {run:<5} it was running when the run broke off, or it still is"


def _past_line(past: Past) -> str:
    took = "" if past.how.duration is None else seconds(past.how.duration)
    again = f"  {past.how.attempts} attempts" if past.how.attempts > 1 else ""
    why = f"  {printable(past.how.reason)}" if past.how.reason else ""
    return f"  run {past.run:<5} {past.how.outcome:<9} {took:>8}{again}{why}".rstrip()


def _unknown(store: Store, name: str) -> str:
    import difflib

    last = runs(store, 1)
    names = [member.name for member in members(store, last[0].number)] if last else []
    what = f"task {name!r} has no results in the state"
    if name in names:
        return f"{what}: it had not begun in run {last[0].number}"
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "'pexen list' prints names"
    return f"{what}; {hint}"


def _named(name: str, nth: int) -> str:
    return name if nth == 0 else f"{name} (number {nth + 1} of that name)"
