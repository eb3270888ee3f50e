"""What is shown of a run: a line as each task ends, then the failures, then a summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ..sched import Outcome, Reason, TaskMap
from ..sched.common import Task
from ..sched.events import Event, Finished
from .ending import say
from .output import OutputError, printable, put
from .words import GOOD, Method, headline, in_full, label, methods, reason, seconds

_WIDTH = max(len(outcome) for outcome in Outcome)


class Ended(NamedTuple):
    """What is kept of a task that has ended: not what it returned, which may be large."""

    task: Task
    outcome: Outcome
    why: str  # why it didn't end well or didn't start, in a line; empty if it did
    in_full: str = ""  # of one that failed, all that is known of why
    methods: Sequence[Method] = ()  # the tests in it
    started: float | None = None  # on the pool's clock; None if it never did
    duration: float | None = None  # seconds; None if unknown
    attempts: int = 0
    worker: str | None = None

    @classmethod
    def of(cls, event: Finished, blocked: TaskMap[Reason]) -> Ended:
        """What became of the task that the event is about."""
        task, outcome, res = event.task, event.outcome, event.result
        if res is None:
            return cls(task, outcome, printable(str(blocked.get(task, ""))))
        full = "" if outcome in GOOD else in_full(res)
        when = res.started, res.duration, res.attempts, res.worker
        return cls(task, outcome, reason(res), full, methods(res), *when)

    @property
    def failed(self) -> bool:
        """Whether it ran, and didn't end well."""
        return self.attempts > 0 and self.outcome not in GOOD


class Report:
    """A listener that prints what happens, in the order in which it happens.

    `blocked` gives the reasons of tasks that didn't start, `give_up` ends the run; it is
    called when nothing more can be printed, with the cause in `error`.
    """

    def __init__(self, quiet: bool) -> None:
        # Configuration.
        self.quiet = quiet  # no lines for the tests inside a task
        self.blocked: Callable[[], TaskMap[Reason]] = TaskMap
        self.give_up: Callable[[], None] = lambda: None
        # State.
        self.ended: list[Ended] = []  # in the order in which they ended
        self.error: OutputError | None = None
        self._locks_left = ""  # what the scheduler said of locks left held

    def hear(self, event: Event) -> None:
        """Take in an event of the run; raises nothing, as a listener's errors are lost."""
        if isinstance(event, Finished):
            ended = Ended.of(event, self.blocked())
            self.ended.append(ended)
            self._put("\n".join(self._lines(ended)))

    def warned(self, text: str) -> None:
        """Take in a warning; what the report tells anyway isn't shown as one."""
        if "locks still held at exit" in text:
            self._locks_left = text
        elif "tasks skipped due to unmet deps" not in text:
            say("warning", text)

    def conclude(self, elapsed: float, interrupted: bool) -> None:
        """Print the failures again, in full, and a summary."""
        for ended in self.ended:
            if ended.failed:
                self._put(_failure(ended))
        self._put(self._summary(elapsed, interrupted))

    def all_well(self) -> bool:
        """Whether no task failed, and none was kept from running."""
        return all(ended.outcome in GOOD for ended in self.ended)

    def _lines(self, ended: Ended) -> list[str]:
        parts = [f"{ended.outcome:<{_WIDTH}} {label(ended.task)}"]
        if ended.duration is not None:
            parts.append(seconds(ended.duration))
        if ended.attempts > 1:
            parts.append(f"{ended.attempts} attempts")
        if ended.why:
            parts.append(ended.why)
        return ["  ".join(parts), *([] if self.quiet else map(_method_line, ended.methods))]

    def _summary(self, elapsed: float, interrupted: bool) -> str:
        tasks = Counter(ended.outcome for ended in self.ended)
        parts = [f"{tasks[outcome]} {outcome}" for outcome in Outcome if tasks[outcome]]
        number = _counted(len(self.ended), "task")
        text = f"{number}: {', '.join(parts)}  in {seconds(elapsed)}"
        tests = Counter(method.outcome for ended in self.ended for method in ended.methods)
        if tests:
            counts = ", ".join(f"{count} {outcome}" for outcome, count in tests.items())
            text += f"\n{_counted(tests.total(), 'test')} in them: {counts}"
        if self._locks_left:
            text += f"\n{printable(self._locks_left)}"
        return f"\ninterrupted\n{text}" if interrupted else f"\n{text}"

    def _put(self, text: str) -> None:
        if self.error is None:
            try:
                put(text)
            except OutputError as exc:
                self.error = exc
                self.give_up()


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _method_line(method: Method) -> str:
    line = f"{'':<{_WIDTH}}   {method.outcome:<{_WIDTH}}  {printable(method.name)}"
    wanted = method.failed or method.outcome == Outcome.SKIPPED
    why = printable(headline(method.note)) if wanted else ""
    return f"{line}  {why}" if why else line


def _failure(ended: Ended) -> str:
    """A failed task in full: its traceback, or those of the tests in it that failed."""
    head = f"\n== {ended.outcome}: {label(ended.task)}"
    failing = [method for method in ended.methods if method.failed]
    if not failing:
        return f"{head}\n{ended.in_full}"
    parts = [
        f"-- {method.outcome}: {label(ended.task)}/{printable(method.name)}\n{method.note}".rstrip()
        for method in failing
    ]
    return "\n".join([head, *parts])
