"""`pexen run`: run the tasks of the targets and print what becomes of each."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections import deque
from collections.abc import Sequence
from typing import Any, TextIO

from ..report import colour, github
from ..report.live import Live
from ..report.record import Record, about_run
from ..report.still import Still
from ..sched.common import Outcome, Task, identity
from ..state import Keeper, StateError
from ..state.history import Past
from ..suite import End, Selected, Suite, going_on
from ..suite.done import Done
from . import reports
from .choice import choose, listed, rerun_command
from .collect import collect, explained
from .deadline import Deadline
from .ending import FAILED, USAGE, WELL, pexen_warnings, say
from .flaky import flaky
from .hearing import Hearing
from .keeping import kept_state
from .lines import lines_to
from .log import hear_log
from .output import put
from .resuming import ended_before, to_resume, with_arguments_of_last
from .runoptions import parse
from .screen import meanwhile
from .terminal import Terminal
from .wider import proposal
from .workers import pool_of


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    hear_log()
    args = parse(argv)
    if args.resume and not args.has_targets:
        argv = with_arguments_of_last(argv)
        args = parse(argv)
    reports.check(_files(args, 1))
    reports.make_absolute(args)

    def once() -> int:
        with lines_to(None if args.dry_run else args.jsonl) as stream:
            return _rounds(args, argv, stream)

    if not args.watch:
        return once()
    from .watch import watch  # few want it

    return watch(args, once)


def _files(args: Namespace, number: int) -> dict[str, str]:
    """The reports of that round: one of several has files of its own."""
    return reports.wanted(args, number if _rounds_of(args) > 1 else 0)


def _rounds_of(args: Namespace) -> int:
    rounds: int = 1 if args.resume else args.repeat
    return rounds


def _rounds(args: Namespace, argv: Sequence[str], stream: TextIO | None) -> int:
    """Run the tasks as often as they are to be, and return the worst exit status."""
    tasks = collect(args)
    if args.round is not None and not args.round.begin(tasks):
        return WELL
    status, rounds = WELL, _rounds_of(args)
    for number in range(1, rounds + 1):
        if rounds > 1:
            put(f"{'' if number == 1 else chr(10)}== {number} of {rounds}")
        status = max(status, _round(args, argv, tasks, stream, _files(args, number)))
        if status and args.maxfail:
            break
    return status


def _round(
    args: Namespace,
    argv: Sequence[str],
    tasks: list[Task],
    stream: TextIO | None,
    files: dict[str, str],
) -> int:
    """Select tasks and run them, once."""
    with kept_state(not args.no_state, tasks) as kept:
        kept.resumes = args.resume
        if args.resume:
            to_resume(kept)
        chosen = choose(args, tasks, lambda: kept.failed(tasks))
        if args.dry_run:
            over = kept.over(tasks) if args.resume else {}
            put(listed([each for each in chosen if identity(each.task) not in over]))
            return WELL
        return _Run(args, argv, chosen, kept, files).run(stream)


class _Run:
    """One run of tasks, with all that hears of it."""

    def __init__(
        self,
        args: Namespace,
        argv: Sequence[str],
        chosen: list[Selected],
        kept: Keeper,
        files: dict[str, str],
    ) -> None:
        self.args = args
        self.files = files  # the reports, by format
        self.kept = kept
        self.chosen = chosen
        self.tasks = [each.task for each in chosen]
        self.about = about_run(" ".join(args.targets), argv)
        kept.about = self.about
        self.deadline = Deadline(args.deadline)

    def run(self, stream: TextIO | None) -> int:
        """Run the tasks; returns the exit status."""
        args, kept = self.args, self.kept
        to_run, over = self._going_on() if args.resume else (self.chosen, {})
        expected = kept.seconds(self.tasks)
        # More workers than tasks would only be started and ended.
        pool = pool_of(args, min(args.jobs, len(self.tasks)))
        total = len(self.tasks) - len(over)
        with meanwhile(total, args.jobs, expected, pool.clock, args.no_capture) as shown:
            hearing, terminal = self._hearing(shown, stream)
            with explained(self.tasks, lambda: proposal(args)):
                suite = Suite(
                    to_run,
                    resources=dict(args.resource or ()),
                    durations=None if args.shuffle is None else {},
                    captures=not args.no_capture,
                    state=kept,
                    reports=[hearing],
                )
            terminal.give_up, hearing.stop = suite.abort, suite.stop
            hearing.running = pool.running
            problem: BaseException | None = None
            try:
                with pexen_warnings(terminal.warned), self.deadline.watched(suite.abort):
                    # The listeners hear it all; results also come up while a run is being ended.
                    deque(suite.run(pool, timeout=args.timeout), maxlen=0)
            except StateError:  # it didn't begin
                raise
            except (Exception, KeyboardInterrupt) as exc:
                problem = exc  # raised again when all is said that there is to say
        if over:  # it is told of as one run, from its first beginning
            before = [
                ended_before(task, over[identity(task)], kept.begun)
                for task in self.tasks
                if identity(task) in over
            ]
            hearing.record.went_on(self.tasks, before, kept.begun)
        return self._concluded(hearing, terminal, problem)

    def _going_on(self) -> tuple[list[Any], dict[Any, Past]]:
        """What is to be run for a run that goes on, and how those ended that aren't run again."""
        over = self.kept.over(self.tasks)
        to_run = going_on(self.chosen, lambda task: _end(over.get(identity(task))))
        # Some that had ended may have to be run again, as they were torn down.
        done = {identity(each.task) for each in to_run if isinstance(each, Done)}
        self.kept.again = over.keys() - done
        over = {key: past for key, past in over.items() if key in done}
        run, total = to_resume(self.kept), len(self.tasks)
        say("note", f"run {run} goes on: {len(over)} of {total} tasks needn't be run again")
        return to_run, over

    def _hearing(
        self, shown: Live | Still | None, stream: TextIO | None
    ) -> tuple[Hearing, Terminal]:
        args = self.args
        coloured = colour.wanted(args.color, sys.stdout, os.environ)
        terminal = Terminal(
            args.quiet,
            args.verbose,
            shown if isinstance(shown, Live) else None,
            colour.painted if coloured else lambda text, outcome: text,
            lambda name: rerun_command(args, name),
            self.kept.earlier,
        )
        record = Record(self.about, lambda name: rerun_command(args, name))
        return Hearing(terminal, shown, record, stream, args.maxfail), terminal

    def _concluded(
        self, hearing: Hearing, terminal: Terminal, problem: BaseException | None
    ) -> int:
        """Say and write how it ended; returns the exit status, or raises the problem."""
        args, kept = self.args, self.kept
        interrupted = isinstance(problem, KeyboardInterrupt) or self.deadline.passed
        if hearing.all_ended or interrupted:
            notes = self._notes(hearing, interrupted)
            known = flaky(hearing.all_ended, kept.flaky)
            elapsed = hearing.record.elapsed
            terminal.conclude(hearing.all_ended, elapsed, args.durations, notes, known)
        written = hearing.lines_written()
        if hearing.begun and (self.files or github.wanted(os.environ)):
            document = hearing.record.document()
            written = reports.write_all(self.files, document) and written
            if github.wanted(os.environ):
                reports.tell_github(document)
        if args.round is not None:
            args.round.end(hearing.all_ended)
        for each in (problem, hearing.error, terminal.error):
            if each is not None:
                raise each
        if not hearing.all_well():
            return FAILED
        return WELL if written else USAGE

    def _notes(self, hearing: Hearing, interrupted: bool) -> list[str]:
        notes = []
        if self.deadline.passed:
            notes.append(f"the deadline of {self.args.deadline:g} s has passed")
        kept = self.kept.run is not None
        if interrupted:
            notes.append("interrupted" + "; 'pexen run --resume' goes on with it" * kept)
        if self.args.maxfail and hearing.failures >= self.args.maxfail:
            left = any(ended.outcome is Outcome.CANCELLED for ended in hearing.all_ended)
            # The rest would be stopped by the next failure as well.
            more = "; 'pexen run --resume --maxfail 0' runs the rest"
            more *= kept and left and not interrupted
            notes.append(f"stopped after {hearing.failures} failed{more}")
        if self.args.shuffle is not None:
            notes.append(f"the order was that of --shuffle={self.args.shuffle}")
        return notes


def _end(past: Past | None) -> End | None:
    return None if past is None else End(past.how.deps_ok, past.how.shared)
