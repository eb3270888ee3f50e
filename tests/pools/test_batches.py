"""Tasks that are handed in many at a time: their order, taking them back, and blame."""

from __future__ import annotations

import functools
import os
import random
import threading
import time
import types
from collections import deque
from typing import Any

import pool_tasks as tasks
import pytest
from pool_support import EXECUTOR_KINDS, KINDS, ROWS, START_METHODS, make, submissions
from test_contract import finish, started

from pexen import Sched, task
from pexen.sched import Outcome
from pexen.sched.pool import PoolError, ProcessWorkerPool, dealing
from pexen.sched.pool.dealing import Place, deal, divide, undeal
from pexen.sched.pool.workerqueue import WorkerQueue

MANY = 300


@pytest.fixture(params=[*KINDS, ROWS, *EXECUTOR_KINDS])
def kind(request: pytest.FixtureRequest) -> str:
    """Every kind of pool, those on foreign executors as well."""
    return str(request.param)


def test_a_batch_is_run_in_its_order(kind: str) -> None:
    pool = started(kind, tasks.echo, spare=MANY)
    pool.submit_all(submissions([(tasks.echo, {"n": n}) for n in range(MANY)]))
    assert [res.ret for res in finish(pool)] == list(range(MANY))


def test_each_task_of_batches_has_one_result(kind: str) -> None:
    pool = started(kind, tasks.echo, workers=2)
    seen: list[Any] = []
    for start in range(0, MANY, 50):
        pool.submit_all(submissions([(tasks.echo, {"n": n}) for n in range(start, start + 50)]))
        seen += pool.results()
    seen += finish(pool)
    assert sorted(res.ret for res in seen) == list(range(MANY))


def test_an_empty_batch_is_nothing(kind: str) -> None:
    pool = started(kind, tasks.noop)
    pool.submit_all([])
    assert pool.empty() and finish(pool) == []


def test_a_batch_is_refused_by_a_pool_that_does_not_run(kind: str) -> None:
    pool = make(kind)
    pool.register([tasks.noop])
    with pytest.raises(PoolError, match="The pool is not running"):
        pool.submit_all(submissions([(tasks.noop, {})]))


def test_those_before_one_that_is_refused_are_submitted(start_method: str) -> None:
    noop = tasks.noop
    pool = started(start_method, noop)
    with pytest.raises(PoolError, match="Cannot submit unregistered task"):
        pool.submit_all(submissions([(body, {}) for body in (noop, noop, tasks.echo, noop)]))
    assert [res.outcome for res in finish(pool)] == ["ok", "ok"]


def test_a_dict_that_cannot_be_sent_fails_one_task_of_its_batch(start_method: str) -> None:
    pool = started(start_method, tasks.echo, workers=2, spare=20)
    dicts: list[dict[str, Any]] = [{"n": n} for n in range(9)]
    dicts[4] = {"n": threading.Lock()}
    pool.submit_all(submissions([(tasks.echo, shared) for shared in dicts]))
    results = finish(pool)
    failed = [res for res in results if res.outcome is Outcome.FAILED]
    assert len(results) == 9 and [res.shared for res in failed] == [dicts[4]]


class Interrupted:
    """Ctrl-C is pressed while it is pickled."""

    def __reduce__(self) -> Any:
        raise KeyboardInterrupt


def test_an_interrupt_amid_a_batch_keeps_the_others(start_method: str) -> None:
    pool = started(start_method, tasks.echo, workers=2, spare=20)
    dicts: list[dict[str, Any]] = [{"n": n} for n in range(9)]
    dicts[4] = {"n": Interrupted()}
    with pytest.raises(KeyboardInterrupt):
        pool.submit_all(submissions([(tasks.echo, shared) for shared in dicts]))
    assert sorted(res.ret for res in finish(pool)) == [0, 1, 2, 3, 5, 6, 7, 8]


def test_only_the_one_that_had_begun_is_lost_with_its_worker(start_method: str) -> None:
    pool = started(start_method, tasks.echo, tasks.die, spare=MANY)
    batch: list[Any] = [(tasks.echo, {"n": n}) for n in range(60)]
    for place in (0, 20, 21, 45):
        batch.insert(place, (tasks.die, {}))
    pool.submit_all(submissions(batch))
    results = finish(pool)
    assert sum(res.outcome is Outcome.LOST for res in results) == 4
    assert [res.ret for res in results if res.outcome is Outcome.OK] == list(range(60))


def test_what_is_taken_back_out_of_a_batch_has_not_begun(kind: str, event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = started(kind, waits, tasks.echo, spare=20)
    first: list[Any] = [(tasks.echo, {"n": n}) for n in range(5)]
    last: list[Any] = [(tasks.echo, {"n": n}) for n in range(5, 12)]
    pool.submit_all(submissions([*first, (waits, {}), *last]))
    seen: list[Any] = []
    while len(seen) < 5:
        seen += pool.results()
    assert event.began()
    pool.results(0.01)  # a pool on an executor looks at what has begun
    back = pool.withdraw()
    assert back == [tasks.echo] * 7
    pool.submit_all(submissions([(tasks.echo, {"n": 100})]))
    event.set()
    seen += finish(pool)
    assert [res.ret for res in seen] == [0, 1, 2, 3, 4, None, 100]


@pytest.mark.parametrize("kind", KINDS)
def test_an_idle_worker_gets_what_waits_behind_a_long_task(kind: str, event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = started(kind, waits, tasks.echo, workers=2, spare=60)
    pool.submit_all(submissions([(waits, {}), *[(tasks.echo, {"n": n}) for n in range(50)]]))
    seen: list[Any] = []
    while len(seen) < 50:
        seen += pool.results()
    assert sorted(res.ret for res in seen) == list(range(50))
    event.set()
    assert [res.task for res in finish(pool)] == [waits]


def test_a_worker_that_is_to_be_replaced_gets_no_more_than_it_may_run(start_method: str) -> None:
    pool = started(start_method, tasks.whoami, spare=20, tasks_per_worker=4)
    pool.submit_all(submissions([(tasks.whoami, {})] * 10))
    workers = [res.ret[0] for res in finish(pool)]
    assert [workers.count(pid) for pid in dict.fromkeys(workers)] == [4, 4, 2]


def test_a_batch_of_late_tasks_that_only_a_fresh_fork_knows_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As functions that were defined in the main module since the workers were forked."""
    pool = started("fork", tasks.noop, spare=30)
    bodies: list[Any] = []
    for number in range(20):
        name = f"late_{number}"
        body = types.FunctionType(tasks.whoami.__code__, vars(tasks), name)
        body.__module__, body.__qualname__ = tasks.__name__, name
        monkeypatch.setattr(tasks, name, body, raising=False)
        bodies.append(body)
    pool.admit(bodies)
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    results = finish(pool)
    assert [res.outcome for res in results] == [Outcome.OK] * 20
    assert sorted(bodies.index(res.task) for res in results) == list(range(20))


@pytest.mark.parametrize("seed", range(4))
def test_batches_survive_workers_that_die_and_tasks_that_are_taken_back(seed: int) -> None:
    """Whatever happens, each task has one result, and none runs twice."""
    rng = random.Random(seed)
    reader, writer = os.pipe()

    def body(shared: dict[str, Any]) -> None:
        os.write(writer, shared["n"].to_bytes(2, "little"))
        if shared["n"] % 17 == 3:
            os.kill(os.getpid(), 9)

    pool = started("fork", body, workers=3, spare=rng.choice([2, 30, 200]))
    left, dues, seen = deque(range(200)), 0, 0
    numbers: list[int] = []
    while left or dues:
        batch = [left.popleft() for _ in range(min(len(left), rng.randrange(1, 40)))]
        pool.submit_all(submissions([(body, {"n": n}) for n in batch]))
        dues += len(batch)
        if rng.random() < 0.3:
            dues -= len(pool.withdraw())
            break
        got = pool.results()
        dues -= len(got)
        seen += len(got)
    seen += len(finish(pool))
    os.close(writer)
    with os.fdopen(reader, "rb") as ran:
        while number := ran.read(2):
            numbers.append(int.from_bytes(number, "little"))
    assert len(set(numbers)) == len(numbers) == seen


def test_a_run_of_many_tasks_hands_them_out_in_few_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    dealt: list[int] = []

    def noted(backlog: Any, places: Any) -> None:
        dealt.append(len(backlog))
        deal(backlog, places)

    monkeypatch.setattr("pexen.sched.pool.process.deal", noted)
    bodies = [functools.partial(tasks.noop) for _ in range(3000)]
    assert sum(1 for _ in Sched(bodies).run(ProcessWorkerPool(2))) == 3000
    assert max(dealt) > 20 and sum(size > 0 for size in dealt) < 1500


# -- dealing ------------------------------------------------------------------------------------


class Busy:
    """What `dealing` looks at of a worker."""

    def __init__(self, length: int) -> None:
        self.queue = WorkerQueue()
        self.queue.out = length


def dealt(lengths: list[int], rooms: list[int], items: int) -> tuple[list[list[int]], list[int]]:
    places = [Place(Busy(n), room) for n, room in zip(lengths, rooms, strict=True)]  # type: ignore
    backlog: Any = deque(range(items))
    deal(backlog, places)
    return [list(place.share) for place in places], list(backlog)  # type: ignore[arg-type]


def test_items_go_where_the_queue_is_shortest() -> None:
    assert dealt([0, 0], [9, 9], 5) == ([[0, 2, 4], [1, 3]], [])
    assert dealt([3, 0, 2], [9, 9, 9], 4) == ([[], [0, 1, 2], [3]], [])


def test_nobody_gets_more_than_there_is_room_for() -> None:
    assert dealt([0, 0], [1, 2], 5) == ([[0], [1, 2]], [3, 4])
    assert dealt([], [], 2) == ([], [0, 1])


def test_what_was_dealt_is_put_together_in_its_order() -> None:
    shares, _ = dealt([0, 0, 0], [9, 3, 9], 12)
    assert undeal(shares)[:6] == [0, 1, 2, 3, 4, 5] and sorted(undeal(shares)) == [*range(12)]
    assert undeal([]) == []


@pytest.mark.parametrize(
    ("first", "room", "kept", "moved"),
    [(0, 9, [1, 3], [0, 2, 4]), (1, 9, [0, 2, 4], [1, 3]), (0, 1, [1, 2, 3, 4], [0])],
)
def test_what_is_taken_back_is_divided(
    first: int, room: int, kept: list[int], moved: list[int]
) -> None:
    assert divide([0, 1, 2, 3, 4], first, room) == (kept, moved)


def short_or_not(*, seconds: float) -> None:
    """Really takes that long, as one worker is to run dry while the other is busy."""
    time.sleep(seconds)


@pytest.mark.parametrize("start_method", START_METHODS)
def test_tasks_of_mixed_durations_that_move_between_workers_each_run_once(
    start_method: str,
) -> None:
    """A ticket that was returned came back behind the next one, and both waited for ever."""
    for seed in range(5):
        rng = random.Random(seed)
        bodies = []
        for number in range(300):
            fields: dict[str, Any] = {"kwargs": {"seconds": rng.choice([0, 0, 0, 0.002])}}
            if number >= 50:
                fields["requires"] = [number - 50]
            if number < 250:
                fields["provides"] = [number]
            body = functools.partial(short_or_not)
            bodies.append(task(body, priority=rng.choice([0, 1]), **fields))
        sched = Sched(bodies)
        results = [res for res in sched.run(make(start_method, workers=2))]
        assert len(results) == 300 and {res.outcome for res in results} == {Outcome.OK}
