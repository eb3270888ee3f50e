"""Whole runs of a scheduler, of which every outcome is accounted for.

`run_through` runs tasks that are to go wrong amid others that aren't, and holds what comes
of it against what must hold for any run. What a run leaves behind is for the `oracle`.
"""

from __future__ import annotations

import functools
import pathlib
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import fault_tasks

from pexen import PexenWarning, Sched, task
from pexen.sched import Outcome, TaskRes, events
from pexen.sched.common import Task, task_name
from pexen.sched.meta import meta_of
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool, WorkerPool

# The outcome of each task, or those that it may have.
Expected = Mapping[Task, str | tuple[str, ...]]

# After which what should happen at any moment counts as never happening.
LIMIT_SECONDS = 30.0

NEVER_STARTED = (Outcome.CANCELLED, Outcome.BLOCKED)


def make_pool(kind: str, workers: int = 2, **options: Any) -> WorkerPool:
    """A pool of threads, or of processes that are started as `kind` says."""
    if kind == "threads":
        return ThreadWorkerPool(workers, **options)
    return ProcessWorkerPool(workers, start_method=kind, **options)


def faulty(body: Callable[..., Any], *args: Any, **metadata: Any) -> Task:
    """A task of its own that calls a function of `fault_tasks`; it may be used many times."""
    return task(functools.partial(body, *args), **metadata)


def holds_in_time(holds: Callable[[], bool]) -> bool:
    """Whether something comes to hold within the limit."""
    end = time.monotonic() + LIMIT_SECONDS
    while not holds():
        if time.monotonic() >= end:
            return False
        time.sleep(0.005)
    return True


class Account:
    """What became of a run. Tasks are keys, so they have to be hashable."""

    def __init__(self, tasks: list[Task], **options: Any) -> None:
        self.tasks = tasks
        self.sched = Sched(tasks, listeners=[self._hear], **options)
        self.results: dict[Task, TaskRes] = {}
        self.arrived: dict[Task, float] = {}  # when the result came, on time.monotonic()
        self.warnings: list[str] = []
        self.error: BaseException | None = None  # with which the run ended
        self._yielded: list[Task] = []
        self._ended: list[tuple[Task, Outcome]] = []

    def _hear(self, event: events.Event) -> None:
        if isinstance(event, events.Finished):
            self._ended.append((event.task, event.outcome))

    def run(self, pool: WorkerPool, consume: Callable[[TaskRes], object], **options: Any) -> None:
        """Run all tasks; what the run raises is kept as `error`."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("error")
            warnings.simplefilter("always", PexenWarning)
            try:
                for res in self.sched.run(pool, **options):
                    self.arrived[res.task] = time.monotonic()
                    self._yielded.append(res.task)
                    self.results[res.task] = res
                    consume(res)
            except BaseException as exc:
                self.error = exc
        self.warnings = [str(warning.message) for warning in caught]

    def add(self, each: Task) -> None:
        """Add a task while the run goes on."""
        self.sched.add_tasks([each])
        self.tasks.append(each)

    def text_of(self, task: Task) -> str:
        """The text of what the task ended with."""
        info = self.results[task].excinfo
        assert info is not None, f"{describe(self.results[task])} has no exception"
        return info.text

    # -- what must hold -----------------------------------------------------------------

    def check(self, expected: Expected) -> None:
        """Each task has exactly one outcome: `ok`, unless `expected` says otherwise."""
        wrong = []
        for each in self.tasks:
            outcome = self.sched.outcomes.get(each)
            allowed = expected.get(each, "ok")
            if outcome not in ((allowed,) if isinstance(allowed, str) else allowed):
                wrong.append(f"{task_name(each)} is {outcome}: {self._why(each)}")
        assert not wrong, "\n".join(wrong)
        assert len(self.sched.outcomes) == len(self.tasks)
        self._check_told_once()
        self._check_locks()

    def _why(self, each: Task) -> str:
        if each in self.results:
            return describe(self.results[each])
        return str(self.sched.blocked.get(each, "it never came"))

    def _check_told_once(self) -> None:
        yielded = Counter(map(id, self._yielded))
        ended = Counter(id(each) for each, _ in self._ended)
        for each in self.tasks:
            outcome = self.sched.outcomes[each]
            assert yielded[id(each)] <= 1, f"{task_name(each)} was yielded more than once"
            assert ended[id(each)] == 1, f"listeners heard {ended[id(each)]} ends of {each}"
            if self.error is None:
                started = outcome not in NEVER_STARTED
                assert yielded[id(each)] == started, f"{task_name(each)} wasn't yielded"
            if each in self.results:
                assert self.results[each].outcome is outcome
        assert all(self.sched.outcomes[each] is outcome for each, outcome in self._ended)

    def _check_locks(self) -> None:
        """Locks are released at the end, or it is reported who left them."""
        keeping = [res for res in self.results.values() if not res.locks_ok and _locks(res.task)]
        reports = [text for text in self.warnings if "locks still held at exit" in text]
        if self.error is not None or any(meta_of(each).teardown for each in self.tasks):
            return  # not reported at all, or a teardown task may have released them
        assert bool(keeping) == bool(reports), f"{keeping} left locks, and the reports: {reports}"
        if keeping and not any(res.abandoned for res in keeping):
            keys = set().union(*(_locks(res.task) for res in keeping))
            assert reports[0].startswith(f"{len(keys)} locks still held"), (reports, keys)
        for res in keeping:
            named = repr(task_name(res.task)) in reports[0]
            assert named or reports[0].endswith(" more"), reports


def _locks(each: Task) -> set[tuple[str, Any]]:
    meta = meta_of(each)
    return {("claims", key) for key in meta.claims} | {("uses", key) for key in meta.uses}


def describe(res: TaskRes) -> str:
    """A result in a message: the whole text of its exception, too."""
    text = "" if res.excinfo is None else res.excinfo.text
    return f"{task_name(res.task)} {res.outcome} in {res.worker or 'no worker'}\n{text}"


class _Bystanders:
    """Tasks that have nothing to do with what goes wrong: chained, locked, and plain ones."""

    def __init__(self, folder: str) -> None:
        self._marks = pathlib.Path(folder, "marks")
        self._marks.touch()
        metadata: list[dict[str, Any]] = [
            {"provides": [("bystanders", "up")]},
            {"claims": [("bystanders", "lock")]},
            {},
            {"requires": [("bystanders", "up")]},
            {"uses": [("bystanders", "lock")]},
            {},
            {"requires": [("bystanders", "up")], "claims": [("bystanders", "lock")]},
            {"uses": [("bystanders", "lock")]},
            {},
            {},
        ]
        self.tasks = [self._make(number, meta) for number, meta in enumerate(metadata)]

    def _make(self, number: int, metadata: dict[str, Any]) -> Task:
        kwargs = {"number": number, "marks": str(self._marks)}
        return task(functools.partial(fault_tasks.leave_mark), kwargs=kwargs, **metadata)

    def check(self, account: Account) -> None:
        """Each has run once, and its own result has come."""
        returned = [account.results[each].ret for each in self.tasks]
        assert returned == [f"bystander {number}" for number in range(len(self.tasks))]
        marks = self._marks.read_text().split()
        assert sorted(marks, key=int) == [str(number) for number in range(len(self.tasks))]


def run_through(
    pool: WorkerPool,
    expected: Expected,
    *,
    consume: Callable[[TaskRes], object] = lambda res: None,
    **options: Any,
) -> Account:
    """Run the tasks of `expected` amid bystanders, and check all that must hold.

    `expected` has the outcome of each task, or those that are allowed, in the order in which
    tasks are added. `consume` is called with each result as it arrives. `options` are those
    of `Sched.run`.
    """
    with tempfile.TemporaryDirectory() as folder:
        bystanders = _Bystanders(folder)
        options.setdefault("deadline", LIMIT_SECONDS)  # to say of what hangs what it is
        account = Account(_mixed(list(expected), bystanders.tasks))
        account.run(pool, consume, **options)
        if isinstance(account.error, Exception):
            raise account.error
        assert account.error is None, f"run() raised {account.error!r}"  # it would end pytest
        account.check(expected)
        bystanders.check(account)
    return account


def _mixed(first: list[Task], second: list[Task]) -> list[Task]:
    """Both in their orders, the shorter one spread over the longer one."""
    places: list[tuple[float, Task]] = []
    for part in (first, second):
        places.extend(((n + 0.5) / len(part), each) for n, each in enumerate(part))
    return [each for _, each in sorted(places, key=lambda place: place[0])]
