"""What the command shows of a run, as it hears of it."""

from __future__ import annotations

from typing import Any

from pexen.cli.hearing import Hearing
from pexen.cli.terminal import Terminal
from pexen.report.record import Record
from pexen.report.still import Still
from pexen.sched import ExceptionInfo, Outcome, TaskRes
from pexen.sched.common import CALLPATH_ATTR_NAME
from pexen.sched.events import Announcer, Finished, Retried, Started
from pexen.sched.pool.base import Running


def hearing() -> tuple[Hearing, list[str]]:
    said: list[str] = []
    terminal = Terminal(
        False, False, None, lambda text, outcome: text, lambda name: "", lambda task: (0, 0)
    )
    record = Record({}, lambda name: "")
    return Hearing(terminal, Still(said.append, 0.0), record, None, None), said


def named(name: str) -> Any:
    def func() -> None:
        pass

    setattr(func, CALLPATH_ATTR_NAME, [name])
    return func


def test_of_two_tasks_of_one_name_the_one_that_hangs_is_still_named() -> None:
    hears, said = hearing()
    first, second = named("t.sh"), named("t.sh")
    hears.begin([first, second], lambda: 0.0)
    for each in (first, second):
        hears.hear(Started(1.0, each))
    hears.hear(Finished(2.0, second, Outcome.OK, TaskRes(second)))
    hears._shown.tick(20.0)
    assert said == ["no task has ended for 18 s; still running: t.sh (19 s)"]


def test_a_task_between_two_attempts_is_not_named_as_running() -> None:
    hears, said = hearing()
    flaky = named("flaky")
    hears.begin([flaky], lambda: 0.0)
    assert Retried in Announcer([hears.hear]).heard()
    hears.hear(Started(1.0, flaky))
    failed = TaskRes.failed(flaky, {}, ExceptionInfo.of(ValueError("no")))
    hears.hear(Retried(2.0, flaky, 1, failed, 60.0))
    hears._shown.tick(20.0)
    assert said == []


def test_an_interrupt_names_each_task_that_runs_also_those_of_one_name(capsys: Any) -> None:
    hears, _ = hearing()
    tasks = [named("t.sh"), named("t.sh")]
    running = [Running(task, f"process-{number}", number) for number, task in enumerate(tasks)]
    hears._terminal.interrupting(running, 5.0)
    assert capsys.readouterr().out == "interrupting: t.sh (5 s), t.sh (4 s)\n"
