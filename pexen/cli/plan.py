"""`pexen plan`: how long a run would take with more or fewer workers, and what is in the way."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from collections.abc import Sequence

from ..sched import Bound, Contention, Plan, Sched, Step
from ..sched.common import Task
from ..sched.taskmap import TaskMap
from . import durations
from .collect import collect, explained
from .options import Parser, add_targets, command_parser, job_count, resource
from .output import printable, put
from .words import label, seconds

SUMMARY = "tell how long a run would take, and what is in the way"

_USAGE = """\
[-j N[,N]...] [--durations FILE] [--resource NAME=AMOUNT]...
                  [--search RUNS] [--factory FACTORY] [--match PATTERN] TARGET..."""

_DESCRIPTION = """\
Tell how long a run of the tasks would take with so many workers, how busy they would be, and
what is in the way of a shorter one. The run is simulated, and every task ends well. Nothing is
run. Without durations each task counts as 1 second, and only comparisons say something."""

_EXAMPLES = """\
  pexen plan kernel_tests                   with 1, 2, 4 and 8 workers
  pexen plan -j 3,6 --resource gpu=2 kernel_tests
  pexen run --json last.json kernel_tests; pexen plan --durations last.json kernel_tests
  pexen plan --durations last.json --search 64 kernel_tests
"""

_JOBS = "numbers of workers to try, with commas between (default: 1,2,4,8)"
_DURATIONS = """\
the seconds that tasks take: a JSON object from their names, as 'pexen list' prints them, or
what 'pexen run --json FILE' wrote; by default those that earlier runs had, as the state knows
them; a task that isn't there counts as the median"""
_RESOURCE = "how much there is of a resource that tasks take; may be given several times"
_SEARCH = "simulate up to so many more runs, of each number of workers, in search of a shorter one"

_STEPS = 20  # of the critical path, as many as fit a screen
_NEARLY = 0.05  # what is within this part of the best is nearly as good


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    args = _parser().parse_args(argv)
    # What modules print when they are imported is no part of the plan.
    with contextlib.redirect_stdout(sys.stderr):
        tasks = collect(args)
    if args.durations is None:
        known = durations.in_state(tasks)
    else:
        known = durations.read(args.durations, tasks)
    with explained(tasks):
        sched = Sched(tasks, resources=dict(args.resource or ()), durations=known or None)
        plans = [sched.plan(workers, search=args.search) for workers in args.jobs]
    put(_heading(tasks, known, plans[0]))
    put("\n".join(["", *_table(plans)]))
    for text in _advice(plans, args.search):
        put(f"\n{text}")
    return 0


def _parser() -> Parser:
    parser = command_parser("plan", _USAGE, _DESCRIPTION, _EXAMPLES)
    add = parser.add_argument
    add("-j", "--jobs", metavar="N[,N]...", type=_job_counts, default=[1, 2, 4, 8], help=_JOBS)
    add("--durations", metavar="FILE", help=_DURATIONS)
    add("--resource", metavar="NAME=AMOUNT", type=resource, action="append", help=_RESOURCE)
    add("--search", metavar="RUNS", type=_run_count, default=0, help=_SEARCH)
    add_targets(parser)
    return parser


def _job_counts(text: str) -> list[int]:
    return sorted({job_count(part.strip()) for part in text.split(",")})


def _run_count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of runs; give 0 or more")
    return int(text)


# -- the table -------------------------------------------------------------------------------


def _heading(tasks: Sequence[Task], known: TaskMap[float], plan: Plan) -> str:
    count = _counted(len(tasks), "task")
    if not known:
        why = "no durations are known; 'pexen run' learns them, or --durations gives them"
        return f"{count}, each counted as 1 second: {why}"
    text = f"{count}, {seconds(plan.work)} of work"
    missing = len(tasks) - len(known)
    return f"{text}; {missing} of unknown duration, counted as the median" if missing else text


def _table(plans: Sequence[Plan]) -> list[str]:
    rows = [("workers", "makespan", "speed-up", "busy", "at least", "because of")]
    for plan in plans:
        faster = plan.work / plan.makespan if plan.makespan else 1.0
        rows.append(
            (
                str(plan.workers),
                seconds(plan.makespan),
                f"{faster:.2f}",
                f"{plan.utilisation:.0%}",
                seconds(plan.lower_bound),
                _named(plan.bounds[0]),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for *numbers, cause in rows:
        cells = [cell.rjust(width) for cell, width in zip(numbers, widths, strict=False)]
        lines.append("  ".join([*cells, cause]))
    return lines


def _named(of: Bound | Contention) -> str:
    names = {
        "path": "the longest path",
        "workers": "the workers",
        "exclusive": "exclusive tasks",
    }
    return names.get(of.kind) or printable(f"the {of.kind} {of.key!r}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


# -- what is in the way ------------------------------------------------------------------------


def _advice(plans: Sequence[Plan], search: int) -> list[str]:
    """What is to be said below the table, in paragraphs: of the greatest number of workers."""
    last = plans[-1]
    best = min(plan.makespan for plan in plans)
    enough = next(plan for plan in plans if plan.makespan <= best * (1 + _NEARLY))
    close = last.makespan <= last.lower_bound * (1 + _NEARLY)
    cause = _cause(last) if close else _several(last)
    found = [f"With {_counted(last.workers, 'worker')}, {cause}"]
    if enough.workers < last.workers:
        workers = _counted(enough.workers, "worker")
        found.append(f"{workers} would do nearly as well: {seconds(enough.makespan)}.")
    found.extend(_cost(c) for c in last.contention if c.saves > 0)
    if not search and not close:
        part = 1 - last.lower_bound / last.makespan
        found.append(f"Another order might save up to {part:.0%}; --search 64 looks for one.")
    paragraphs = ["\n".join(found)]
    if last.bounds[0].kind != "workers" or not close:
        paragraphs.append(_path(last))
    return paragraphs


def _cause(plan: Plan) -> str:
    """What alone makes the run as long as it is, or nearly."""
    bound = plan.bounds[0]
    if bound.kind == "path":
        return "the longest path is in the way: make its tasks shorter, or split them."
    if bound.kind == "workers":
        return f"the workers are in the way: they are busy {plan.utilisation:.0%} of the time."
    if bound.kind == "exclusive":
        return "exclusive tasks are in the way: nothing runs beside them."
    return f"{_named(bound)} is in the way: let fewer tasks need it, or for a shorter time."


def _several(plan: Plan) -> str:
    """What makes it longer than any one thing would."""
    causes = Counter(_waited_for(step) for step in plan.path[1:])
    steps = f"of the {len(plan.path)} steps of the critical path"
    counted = ", ".join(f"{number} {what}" for what, number in causes.most_common(4))
    return f"several things are in the way: {steps}, {counted}."


def _waited_for(step: Step) -> str:
    if step.kind in ("requires", "after"):
        return "came after what they need"
    if step.kind == "exclusive":
        return "waited for an exclusive task, or were one"
    named = f"the {step.kind} {step.key!r}" if step.key is not None else f"a {step.kind}"
    return printable(f"waited for {named}")


def _cost(of: Contention) -> str:
    asking = f"{_counted(of.tasks, 'task')}, {seconds(of.seconds)} at least"
    return f"{_named(of)}: {asking}; without it the run would be {seconds(of.saves)} shorter."


def _path(plan: Plan) -> str:
    lengths = sorted((step.end - step.start for step in plan.path), reverse=True)
    least = lengths[_STEPS - 1] if len(lengths) > _STEPS else 0.0
    shown = [step for step in plan.path if step.end - step.start >= least][:_STEPS]
    lines = [_line(step) for step in shown]
    left = len(plan.path) - len(shown)
    if left:
        lines.append(f"and {left} shorter ones between them")
    return "\n".join([f"The critical path with {_counted(plan.workers, 'worker')}:", *lines])


def _line(step: Step) -> str:
    when, long = seconds(step.start), seconds(step.end - step.start)
    return f"{when:>10}  {long:>10}  {label(step.task)}  {printable(step.why)}"
