"""What is shown of a run: a line as each task ends, then the failures, then a summary."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..report import github
from ..report.ended import Ended
from ..report.live import Live
from ..report.still import what_runs
from ..report.words import GOOD, Method, headline
from ..sched import Outcome
from ..sched.common import Task, identity
from ..sched.pool.base import ABORTED, Running
from .ending import say
from .flaky import at_once, well_at_last
from .flaky import notes as flaky_notes
from .metadata import meta_of
from .output import OutputError, printable, put
from .words import label, seconds

_WIDTH = max(len(outcome) for outcome in Outcome)

# How many failures are shown in full at the end, and how much of what each has printed: less of one
# that was ended as the run was, of which there may be as many as workers, none of them to blame.
_FAILURES = 50
_OUTPUT_LINES = 100
_ABORTED_OUTPUT_LINES = 20


class Terminal:
    """Prints what happens, in the order in which it happens.

    `give_up` ends the run; it is called when nothing more can be printed, with the cause in
    `error`.
    """

    def __init__(
        self,
        quiet: bool,
        verbose: bool,
        live: Live | None,
        paint: Callable[[str, str], str],
        rerun: Callable[[str], str],
        earlier: Callable[[Task], tuple[int, int]],
    ) -> None:
        # Configuration.
        self._quiet = quiet  # no lines for the tests inside a task
        self._all = verbose or live is None  # a line for each task, also for one that is well
        self._live = live
        self._paint = paint  # a text and the outcome that it is of
        self._rerun = rerun  # the command that runs the task of a name again
        self._earlier = earlier  # in how many runs a task ended well, and ended at all
        self.give_up: Callable[[], None] = lambda: None
        # State.
        self.error: OutputError | None = None
        self._failed = 0  # how many tasks did
        self._cancelled = 0  # how many were, as far as was told
        self._locks_left = ""  # what the scheduler said of locks left held

    def ended(self, ended: Ended) -> None:
        """A task has ended; raises nothing, as a listener's errors are lost."""
        if ended.outcome is Outcome.CANCELLED:
            self._cancelled += 1  # one like the other, and maybe thousands: told as one, at the end
            return
        well = ended.outcome in GOOD and ended.verdict == ended.outcome
        if self._all or not well or well_at_last(ended):
            self._put("\n".join(self._lines(ended)))

    def warned(self, text: str) -> None:
        """Take in a warning; what the report tells anyway isn't shown as one."""
        if "locks still held at exit" in text:
            self._locks_left = text
        elif "tasks skipped due to unmet deps" not in text:
            if self._live is None:
                say("warning", text)
            else:
                self._put(f"pexen: warning: {text}")

    def interrupting(self, running: Sequence[Running], now: float) -> None:
        """The run is being ended, and with it what runs, but for teardown."""
        ended = [(label(task), begun) for task, _, begun in running if not meta_of(task).teardown]
        if ended:
            self._put(f"interrupting: {what_runs(ended, now)}")

    def conclude(
        self,
        all_ended: Sequence[Ended],
        elapsed: float,
        slowest: int,
        notes: Sequence[str],
        flaky: Mapping[Any, str],
    ) -> None:
        """Print the failures again, in full, the `slowest` tasks, and a summary with notes.

        `flaky` has, by identity, how tasks show that they are flaky.
        """
        if self._live is not None:
            self._live.close()
            self._live = None
        if self._cancelled:
            shown = self._paint(f"{Outcome.CANCELLED:<{_WIDTH}}", Outcome.CANCELLED)
            number = "1 task" if self._cancelled == 1 else f"{self._cancelled:,} tasks"
            self._put(f"{shown} {number} that hadn't started")
        failures = [ended for ended in all_ended if ended.failed]
        for ended in failures[:_FAILURES]:
            self._put(self._failure(ended, flaky.get(identity(ended.task))))
        if len(failures) > _FAILURES:
            self._put(f"\n{len(failures) - _FAILURES} more failed, and are in the state")
        if slowest:
            self._put(_slowest(all_ended, slowest))
        notes = [*flaky_notes(all_ended, flaky), *notes]
        self._put("\n".join(["", *notes, self._summary(all_ended, elapsed)]))

    def _lines(self, ended: Ended) -> list[str]:
        shown = "warn" if ended.verdict == "warn" else str(ended.outcome)
        parts = [f"{self._paint(f'{shown:<{_WIDTH}}', shown)} {label(ended.task)}"]
        if ended.duration is not None:
            parts.append(seconds(ended.duration))
        if ended.attempts > 1:
            flaky = "flaky: " if well_at_last(ended) else ""
            parts.append(f"{flaky}{ended.attempts} attempts")
        if ended.failed:
            self._failed += 1
            if self._failed <= _FAILURES:
                parts += filter(None, [at_once(ended.task, self._earlier)])
        if ended.why:
            parts.append(ended.why)
        return ["  ".join(parts), *([] if self._quiet else map(self._method_line, ended.methods))]

    def _method_line(self, method: Method) -> str:
        shown = self._paint(f"{method.outcome:<{_WIDTH}}", method.outcome)
        line = f"{'':<{_WIDTH}}   {shown}  {printable(method.name)}"
        wanted = method.failed or method.outcome not in ("ok", "expected failure")
        why = printable(headline(method.note)) if wanted else ""
        return f"{line}  {why}" if why else line

    def _failure(self, ended: Ended, flaky: str | None) -> str:
        """A failed task in full: its traceback, or those of the tests in it that failed."""
        name = label(ended.task)
        parts = [self._paint(f"\n== {ended.outcome}: {name}", ended.outcome)]
        if flaky:
            parts.append(f"-- flaky: {flaky}")
        failing = [method for method in ended.methods if method.failed]
        if failing:
            parts += [
                f"-- {each.outcome}: {name}/{printable(each.name)}\n{_block(each.note)}".rstrip()
                for each in failing
            ]
        else:
            parts.append(_block(ended.in_full))
        if ended.output and github.wanted(os.environ):
            parts.append(github.group(f"printed by {name}", ended.output))
        elif ended.output:
            most = _ABORTED_OUTPUT_LINES if ended.why == ABORTED else _OUTPUT_LINES
            parts += ["-- printed", _last_lines(ended.output, most)]
        return "\n".join([*parts, f"-- again: {printable(self._rerun(name))}"])

    def _summary(self, all_ended: Sequence[Ended], elapsed: float) -> str:
        tasks = Counter(ended.outcome for ended in all_ended)
        parts = [
            self._paint(f"{tasks[outcome]} {outcome}", outcome)
            for outcome in Outcome
            if tasks[outcome]
        ]
        number = _counted(len(all_ended), "task")
        text = f"{number}: {', '.join(parts)}  in {seconds(elapsed)}"
        tests = Counter(method.outcome for ended in all_ended for method in ended.methods)
        if tests:
            in_order = sorted(tests.items(), key=lambda item: (item[0] != "ok", item[0]))
            counts = ", ".join(f"{count} {outcome}" for outcome, count in in_order)
            text += f"\n{_counted(tests.total(), 'test')} in them: {counts}"
        if self._locks_left:
            text += f"\n{printable(self._locks_left)}"
        return text

    def _put(self, text: str) -> None:
        if self.error is not None:
            return
        try:
            if self._live is None:
                put(text)
            else:
                self._live.above(text)
        except OSError as exc:
            self.error = OutputError(exc)
        except OutputError as exc:
            self.error = exc
        if self.error is not None:
            self.give_up()


def _slowest(all_ended: Sequence[Ended], number: int) -> str:
    ran = [ended for ended in all_ended if ended.duration is not None]
    ran.sort(key=lambda ended: -(ended.duration or 0))
    lines = [f"{seconds(ended.duration or 0):>10}  {label(ended.task)}" for ended in ran[:number]]
    return "\n".join(["\nthe slowest:", *lines])


def _last_lines(text: str, most: int) -> str:
    """The end of what a task has printed, so many lines, fit for a terminal."""
    lines = text.rstrip("\n").split("\n")
    left_out = len(lines) - most
    head = [f"[{left_out} lines before are in the state and the reports]"] if left_out > 0 else []
    return "\n".join([*head, _block("\n".join(lines[-most:]))])


def _block(text: str) -> str:
    """Several lines, fit for a terminal, and for GitHub, which takes some for commands."""
    if github.wanted(os.environ) and "::" in text:
        text = github.inert(text)
    if text.replace("\n", "").isprintable():
        return text
    lines = [line.rstrip("\r").replace("\t", "    ") for line in text.split("\n")]
    return "\n".join(map(printable, lines))


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
