"""`pexen run`: run the tasks of the targets and print what becomes of each."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
import time
from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from ..report import colour
from ..report.jsonl import Lines
from ..report.live import Live
from ..sched.common import Task, identity, task_name
from ..sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool
from ..state.history import Past
from ..suite import End, Selected, Suite, going_on
from . import record, reports
from .choice import choose, listed, rerun_command, waits_for
from .collect import collect, explained
from .ended import Ended
from .ending import FAILED, USAGE, WELL, pexen_warnings, say
from .hearing import Hearing
from .keeping import Keeping, keeping, place_of
from .lines import lines_to
from .log import hear_log
from .output import put
from .resuming import to_resume, with_arguments_of_last
from .runoptions import parse
from .screen import live_line
from .terminal import Terminal


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    hear_log()
    args = parse(argv)
    if args.resume and not args.has_targets:
        argv = with_arguments_of_last(argv)
        args = parse(argv)
    reports.check(args)
    with lines_to(None if args.dry_run else args.jsonl) as stream:
        return _rounds(args, argv, stream)


def _rounds(args: Namespace, argv: Sequence[str], stream: TextIO | None) -> int:
    tasks = collect(args)
    status = WELL
    number_of_rounds = 1 if args.resume else args.repeat
    for number in range(number_of_rounds):
        if number_of_rounds > 1:
            put(f"{'' if number == 0 else chr(10)}== {number + 1} of {number_of_rounds}")
        status = max(status, _round(args, argv, tasks, stream))
        if status and args.maxfail:
            break
    return status


def _round(
    args: Namespace, argv: Sequence[str], tasks: list[Task], stream: TextIO | None
) -> int:
    """Select tasks and run them, once."""
    with keeping(not args.no_state, tasks) as kept:
        resumed = to_resume(kept) if args.resume else None
        chosen = choose(args, tasks, lambda: kept.failed(tasks, resumed))
        if args.dry_run:
            over = {} if resumed is None else kept.over(tasks, resumed)
            put(listed([each for each in chosen if identity(each.task) not in over]))
            return WELL
        return _Run(args, argv, chosen, kept, resumed).run(stream)


class _Run:
    """One run of tasks, with all that hears of it."""

    def __init__(
        self,
        args: Namespace,
        argv: Sequence[str],
        chosen: list[Selected],
        kept: Keeping,
        resumed: int | None,
    ) -> None:
        self.args = args
        self.kept = kept
        self.resumed = resumed  # the number of the run that goes on
        self.chosen = chosen
        self.tasks = [each.task for each in chosen]
        waits = waits_for(chosen)
        self.places = [place_of(task, each) for task, each in zip(self.tasks, waits, strict=True)]
        self.about = _about(args, argv)
        self.deadline_passed = False

    def run(self, stream: TextIO | None) -> int:
        """Run the tasks; returns the exit status."""
        args, kept, resumed = self.args, self.kept, self.resumed
        known = {} if args.shuffle is not None else kept.seconds(self.tasks)
        # More workers than tasks would only be started and ended.
        pool = _pool(args, min(args.jobs, len(self.tasks)))
        begun_on_pool = pool.clock()
        recorder = kept.begin(self.tasks, self.places, self.about, pool.clock, resumed)
        over = {} if resumed is None else kept.over(self.tasks, resumed)
        if resumed is not None:
            begun_on_pool = kept.begun
            say("note", f"run {resumed} goes on: {len(over)} of {len(self.tasks)} tasks had ended")
        expected = {task_name(task): known[identity(task)] for task in self.tasks if identity(task) in known}
        with live_line(len(self.tasks) - len(over), args.jobs, expected, pool.clock, args.no_capture) as live:
            hearing, terminal = self._hearing(live, stream, begun_on_pool)
            hearing.all_ended = [
                Ended.before(task, over[identity(task)], begun_on_pool)
                for task in self.tasks
                if identity(task) in over
            ]
            with explained(self.tasks):
                suite = Suite(
                    going_on(self.chosen, lambda task: _end(over.get(identity(task)))),
                    resources=dict(args.resource or ()),
                    durations=(lambda task: known.get(identity(task))) if known else None,
                    listeners=[hearing.hear, *([recorder] if recorder else [])],
                    captures=not args.no_capture,
                )
            terminal.give_up, hearing.stop = suite.abort, suite.stop
            problem: BaseException | None = None
            try:
                with pexen_warnings(terminal.warned), self._deadline(suite.abort):
                    # The listeners hear it all; results also come up while a run is being ended.
                    deque(suite.run(pool, timeout=args.timeout), maxlen=0)
            except (Exception, KeyboardInterrupt) as exc:
                problem = exc  # raised again when all is said that there is to say
        elapsed = pool.clock() - begun_on_pool
        kept.end(interrupted=problem is not None or terminal.error is not None)
        return self._concluded(hearing, terminal, problem, begun_on_pool, elapsed)

    def _hearing(
        self, live: Live | None, stream: TextIO | None, begun: float
    ) -> tuple[Hearing, Terminal]:
        args = self.args
        coloured = colour.wanted(args.color, sys.stdout, os.environ)
        terminal = Terminal(
            args.quiet,
            args.verbose,
            live,
            colour.painted if coloured else lambda text, outcome: text,
            lambda name: rerun_command(args, name),
        )
        lines = None
        if stream is not None:
            lines = Lines(stream)
            lines.begin(self.about["pexen"], time.time(), len(self.tasks))
        return Hearing(terminal, live, lines, begun, args.maxfail), terminal

    def _concluded(
        self,
        hearing: Hearing,
        terminal: Terminal,
        problem: BaseException | None,
        begun: float,
        elapsed: float,
    ) -> int:
        """Say and write how it ended; returns the exit status, or raises the problem."""
        args, interrupted = self.args, isinstance(problem, KeyboardInterrupt)
        if hearing.all_ended or interrupted:
            terminal.conclude(
                hearing.all_ended, elapsed, args.durations, self._notes(hearing, interrupted)
            )
        rerun: Callable[[str], str] = lambda name: rerun_command(args, name)  # noqa: E731
        document = None
        written = hearing.end_lines(elapsed, interrupted)
        if reports.wanted(args):
            document = record.document(
                self.tasks, hearing.all_ended, begun, elapsed, interrupted,
                self.places, rerun, self.about,
            )  # fmt: skip
            written = reports.write_all(args, document) and written
        for each in (problem, terminal.error):
            if each is not None:
                raise each
        if not hearing.all_well():
            return FAILED
        return WELL if written else USAGE

    def _notes(self, hearing: Hearing, interrupted: bool) -> list[str]:
        notes = []
        if interrupted:
            more = "" if self.kept.run is None else "; 'pexen run --resume' goes on with it"
            notes.append(f"interrupted{more}")
        if self.deadline_passed:
            notes.append(f"the deadline of {self.args.deadline:g} s has passed")
        if self.args.maxfail and hearing.failures >= self.args.maxfail:
            notes.append(f"stopped after {hearing.failures} failed (--maxfail)")
        if self.args.shuffle is not None:
            notes.append(f"the order was that of --shuffle={self.args.shuffle}")
        return notes

    @contextlib.contextmanager
    def _deadline(self, end: Callable[[], None]) -> Iterator[None]:
        """Within, `end` is called when the run has gone on for as long as it may."""
        if self.args.deadline is None:
            yield
            return

        def passed() -> None:
            self.deadline_passed = True
            end()

        timer = threading.Timer(min(self.args.deadline, threading.TIMEOUT_MAX), passed)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _end(past: Past | None) -> End | None:
    return None if past is None else End(past.how.deps_ok, past.how.shared)


def _about(args: Namespace, argv: Sequence[str]) -> dict[str, Any]:
    from .. import __version__

    return {
        "suite": " ".join(args.targets),
        "pexen": __version__,
        "python": platform.python_version(),
        "host": platform.node(),
        "argv": list(argv),
    }


def _pool(args: Namespace, workers: int) -> WorkerPool:
    if args.threads:
        return ThreadWorkerPool(workers)
    return ProcessWorkerPool(
        workers,
        start_method=args.start_method,
        initializer=_write_whole_lines,
        tasks_per_worker=1 if args.isolate else None,
    )


def _write_whole_lines() -> None:
    """In a worker: have what tasks print come out as it is printed, line by line."""
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(line_buffering=True)
