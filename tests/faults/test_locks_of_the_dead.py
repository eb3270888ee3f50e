"""Row 31 of the fault matrix: what becomes of the locks of a task whose worker dies in it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import busy_tasks
import nested_tasks
import pytest
import signal_tasks
from fault_programs import make

from pexen import PexenWarning, Sched, task
from pexen.sched import Outcome
from pexen.sched.common import Task

ENDS: list[Callable[[], None]] = [nested_tasks.die, signal_tasks.end_by_term]
HOLDS: list[dict[str, Any]] = [{"claims": ["disk"]}, {"uses": ["disk"]}]
IDS = ["claims", "uses"]


def ends(body: Callable[[], None] = nested_tasks.die, **metadata: Any) -> Task:
    return task(functools.partial(body), priority=-1, **metadata)


def works(**metadata: Any) -> Task:
    return task(functools.partial(busy_tasks.do_nothing), **metadata)


def run(sched: Sched, start_method: str) -> None:
    for _ in sched.run(make(start_method, workers=2)):
        pass


@pytest.mark.parametrize(("holds", "body"), list(zip(HOLDS, ENDS)), ids=IDS)
def test_what_a_dead_task_held_stays_held_and_is_reported(
    start_method: str, holds: dict[str, Any], body: Callable[[], None]
) -> None:
    dead, needs, free = ends(body, **holds), works(claims=["disk"]), works(claims=["other"])
    sched = Sched([dead, needs, free])
    with pytest.warns(PexenWarning, match="1 locks still held at exit, left by .*"):
        run(sched, start_method)
    assert sched.outcomes[dead] is Outcome.LOST and sched.outcomes[free] is Outcome.OK
    assert sched.outcomes[needs] is Outcome.BLOCKED
    reason = sched.blocked[needs]
    assert (reason.kind, reason.key, reason.culprits) == ("lock", "disk", (dead,))
    assert body.__name__ in str(reason)


def test_what_a_dead_task_used_may_still_be_used(start_method: str) -> None:
    dead, uses = ends(uses=["disk"]), works(uses=["disk"])
    sched = Sched([dead, uses])
    with pytest.warns(PexenWarning, match="1 locks still held"):
        run(sched, start_method)
    assert sched.outcomes[uses] is Outcome.OK


def test_resources_and_exclusiveness_of_a_dead_task_are_released(start_method: str) -> None:
    dead = ends(resources={"cpu": 2}, exclusive=True)
    needs = works(resources={"cpu": 2}, exclusive=True)
    sched = Sched([dead, needs], resources={"cpu": 2})
    run(sched, start_method)
    assert (sched.outcomes[dead], sched.outcomes[needs]) == (Outcome.LOST, Outcome.OK)


def test_a_teardown_after_a_dead_task_frees_what_it_held(start_method: str) -> None:
    dead = ends(claims=["disk"], provides=["up"])
    teardown = works(claims=["disk"], after=["up"], teardown=True)
    needs = works(claims=["disk"])
    sched = Sched([dead, teardown, needs])
    run(sched, start_method)
    assert sched.outcomes[dead] is Outcome.LOST
    assert sched.outcomes[teardown] is sched.outcomes[needs] is Outcome.OK


def test_a_teardown_that_dies_frees_nothing(start_method: str) -> None:
    dead = ends(claims=["disk"], provides=["up"])
    teardown = task(functools.partial(nested_tasks.die), after=["up"], teardown=True)
    needs = works(claims=["disk"])
    sched = Sched([dead, teardown, needs])
    with pytest.warns(PexenWarning, match="1 locks still held"):
        run(sched, start_method)
    assert sched.outcomes[teardown] is Outcome.LOST
    assert sched.outcomes[needs] is Outcome.BLOCKED


def test_an_attempt_that_is_followed_by_another_keeps_nothing(start_method: str) -> None:
    """Between two attempts another task has the claim, and the last attempt keeps it."""
    dead = ends(claims=["disk"], retries=2, retry_delay=0.01)
    order: list[tuple[str, Task]] = []
    between, late = works(claims=["disk"]), works(claims=["disk"], after=["given up"])
    giving_up = task(dead, provides=["given up"])
    sched = Sched([giving_up, between, late])
    with pytest.warns(PexenWarning, match="1 locks still held"):
        for res in sched.run(make(start_method, workers=1)):
            order.append((res.outcome.value, res.task))
            assert res.task is not dead or res.attempts == 3
    assert order == [("ok", between), ("lost", dead)]
    assert sched.outcomes[late] is Outcome.BLOCKED and sched.blocked[late].culprits == (dead,)
