"""Row 33 of the fault matrix: whatever raises in the scheduler's loop ends the run in order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import busy_tasks
import pytest
from fault_programs import make

from pexen import Sched, task
from pexen.sched import Outcome, TaskFailError, events
from pexen.sched.common import Task
from pexen.sched.graph import Graph
from pexen.sched.locks import Locks
from pexen.sched.pool import WorkerPool
from pexen.sched.run import Run


QUICK_KINDS = ["threads", "fork"]


class BreakError(BaseException):
    """What nobody expects; not an Exception, to be caught by nothing in between."""


def fail() -> None:
    raise TaskFailError("under control", deps_ok=False)


def tasks() -> list[Task]:
    """A little of everything."""

    def works(**metadata: Any) -> Task:
        return task(functools.partial(busy_tasks.do_nothing), **metadata)

    return [
        works(provides=["up"], claims=["disk"]),
        *(works(requires=["up"], claims=["disk"], retries=n) for n in range(3)),
        works(requires=["up"], uses=["disk"], exclusive=True),
        task(functools.partial(fail), provides=["never"], retries=1),
        works(requires=["never"]),
        works(after=["up", "never"], teardown=True),
    ]


EXPECTED = ["ok"] * 5 + ["failed", "blocked", "ok"]

SEAMS: list[tuple[type, str]] = [
    (Graph, "done"),
    (Locks, "acquire"),
    (Locks, "release"),
    (Run, "hand_out"),
    (Run, "receive"),
    (Run, "apply"),
    (WorkerPool, "submit_all"),  # of the kind of pool in question
    (WorkerPool, "results"),
]


class Breaking:
    """Breaks the n-th call of a method; `broke` says whether it came to that."""

    def __init__(self, n: int, original: Callable[..., Any], after: bool) -> None:
        self._calls = itertools.count(1)
        self._n = n
        self._original = original
        self._after = after
        self.broke = False

    def __get__(self, instance: object, owner: type) -> Callable[..., Any]:
        return functools.partial(self._call, instance)

    def _call(self, *args: Any, **kwargs: Any) -> Any:
        breaks = next(self._calls) == self._n
        self.broke |= breaks
        if breaks and not self._after:
            raise BreakError
        ret = self._original(*args, **kwargs)
        if breaks:
            raise BreakError
        return ret


def breaks(kind: str, seam: tuple[type, str], n: int, after: bool) -> bool:
    """Have the n-th call break; whether there was one. The Sched and the pool stay in order."""
    owner, name = seam
    bodies, pool = tasks(), make(kind, workers=2)
    sched = Sched(bodies)
    if owner is WorkerPool and name in vars(type(pool)):
        owner = type(pool)
    breaking = Breaking(n, getattr(owner, name), after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, breaking)
        try:
            for _ in sched.run(pool):
                pass
        except BreakError:
            assert breaking.broke
        else:
            assert not breaking.broke, "what was raised came to nobody"
    assert len(sched.outcomes) == len(bodies) and not pool.alive()
    if breaking.broke:
        list(sched.run(pool))
    assert [sched.outcomes[body].value for body in bodies] == EXPECTED
    return breaking.broke


skips = pytest.mark.filterwarnings("ignore:1 tasks skipped due to unmet deps")
by_name = pytest.mark.parametrize("seam", SEAMS, ids=lambda seam: f"{seam[0].__name__}.{seam[1]}")


@skips
@by_name
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("quick_kind", QUICK_KINDS)
def test_what_raises_in_the_loop_comes_to_the_caller(
    quick_kind: str, seam: tuple[type, str], after: bool
) -> None:
    calls = 0
    while breaks(quick_kind, seam, calls + 1, after):
        calls += 1
    assert calls >= 5


@skips
@pytest.mark.parametrize("seam", [SEAMS[0], SEAMS[-1]], ids=["done", "results"])
def test_so_it_does_however_the_workers_were_started(
    start_method: str, seam: tuple[type, str]
) -> None:
    assert breaks(start_method, seam, 3, False)


@skips
def test_a_listener_that_raises_is_reported_once_and_changes_nothing(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[events.Event] = []

    def listen(event: events.Event) -> None:
        heard.append(event)
        raise LookupError("the listener's own")

    bodies = tasks()
    sched = Sched(bodies, listeners=[listen])
    list(sched.run(make(kind, workers=2)))
    assert [sched.outcomes[body].value for body in bodies] == EXPECTED
    assert len(heard) > len(bodies)
    assert [record.exc_text is None for record in caplog.records] == [False]
    assert "the listener's own" in caplog.text


@pytest.mark.parametrize("kind_of_event", [events.Queued, events.Started, events.Finished])
@pytest.mark.parametrize("quick_kind", QUICK_KINDS)
def test_a_listener_that_exits_ends_the_run(
    quick_kind: str, kind_of_event: type[events.Event]
) -> None:
    def listen(event: events.Event) -> None:
        if exits and isinstance(event, kind_of_event):
            exits.pop()
            raise SystemExit("the listener's own")

    exits = [True]
    bodies = tasks()[:5]
    sched = Sched(bodies, listeners=[listen])
    pool = make(quick_kind, workers=2)
    with pytest.raises(SystemExit):
        list(sched.run(pool))
    assert len(sched.outcomes) == len(bodies) and not pool.alive()
    assert [res.outcome for res in sched.run(pool)] == [Outcome.OK] * len(bodies)
