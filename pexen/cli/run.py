"""`pexen run`: run the tasks of the targets and print what becomes of each."""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import deque
from collections.abc import Sequence

from ..sched import Sched
from ..sched.common import Task
from ..sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool
from . import record
from .collect import collect, explained
from .ending import FAILED, USAGE, WELL, CommandError, UsageError, pexen_warnings, say
from .log import hear_log
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
from .report import Report

_USAGE = """\
[-j N] [--threads | --processes] [--start-method METHOD]
                 [--resource NAME=AMOUNT]... [--timeout SEC] [--json FILE] [-q]
                 [--factory FACTORY] [--match PATTERN] TARGET..."""

_DESCRIPTION = """\
Run the tasks of the targets in parallel, in the order that their metadata asks for. A line
is printed as each one ends, with its outcome and how long it took; at the end, what failed
in full, and a summary. A task that fails takes nothing with it but what requires it."""

_EXAMPLES = """\
  pexen run kernel_tests                    a package, by its name
  pexen run tests/kernel tests/smoke.sh     a folder, and one executable
  pexen run -j 4 kernel_tests               four tasks at a time
  pexen run --match 'test_*' kernel_tests   functions without metadata as well
  pexen run --resource gpu=2 kernel_tests   two tasks that take a gpu each run side by side
  pexen run --json last.json kernel_tests   and then, to see it drawn:
  pexen graph --run last.json kernel_tests | dot -Tsvg >last.svg

An executable that exits with status 77 is counted as skipped. Ctrl-C ends what runs, runs
what is marked as teardown, and prints the summary; a second one ends everything at once.
SIGTERM and SIGHUP do the same.
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


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    hear_log()
    args = _parser().parse_args(spell_out_jobs(argv))
    if args.threads and args.start_method is not None:
        raise UsageError("--start-method is for processes; leave out --threads")
    jobs = default_jobs() if args.jobs is None else args.jobs
    if args.json is not None:
        record.check_writable(args.json)
    tasks = collect(args)
    # More workers than tasks would only be started and ended.
    return _run(tasks, _pool(args, min(jobs, len(tasks))), args)


def _parser() -> Parser:
    parser = command_parser("run", _USAGE, _DESCRIPTION, _EXAMPLES)
    methods = multiprocessing.get_all_start_methods()
    add = parser.add_argument
    add("-j", "--jobs", metavar="N", type=job_count, help=_JOBS)
    add("-n", nargs="?", action=_DidYouMeanJobs, help=argparse.SUPPRESS)
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--processes", action="store_true", help=_PROCESSES)
    kind.add_argument("--threads", action="store_true", help=_THREADS)
    add("--start-method", metavar="METHOD", choices=methods, help=_START_METHOD)
    add("--resource", metavar="NAME=AMOUNT", type=resource, action="append", help=_RESOURCE)
    add("--timeout", metavar="SEC", type=seconds, help=_TIMEOUT)
    add("--json", metavar="FILE", help="write a record of the run, for 'pexen graph --run'")
    add("-q", "--quiet", action="store_true", help="no lines for the tests inside a task")
    add_targets(parser)
    return parser


class _DidYouMeanJobs(argparse.Action):
    """Says what the -n of pytest-xdist is called here."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        option_string: str | None = None,
    ) -> None:
        meant = f"-j {values}" if COUNT.fullmatch(str(values)) else "-j"
        raise UsageError(f"-n is not an option; did you mean {meant}?")


def _pool(args: argparse.Namespace, workers: int) -> WorkerPool:
    if args.threads:
        return ThreadWorkerPool(workers)
    return ProcessWorkerPool(
        workers, start_method=args.start_method, initializer=_write_whole_lines
    )


def _write_whole_lines() -> None:
    """In a worker: have what tasks print come out as it is printed, line by line."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)


def _run(tasks: list[Task], pool: WorkerPool, args: argparse.Namespace) -> int:
    report = Report(args.quiet)
    with explained(tasks):
        sched = Sched(tasks, resources=dict(args.resource or ()), listeners=[report.hear])
    report.blocked, report.give_up = lambda: sched.blocked, sched.abort
    begun, begun_on_pool = time.monotonic(), pool.clock()
    problem: BaseException | None = None
    try:
        with pexen_warnings(report.warned):
            # The report listens, as results also come up while a run is being ended.
            deque(sched.run(pool, timeout=args.timeout), maxlen=0)
    except (Exception, KeyboardInterrupt) as exc:
        problem = exc  # raised again when all is said that there is to say
    elapsed, interrupted = time.monotonic() - begun, isinstance(problem, KeyboardInterrupt)
    if report.ended or interrupted:
        report.conclude(elapsed, interrupted)
    written = True
    if args.json is not None:
        made = record.document(tasks, report.ended, begun_on_pool, elapsed, interrupted)
        written = _write_record(args.json, made)
    for problem in (problem, report.error):
        if problem is not None:
            raise problem
    if not report.all_well():
        return FAILED
    return WELL if written else USAGE


def _write_record(path: str, made: dict[str, object]) -> bool:
    try:
        record.write(path, made)
    except CommandError as exc:
        say("error", exc)
        return False
    return True
