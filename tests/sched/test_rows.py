"""Tasks that hold the same locks in turn and are handed out in a row, in virtual time."""

from __future__ import annotations

import random
from typing import Any

import pytest
from in_rows import InRows

from pexen import Sched, task
from pexen.sched.locks import Locks
from pexen.sched.meta import SchedMeta
from pexen.sched.requests import NOTHING, Request
from pexen.testing import RandomTask, VirtualPool


def make(name: str, seconds: float = 1, behaviour: str = "ok", **fields: Any) -> RandomTask:
    return task(RandomTask(name, seconds, behaviour, {}), **fields)


def claiming(count: int, name: str = "claim", **fields: Any) -> list[RandomTask]:
    return [make(f"{name}{n}", claims=["disk"], **fields) for n in range(count)]


def seconds(body: RandomTask) -> float:
    return body.seconds


def run(tasks: list[RandomTask], workers: int = 2, longest: int = 4) -> InRows:
    """Run them; no row ends early for the time it takes."""
    pool = InRows(workers, seconds, longest, random.Random(1))
    pool.hasty = None
    sched = Sched(tasks)
    for _ in sched.run(pool):
        pass
    assert set(sched.outcomes) == set(tasks)
    return pool


def names(pool: InRows) -> list[list[str]]:
    return [[repr(body) for body in row] for row in pool.taken]


def started(pool: VirtualPool) -> dict[str, float]:
    return {repr(body): now for now, what, body in pool.log if what == "start"}


def without_rows(tasks: list[RandomTask]) -> dict[str, float]:
    pool = VirtualPool(2, seconds)
    list(Sched(tasks).run(pool))
    return started(pool)


def test_those_who_wait_for_the_same_claim_are_handed_out_in_a_row() -> None:
    pool = run(claiming(7))
    assert names(pool) == [[f"claim{n}" for n in range(4)], [f"claim{n}" for n in range(4, 7)]]


def test_what_else_there_is_runs_beside_a_row() -> None:
    others = [make(f"other{n}") for n in range(3)]
    pool = run([*claiming(3), *others])
    assert names(pool) == [["claim0", "claim1", "claim2"]]
    assert [now for name, now in started(pool).items() if name[0] == "o"] == [0, 1, 2]


@pytest.mark.filterwarnings("ignore::pexen.PexenWarning")
def test_a_row_ends_with_a_task_that_keeps_its_locks() -> None:
    tasks = claiming(4)
    tasks[1].behaviour = "fail"
    pool = InRows(2, seconds, 4, random.Random(1))
    sched = Sched(tasks)
    assert [res.outcome for res in sched.run(pool)] == ["ok", "failed"]
    assert [sched.outcomes[body] for body in tasks[2:]] == ["blocked", "blocked"]
    assert {sched.blocked[body].culprits for body in tasks[2:]} == {(tasks[1],)}


@pytest.mark.filterwarnings("ignore::pexen.PexenWarning")
@pytest.mark.parametrize("behaviour", ["ok", "fail"])
def test_the_loop_may_say_that_a_lock_is_not_released(behaviour: str) -> None:
    """What had begun by then has run, and what is left of the row has not."""
    tasks = claiming(5)
    tasks[2].behaviour = behaviour
    pool = InRows(2, seconds, 5, random.Random(1))
    pool.hasty = None
    sched, seen = Sched(tasks), []
    for res in sched.run(pool):
        seen.append(res.task)
        res.locks_ok = res.task is not tasks[1]
    assert seen == tasks[:3]
    assert {sched.blocked[body].culprits for body in tasks[3:]} == {(tasks[1],)}


@pytest.mark.filterwarnings("ignore::pexen.PexenWarning")
@pytest.mark.parametrize("kind", ["exclusive", "teardown"])
def test_what_is_not_released_stays_with_those_of_the_row_that_had_begun(kind: str) -> None:
    tasks = claiming(5)
    task(tasks[1], provides=["tag"])
    last = make("last", claims=["disk"], after=["tag"], teardown=True)
    if kind == "exclusive":
        last = make("last", exclusive=True)
    pool = InRows(2, seconds, 5, random.Random(1))
    pool.hasty = None
    sched = Sched([*tasks, last] if kind == "teardown" else tasks)
    for res in sched.run(pool):
        if res.task is tasks[1]:
            res.locks_ok = False
            if kind == "exclusive":
                sched.add_tasks([last])
    begun = started(pool)
    beside = "claim2" if kind == "exclusive" else "claim0"  # the next one in the row
    assert begun[beside] == begun["claim1"] + 1 and begun["last"] == begun["claim1"] + 2


def test_a_row_goes_on_after_a_task_that_was_skipped() -> None:
    tasks = claiming(3)
    tasks[0].behaviour = "skip"
    assert list(started(run(tasks)).values()) == [0, 1, 2] and len(tasks) == 3


@pytest.mark.filterwarnings("ignore::pexen.PexenWarning")
@pytest.mark.parametrize("long", [False, True])
def test_what_is_left_of_a_row_that_takes_long_is_given_back(long: bool) -> None:
    """Who is before the others, and becomes ready meanwhile, then comes between them."""
    tasks = claiming(4)
    late = [make(f"late{n}", claims=["disk"], provides=[n], requires=[n - 1][:n]) for n in range(2)]
    pool = InRows(2, seconds, 4, random.Random(1))
    pool.hasty = 1 if long else None
    sched, seen = Sched(tasks), []
    for res in sched.run(pool):
        seen.append(repr(res.task))
        if res.task is tasks[0]:
            sched.add_tasks(late)
    assert seen.index("late0") == (2 if long else 4)
    assert len(seen) == 6


def test_only_equals_are_in_a_row() -> None:
    urgent, usual, patient = (claiming(2, priority=p) for p in (-1, 0, 1))
    pool = run([*usual, *patient, *urgent])
    rows = [{body.pexen_sched_meta_.priority for body in row} for row in pool.taken]  # type: ignore[attr-defined]
    assert rows == [{-1}, {0}, {1}]


@pytest.mark.parametrize("fields", [{"timeout": 5}, {"retries": 1}, {"resources": {"disks": 1}}])
def test_one_that_takes_more_than_a_claim_is_not_in_a_row(fields: dict[str, Any]) -> None:
    pool = InRows(2, seconds, 4, random.Random(1))
    assert len(list(Sched(claiming(3, **fields), resources={"disks": 1}).run(pool))) == 3
    assert pool.taken == []


def test_no_more_are_in_a_row_than_are_consumed_while_it_may_last() -> None:
    """Their lock is released when all of them are."""
    pool = InRows(2, lambda body: 0.0, 4, random.Random(1))
    for _ in Sched(claiming(12)).run(pool):
        pool.now += 0.003
    assert [len(row) for row in pool.taken] == [4, 2, 2, 2, 2]
    pool = InRows(2, lambda body: 0.0, 4, random.Random(1))
    for _ in Sched(claiming(12)).run(pool):
        pool.now += 1
    assert [len(row) for row in pool.taken] == [4]


def test_there_is_no_row_past_somebody_else_who_waits_for_the_lock() -> None:
    tasks = [*claiming(2), make("using", uses=["disk"]), *claiming(20, "late")]
    assert started(run(tasks))["using"] == without_rows(tasks)["using"]


def test_there_is_no_row_past_an_exclusive_task_that_waits() -> None:
    tasks = [*claiming(2), make("alone", exclusive=True), *claiming(20, "late")]
    assert started(run(tasks))["alone"] == without_rows(tasks)["alone"]


def test_stop_takes_back_what_has_not_begun_of_a_row() -> None:
    tasks = claiming(4)
    sched = Sched(tasks)
    for _ in sched.run(InRows(2, seconds, 4, random.Random(1))):
        sched.stop()
    assert [sched.outcomes[body] for body in tasks] == ["ok", *["cancelled"] * 3]


def test_a_picture_of_a_run_has_the_lock_with_the_task_that_runs() -> None:
    tasks = claiming(4)
    sched = Sched(tasks)
    pool = InRows(2, seconds, 4, random.Random(1))
    pool.hasty = None
    for res in sched.run(pool):
        if res.task is tasks[0]:
            picture = sched.snapshot()
            assert tasks[3] in {waiting.task for waiting in picture.waiting}
            [lock] = picture.locks
            assert tasks[3] not in lock.tasks


# -- who may follow, as far as locks say ----------------------------------------------------

DISK = Request.of(SchedMeta(claims={"disk"}))
BOTH = Request.of(SchedMeta(claims={"disk", "net"}))


def entry(node: int) -> tuple[int, float, int]:
    return 0, 0.0, node


def waiting(*requests: Request, patience: int = 9) -> Locks:
    """Locks of which node 0 has the first request; the other nodes wait, or have what they want."""
    locks = Locks({}, list(requests), patience)
    for node in range(len(requests)):
        locks.acquire(entry(node))
    return locks


def behind(locks: Locks, most: int = 9) -> list[int]:
    return locks.take_behind(entry(0), most, lambda node: True)


def test_those_follow_who_ask_for_the_same_as_far_as_there_is_room() -> None:
    locks = waiting(DISK, DISK, DISK, DISK)
    assert behind(locks, most=2) == [1, 2]
    assert list(locks.gates()) == [3]


def test_nobody_follows_past_one_who_asks_for_more() -> None:
    assert behind(waiting(DISK, DISK, BOTH, DISK)) == [1]


def test_nobody_follows_who_may_not_be_handed_out_so() -> None:
    assert waiting(DISK, DISK, DISK, DISK).take_behind(entry(0), 9, lambda node: node < 2) == [1]


def test_nobody_follows_one_who_claims_nothing() -> None:
    assert behind(waiting(NOTHING, DISK, DISK)) == []


def test_nobody_is_left_waiting_when_all_follow() -> None:
    locks = waiting(DISK, DISK, DISK)
    assert behind(locks) == [1, 2]
    assert locks._queues.at((("disk",), "claim")) is None
    for node in (0, 1, 2):
        assert locks._held
        locks.release(node)
    assert locks.reoffered == [] and not locks._held


def test_a_row_counts_as_one_that_was_let_past() -> None:
    locks = waiting(DISK, DISK, BOTH, DISK, patience=1)
    assert behind(locks) == [1]
    locks.release(0)
    locks.release(1)
    assert [e[2] for e in locks.reoffered] == [2]
    assert not locks.acquire(entry(3)), "somebody has been passed over once, and is to be next"


def test_nobody_follows_against_a_reservation() -> None:
    locks = waiting(DISK, DISK, DISK, DISK, BOTH, patience=1)
    locks._pass_over(entry(1))
    locks._pass_over(entry(4))
    locks.release(0)
    assert locks.acquire(entry(1))
    assert locks.take_behind(entry(1), 9, lambda node: True) == []


def test_who_follows_keeps_nothing_reserved() -> None:
    locks = Locks({}, [DISK, DISK, DISK], patience=1)
    assert locks.acquire(entry(0)) and not locks.acquire(entry(1))
    locks._pass_over(entry(1))
    assert behind(locks) == [1]
    locks.release(0)
    locks.release(1)
    assert locks.acquire(entry(2))


def test_nobody_follows_one_that_is_exclusive() -> None:
    alone = Request.of(SchedMeta(claims={"disk"}, exclusive=True))
    locks = Locks({}, [DISK, alone, alone], patience=9)
    assert locks.acquire(entry(0))
    locks.release(0, keep="locks")
    assert not locks.acquire(entry(1)) and not locks.acquire(entry(2))
    locks.release_left(0)
    assert locks.acquire(entry(1))
    assert locks.take_behind(entry(1), 9, lambda node: True) == []
