"""A task of a suite: the task in, and a task out whose result has what was found with it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple

from ..sched.call import WithExtra, callers, takes_shared
from ..sched.common import (
    CALLPATH_ATTR_NAME,
    Outcome,
    Shared,
    Task,
    TaskEnd,
    TaskFailError,
    TaskRes,
    TaskSkip,
    task_name,
)
from ..sched.meta import SchedMeta, assign_meta
from .attachments import Attachment
from .capture import Output, capturing_process, capturing_thread
from .findings import FAIL, WARN, Finding, Found, Marker, collecting
from .tapinput import read_tap
from .workerfile import left_by

callers.add(__file__)

# How what a task prints is captured: not at all, and two ways that `capture` tells of.
NOT, PROCESS, THREAD = "not", "process", "thread"

_CAPTURING: Final[dict[str, Callable[[str, int], AbstractContextManager[Output]]]] = {
    NOT: lambda folder, number: contextlib.nullcontext(Output()),
    PROCESS: capturing_process,
    THREAD: lambda folder, number: capturing_thread(),
}

# Outcomes of tasks that didn't come back from their worker.
_WITHOUT_END = Outcome.LOST, Outcome.TIMEOUT

# How many findings the error of a task names that has failed by them.
_MAX_NAMED = 10


class _Extra(NamedTuple):
    """What a task found, printed and attached, beside its result."""

    findings: tuple[Finding, ...] = ()
    output: str = ""
    attachments: tuple[Attachment, ...] = ()


class SuiteRes(TaskRes):
    """The result of a task of a suite: a TaskRes, and

    `findings`
        its results of its own, in the order in which it reported them; then, of a program whose
        captured output is in the Test Anything Protocol, its test points. One that is `not ok`
        fails the task whatever the program's exit status, and so does a plan that isn't kept.
    `output`
        what it has printed, as far as that was captured. That is so also for a task that was lost
        or ran out of time.
    `attachments`
        the files that it has attached, each an Attachment of a name and a path.
    """

    findings: tuple[Finding, ...] = ()
    output: str = ""
    attachments: tuple[Attachment, ...] = ()

    @property
    def verdict(self) -> str:
        """Its outcome, or 'warn' if that is ok and it has found something to warn of."""
        warns = any(finding.verdict == WARN for finding in self.findings)
        return WARN if self.outcome.succeeded and warns else str(self.outcome)


class Case:
    """Runs a task in whatever worker, and collects what it reports and prints.

    It has the task's place in its tree, and the metadata that it is given. `opened` takes its
    result apart. `number` is its own in the suite, from 1. With `end`, the task isn't run, but
    ends so. Until it is handed to a worker these may be changed: `captures`; `folder`, where the
    files of worker processes are; `attachments`, the folder for these; `marker` of its point of
    reboot.
    """

    def __init__(
        self,
        task: Task,
        meta: SchedMeta,
        number: int = 1,
        end: BaseException | None = None,
    ) -> None:
        self.task = task
        self.number = number
        self._end = end
        self.captures = NOT
        self.folder = ""
        self.attachments = ""
        self.marker: Marker | None = None
        # While it runs in a thread, and for ever in one that has been abandoned: what it prints.
        self._output: Output | None = None
        assign_meta(self, meta)
        name_as(self, task)

    def __call__(self, shared: Shared, /, **kwargs: Any) -> Any:
        if self._end is not None:
            return WithExtra(None, self._end, None)
        task, error, ret = self.task, None, None
        capturing = _CAPTURING[self.captures](self.folder, self.number)
        found = Found(task, self.attachments, self._mark)
        with collecting(found), capturing as output:
            self._output = output if self.captures == THREAD else None
            try:
                ret = task(shared, **kwargs) if takes_shared(task) else task(**kwargs)
            except BaseException as exc:
                error = exc
        if self._output is output:  # else this thread was abandoned, and it is another's
            self._output = None
        findings, text = found.findings, output.text
        if text and _is_program(ret, error):
            error = _judged(text, findings, ret, error)
        if findings:
            error = _failed(findings, ret, error)
        extra = None
        if findings or text or found.attachments:
            extra = _Extra(tuple(findings), text, tuple(found.attachments))
        elif error is None:
            return ret
        try:
            return WithExtra(ret, error, extra)
        finally:
            del error  # which has this frame in its traceback

    def left_output(self, worker: str) -> str:
        """What the task has printed, of which its worker didn't come back."""
        if self.captures == PROCESS:
            return left_by(worker, self.number, self.folder)
        return "" if self._output is None else self._output.so_far()

    def _mark(self) -> bool | None:
        return None if self.marker is None else self.marker(self.number - 1)


def _failed(
    findings: list[Finding], ret: Any, error: BaseException | None
) -> BaseException | None:
    """As the task ended, but as a failure if it has found failures."""
    failed = [each for each in findings if each.verdict == FAIL]
    ended_well = error is None or (
        isinstance(error, TaskEnd) and error.outcome in (Outcome.SKIPPED, Outcome.FRESH)
    )
    if failed and ended_well:
        return TaskFailError(_summary(failed), deps_ok=False, ret=ret)
    return error


def name_as(other: Any, task: Task) -> None:
    """Give another task the name and the place of this one."""
    callpath = getattr(task, CALLPATH_ATTR_NAME, None)
    if isinstance(callpath, list):
        setattr(other, CALLPATH_ATTR_NAME, callpath)
    else:
        other.__qualname__ = task_name(task)


def opened(res: TaskRes) -> SuiteRes:
    """The result of the task in a Case, as if it had been run by itself, with what it found."""
    case: Any = res.task
    if res.extra is None and res.outcome in _WITHOUT_END and case.captures != NOT:
        # Kept there, as one may be opened twice: as that of an attempt, and as the last one.
        res.extra = _Extra(output=case.left_output(res.worker))
    new = SuiteRes(case.task, *res[1:])
    vars(new).update(vars(res))
    if res.extra is not None:
        new.findings, new.output, new.attachments = res.extra
        del new.extra
    return new


def _is_program(ret: Any, error: BaseException | None) -> bool:
    """Whether what the task did was to run a program, as how it ended says."""
    subprocess: Any = sys.modules.get("subprocess")
    if subprocess is None:
        return False
    ended = error.ret if isinstance(error, TaskEnd) else ret
    failed = isinstance(error, subprocess.CalledProcessError)
    return failed or isinstance(ended, subprocess.CompletedProcess)


def _judged(
    text: str, findings: list[Finding], ret: Any, error: BaseException | None
) -> BaseException | None:
    """Add what a program says of its test points; returns with what the task ends."""
    tap = read_tap(text)
    if tap is None:
        return error
    findings.extend(tap.findings)
    if tap.skipped is not None and error is None and not findings:
        return TaskSkip(tap.skipped, ret=ret)
    return error


def _summary(failed: list[Finding]) -> str:
    lines = []
    for each in failed[:_MAX_NAMED]:
        note = each.note.partition("\n")[0]
        lines.append(f"{each.name}: {note}" if note else each.name)
    if len(failed) > _MAX_NAMED:
        lines.append(f"and {len(failed) - _MAX_NAMED} more")
    return "; ".join(lines)
