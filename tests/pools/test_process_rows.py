"""Rows of very short tasks through worker processes, which note their results in shared memory."""

from __future__ import annotations

import array
import contextlib
import errno
import functools
import gc
import multiprocessing
import os
import pathlib
import random
import re
import signal
import sys
import threading
import weakref
from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

import pool_tasks as tasks
import pytest
from pool_support import ROWS, InPagedRows, submissions
from test_contract import finish, started

from pexen import Sched, task
from pexen.sched import Outcome, TaskFailError
from pexen.sched.pool import ProcessWorkerPool, page, pagedrow, process, spare, travel, worker
from pexen.sched.pool.handle import WorkerProcess
from pexen.sched.pool.item import Item
from pexen.sched.pool.workerqueue import WorkerQueue


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no row is cut only because the machine is busy."""
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.2)


def rows_of(*bodies: Any, workers: int = 1, **kwargs: Any) -> Any:
    """A pool that was handed these, each worker's share in a row."""
    pool = started(ROWS, *bodies, workers=workers, spare=200, **kwargs)
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    assert isinstance(pool, InPagedRows) and pool.rows
    return pool


def workers_of(pool: Any) -> list[WorkerProcess]:
    return list(pool._crew.workers.values())


def with_stopped_worker(bodies: list[Any], **kwargs: Any) -> tuple[Any, WorkerProcess]:
    """A pool that knows these, and its one worker, which was ready and takes nothing up."""
    pool = started(ROWS, *bodies, spare=200, **kwargs)
    (worker,) = workers_of(pool)
    while not worker.ready:
        pool.results(0.05)
    os.kill(worker._child.pid, signal.SIGSTOP)
    return pool, worker


def noops(count: int) -> list[Any]:
    return [functools.partial(tasks.noop) for _ in range(count)]


def bare_noops(count: int) -> list[Any]:
    """Those that a worker is told to call without anything."""
    return [lambda: None for _ in range(count)]


class Ran:
    """What has run notes its number here, from whatever process."""

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe()

    def close(self) -> None:
        os.close(self._reader)
        os.close(self._writer)

    def body(self, number: int, then: Any = None) -> Any:
        def run() -> Any:
            os.write(self._writer, number.to_bytes(2, "little"))
            return then() if then else None

        return run

    def numbers(self) -> list[int]:
        """Those that did, when nothing runs any more."""
        os.set_blocking(self._reader, False)
        data = b""
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._reader, 1 << 16)
        return [int.from_bytes(data[n : n + 2], "little") for n in range(0, len(data), 2)]


@pytest.fixture
def ran() -> Iterator[Ran]:
    made = Ran()
    yield made
    made.close()


# -- what comes back ----------------------------------------------------------------------------


@pytest.mark.parametrize("bare", [True, False])
def test_results_of_a_row_come_in_order_whether_they_are_noted_or_sent(bare: bool) -> None:
    """Of tasks that nothing is known of but that they are called, and of others."""

    def told(kind: int) -> Any:
        if kind == 1:
            return "value"
        if kind == 2:
            raise ValueError("wrong")
        if kind == 3:
            raise TaskFailError("under control", ret=b"x" * 200_000)
        return None

    rng = random.Random(1)
    kinds = [rng.choice([0, 0, 0, 1, 2, 3]) for _ in range(120)]
    def body_of(kind: int) -> Any:
        return lambda: told(kind)

    bodies = [body_of(kind) if bare else functools.partial(told, kind) for kind in kinds]
    pool = rows_of(*bodies)
    results = finish(pool)
    assert [res.task for res in results] == bodies
    for kind, res in zip(kinds, results, strict=True):
        assert res.excinfo is None or "in told" in res.excinfo.text
        assert res.outcome is (Outcome.OK if kind < 2 else Outcome.FAILED)
        assert res.ret == [None, "value", None, b"x" * 200_000][kind]
        assert res.worker == "process-1" and res.shared == {}
    times = [(res.started, res.started + res.duration) for res in results]
    assert all(end <= begin for (_, end), (begin, _) in zip(times, times[1:], strict=False))


def test_bare_tasks_are_called_and_nothing_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "run_task", None)  # of forked workers as well
    monkeypatch.setattr(travel.Registry, "get", None)
    assert [res.outcome for res in finish(rows_of(*bare_noops(20)))] == [Outcome.OK] * 20


def test_tasks_with_kwargs_get_them_in_a_row_too() -> None:
    bodies = [task(lambda **kwargs: kwargs, kwargs={"number": n}) for n in range(20)]
    assert [res.ret for res in finish(rows_of(*bodies))] == [{"number": n} for n in range(20)]


def test_what_a_task_of_a_row_returned_does_not_stay_with_its_worker() -> None:
    made: list[Any] = []

    def make() -> Any:
        value = array.array("b", b"value")
        made.append(weakref.ref(value))
        return value

    bodies = [make, lambda: None, *(lambda: made[0]() is None for _ in range(5))]
    assert [res.ret for res in finish(rows_of(*bodies))][2:] == [True] * 5


def test_what_a_task_of_a_row_leaves_in_its_dict_comes_back() -> None:
    def leave(shared: dict[str, Any], number: int = 0) -> None:
        shared["number"] = number

    bodies = [lambda shared, n=n: leave(shared, n) for n in range(20)]
    assert [res.shared for res in finish(rows_of(*bodies))] == [{"number": n} for n in range(20)]


def test_more_rows_than_a_worker_may_have_come_to_the_same() -> None:
    bodies = noops(60)
    pool = started(ROWS, *bodies, workers=2, spare=200)
    for first in range(0, 60, 10):
        pool.submit_all(submissions([(body, {}) for body in bodies[first : first + 10]]))
    results = finish(pool)
    assert len({id(res.task) for res in results}) == len(results) == 60


def test_a_task_that_cannot_be_loaded_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies, get = noops(9), travel.Registry.get

    def broken(registry: Any, index: int) -> Any:
        if index == 4:
            raise ImportError("gone")
        return get(registry, index)

    monkeypatch.setattr(travel.Registry, "get", broken)
    outcomes = [res.outcome for res in finish(rows_of(*bodies))]
    assert outcomes == [Outcome.OK] * 4 + [Outcome.FAILED] + [Outcome.OK] * 4


# -- long tasks in a row ------------------------------------------------------------------------


def test_results_before_a_long_task_do_not_wait_for_it(event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    pool = rows_of(*noops(10), functools.partial(waits.func, {}, event=event), *noops(10))
    seen: list[Any] = []
    while len(seen) < 10:
        seen += pool.results()
    assert event.began() and len(seen) == 10
    assert len(pool.ahead()) == 10, "nor are they taken to have begun that come after it"
    event.set()
    assert len(finish(pool)) == 11


def test_what_a_worker_is_at_has_run_since_the_task_before_it_ended(event: Any) -> None:
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    bodies = [*noops(5), waits, *noops(5)]
    pool, worker = with_stopped_worker(bodies)
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    os.kill(worker._child.pid, signal.SIGCONT)
    assert event.began()
    seen: list[Any] = []
    while len(seen) < 5:
        seen += pool.results()
    (running,) = pool.running()
    assert running.task is waits and running.since >= seen[-1].started + seen[-1].duration
    event.set()
    assert len(finish(pool)) == 6


def test_an_idle_worker_gets_what_is_behind_a_long_task_of_a_row(event: Any) -> None:
    waits = functools.partial(tasks.wait_for, {}, event=event)
    short = noops(50)
    pool = rows_of(waits, *short, workers=2)
    seen: list[Any] = []
    while len(seen) < 50:
        seen += pool.results()
    assert {id(res.task) for res in seen} == set(map(id, short))
    event.set()
    assert [res.task for res in finish(pool)] == [waits]


def test_tasks_of_a_row_may_wait_for_each_other() -> None:
    """A barrier: one of two would be behind the other for ever."""
    reader, writer = os.pipe()

    def wait() -> None:
        os.read(reader, 1)

    def let_go() -> None:
        os.write(writer, b"x")

    bodies = [*noops(20), wait, *noops(20), let_go, *noops(20)]
    assert len(finish(rows_of(*bodies, workers=2))) == len(bodies)
    os.close(reader)
    os.close(writer)


def test_what_is_taken_back_of_a_row_has_not_begun(event: Any, ran: Ran) -> None:
    first = [ran.body(n) for n in range(5)]
    waits = functools.partial(tasks.wait_for, {}, event=event)
    last = [ran.body(n) for n in range(5, 30)]
    pool = rows_of(*first, waits, *last)
    seen: list[Any] = []
    while len(seen) < 5:
        seen += pool.results()
    assert event.began()
    assert pool.withdraw() == last
    again = last[20:]
    pool.submit_all(submissions([(body, {}) for body in again]))
    event.set()
    assert [res.task for res in finish(pool)] == [waits, *again]
    assert ran.numbers() == [0, 1, 2, 3, 4, 25, 26, 27, 28, 29]


def test_what_is_taken_back_before_the_worker_reads_it_leaves_room_for_other_rows() -> None:
    bodies = noops(40)
    pool, worker = with_stopped_worker(bodies)
    for _ in range(5):
        pool.submit_all(submissions([(body, {}) for body in bodies]))
        assert {type(handed) for handed in worker.queue} == {pagedrow.PagedRow}
        assert pool.withdraw() == bodies
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    os.kill(worker._child.pid, signal.SIGCONT)
    assert [res.task for res in finish(pool)] == bodies


def test_the_rest_of_a_row_goes_on_when_a_task_of_it_is_killed(event: Any) -> None:
    waits = functools.partial(tasks.wait_for, {}, event=event)
    short = noops(20)
    pool = rows_of(*short[:10], waits, *short[10:])
    assert event.began()
    pool.kill([waits])
    outcomes = {id(res.task): res.outcome for res in finish(pool)}
    assert outcomes.pop(id(waits)) is Outcome.LOST
    assert outcomes == {id(body): Outcome.OK for body in short}


def test_a_worker_that_does_not_take_its_row_up_is_not_looked_at_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was handed the same tasks in a new row every millisecond."""
    monkeypatch.setattr(process, "_LOOK_SECONDS", 0.001)
    bodies = noops(40)
    pool, worker = with_stopped_worker(bodies)
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    assert pool.rows == 1 and worker.in_row
    while worker.in_row:
        pool.results(0.05)
    assert pool.results(0.05) == []
    assert pool.rows == 1
    os.kill(worker._child.pid, signal.SIGCONT)
    assert {id(res.task) for res in finish(pool)} == set(map(id, bodies))


def test_a_task_of_a_row_may_clean_up_when_it_is_killed(event: Any, tmp_path: Any) -> None:
    """Its result comes too late; its worker was killed for it, and what it had printed was lost."""
    path = tmp_path / "printed"

    def body() -> str:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        sys.stdout = open(path, "w", encoding="ascii")
        event.set()
        stop.wait(60)
        print("cleaned up")
        return "value"

    pool = rows_of(*noops(20), body, *noops(20), grace=60)
    seen: list[Any] = []
    while len(seen) < 20:
        seen += pool.results()
    event.wait(60)
    pool.kill([body])
    outcomes = {id(res.task): res.outcome for res in finish(pool)}
    assert outcomes.pop(id(body)) is Outcome.LOST and set(outcomes.values()) == {Outcome.OK}
    assert path.read_text(encoding="ascii") == "cleaned up\n"


# -- workers that die ---------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 7, 28, 29])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
def test_only_the_task_that_had_begun_is_lost_with_its_worker(
    place: int, number: signal.Signals, ran: Ran
) -> None:
    bodies = [ran.body(n) for n in range(30)]
    bodies[place] = ran.body(place, lambda: os.kill(os.getpid(), number))
    results = finish(rows_of(*bodies))
    (lost,) = [res for res in results if res.outcome is not Outcome.OK]
    assert (lost.task, lost.outcome) == (bodies[place], Outcome.LOST)
    assert lost.started is not None and lost.duration >= 0
    if number == signal.SIGSEGV:
        (stack,) = lost.excinfo.val.__notes__
        assert "in run" in stack and "in _run_row" not in stack
    assert len(results) == 30
    assert sorted(ran.numbers()) == list(range(30)), "each ran once"


@pytest.mark.parametrize("seed", range(6))
def test_rows_survive_workers_that_die_and_tasks_that_are_taken_back(seed: int, ran: Ran) -> None:
    """Whatever happens, each task has one result, and none runs twice."""
    rng = random.Random(seed)

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    thens = [None] * 40 + [die, lambda: "value"]
    bodies = [ran.body(n, rng.choice(thens)) for n in range(400)]
    pool = started(ROWS, *bodies, workers=rng.choice([1, 2, 3]), spare=rng.choice([20, 200]))
    left, out = deque(bodies), 0
    seen: list[Any] = []
    while left or out:
        batch = [left.popleft() for _ in range(min(len(left), rng.randrange(1, 60)))]
        pool.submit_all(submissions([(body, {}) for body in batch]))
        out += len(batch)
        if rng.random() < 0.3:
            back = pool.withdraw()
            out -= len(back)
            left.extendleft(reversed(back))
        got = pool.results(None if out else 0)
        out -= len(got)
        seen += got
        assert all(worker.queue.out == len(worker.queue.items()) for worker in workers_of(pool))
    assert finish(pool) == []
    assert sorted(map(id, (res.task for res in seen))) == sorted(map(id, bodies))
    assert sorted(ran.numbers()) == list(range(400))


def test_workers_killed_at_any_moment_lose_no_more_than_they_were_at(ran: Ran) -> None:
    bodies = [ran.body(n) for n in range(1500)]
    pool = started(ROWS, *bodies, workers=2, spare=200)
    rng, killed = random.Random(3), 0
    results: list[Any] = []
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    while len(results) < len(bodies):
        results += pool.results()
        ready = [worker for worker in workers_of(pool) if worker.ready]
        if killed < 12 and ready and rng.random() < 0.7:
            with contextlib.suppress(ProcessLookupError):  # it has just been reaped
                os.kill(rng.choice(ready)._child.pid, signal.SIGKILL)
                killed += 1
    assert finish(pool) == []
    lost = [res for res in results if res.outcome is not Outcome.OK]
    assert all(res.outcome is Outcome.LOST for res in lost) and len(lost) <= killed
    assert len({id(res.task) for res in results}) == len(results) == len(bodies)
    numbers = ran.numbers()
    assert len(set(numbers)) == len(numbers) and len(bodies) - len(numbers) <= len(lost)


def test_a_child_that_comes_back_out_of_its_task_is_ended(ran: Ran) -> None:
    bodies = [ran.body(n) for n in range(20)]
    bodies[5] = ran.body(5, lambda: os.fork() and None)
    results = finish(rows_of(*bodies))
    assert [res.task for res in results] == bodies
    assert sorted(ran.numbers()) == list(range(20))


@pytest.mark.parametrize("bare", [True, False])
def test_a_task_that_closes_all_files_is_to_blame_and_no_other(bare: bool) -> None:
    def close_all() -> None:
        os.closerange(3, 4096)

    noop = bare_noops if bare else noops
    bodies = [*noop(10), close_all, *noop(5), lambda: "value", *noop(5)]
    results = finish(rows_of(*bodies))
    assert [res.task for res in results if res.outcome is not Outcome.OK] == [close_all]
    assert len(results) == len(bodies)


# -- where there are none -----------------------------------------------------------------------


class Spied(InPagedRows):
    """As it is, but that rows are counted."""

    def _is_worth_a_row(self, worker: Any, count: int) -> bool:
        return ProcessWorkerPool._is_worth_a_row(self, worker, count)


@pytest.fixture
def any_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that do nothing are taken for very short ones however busy the machine is."""
    monkeypatch.setattr(spare, "AHEAD_SECONDS", 10.0)


def run_on(pool: ProcessWorkerPool, bodies: list[Any], **kwargs: Any) -> list[Any]:
    return list(Sched(bodies).run(pool, **kwargs))


def test_very_short_tasks_go_in_rows(any_is_short: None) -> None:
    pool = Spied(2, None)
    assert {res.outcome for res in run_on(pool, noops(2000))} == {Outcome.OK}
    assert pool.rows > 2


@pytest.mark.parametrize("spare", [0, 300])
def test_how_many_are_ahead_is_kept_where_the_user_says_it(spare: int) -> None:
    pool = Spied(2, spare)
    run_on(pool, noops(1000))
    assert pool.rows == 0


def test_tasks_with_a_timeout_are_not_in_rows() -> None:
    pool = Spied(2, None)
    run_on(pool, [task(body, timeout=60) for body in noops(1000)])
    assert pool.rows == 0


def test_tasks_of_a_run_with_a_timeout_are_not_in_rows() -> None:
    pool = Spied(2, None)
    run_on(pool, noops(1000), timeout=60)
    assert pool.rows == 0


def test_a_task_that_came_up_since_the_fork_is_in_no_row() -> None:
    bodies = noops(20)
    pool = started(ROWS, *bodies, spare=200)
    pool.admit([tasks.whoami])
    pool.submit_all(submissions([(body, {}) for body in (*bodies, tasks.whoami)]))
    assert [res.outcome for res in finish(pool)] == [Outcome.OK] * 21
    assert pool.rows == 0


def test_what_was_handed_in_by_itself_may_be_in_a_row_when_it_is_taken_back() -> None:
    bodies = noops(20)
    pool, worker = with_stopped_worker(bodies)
    worker.stuck = True
    pool.submit_all(submissions([(body, {}) for body in bodies]))
    assert pool.rows == 0
    worker.stuck = False
    pool.kill([])  # takes all back, and hands it in again
    assert pool.rows == 1
    os.kill(worker._child.pid, signal.SIGCONT)
    assert [res.task for res in finish(pool)] == bodies


def test_a_worker_gets_no_more_tasks_than_it_may_run_also_in_rows() -> None:
    bodies = noops(45)
    pool, worker = with_stopped_worker(bodies, tasks_per_worker=10)
    batch = submissions([(body, {}) for body in bodies])
    for _ in range(3):  # what is taken back wasn't run
        pool.submit_all(batch[:10])
        assert pool.withdraw() == bodies[:10]
    pool.submit_all(batch)
    os.kill(worker._child.pid, signal.SIGCONT)
    workers = Counter(res.worker for res in finish(pool))
    assert sorted(workers.values()) == [5, 10, 10, 10, 10] and "process-1" in workers
    assert pool.rows == 8


def test_where_the_system_has_no_semaphores_all_goes_through_pipes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: Any) -> Any:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(page, "Page", refuse)
    results = run_on(ProcessWorkerPool(2), noops(2000))
    assert [res.outcome for res in results] == [Outcome.OK] * 2000


@pytest.mark.parametrize("error", [errno.ENOSYS, errno.EPERM, None])
def test_where_the_system_has_no_bell_the_pipe_has_to_do(
    error: int | None, any_is_short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> int:
        raise OSError(error, "refused")

    if error is None:
        monkeypatch.delattr(os, "eventfd", raising=False)
    else:
        monkeypatch.setattr(os, "eventfd", refuse, raising=False)
    pool = Spied(2, None)
    assert [res.outcome for res in run_on(pool, noops(1000))] == [Outcome.OK] * 1000
    assert pool.rows


def shared_mappings() -> int:
    """How much of this process's memory is shared with others: semaphores, and pages."""
    gc.collect()
    maps = pathlib.Path("/proc/self/maps").read_text(encoding="ascii", errors="replace")
    return len(re.findall(r"^\S+ rw-s ", maps, re.MULTILINE))


def test_nothing_of_the_pages_is_left() -> None:
    before = shared_mappings()
    pool = started(ROWS, tasks.noop, spare=200)
    assert shared_mappings() > before
    finish(pool)
    del pool
    assert shared_mappings() == before


# -- the page -----------------------------------------------------------------------------------


@pytest.fixture
def sheet() -> page.Page:
    return page.Page(multiprocessing.get_context("fork"))


def submitted(count: int) -> list[Any]:
    """Submissions of so many tasks; each task is its index, for a test."""
    return [(index, {}, None, None, index) for index in range(count)]


def row_of(sheet: page.Page, half: int, first: int, size: int) -> pagedrow.PagedRow:
    return pagedrow.PagedRow(sheet, half, first, submitted(size))


def tasks_of(back: list[Any]) -> list[int]:
    return [index for index, *_ in back]


def ends_of(row: pagedrow.PagedRow) -> list[float]:
    return row.take_ends()[1]


def test_each_task_of_a_row_is_taken_by_one_side(sheet: page.Page) -> None:
    row = row_of(sheet, 0, 100, 5)
    assert sheet.rests[0].acquire(False) and sheet.rests[0].acquire(False)
    assert tasks_of(row.take_back()) == [2, 3, 4]
    assert not sheet.rests[0].acquire(False)
    assert row.take_back() == [] and [item.seq for item in row.items()] == [100, 101]


def test_ends_are_taken_up_to_one_that_is_sent(sheet: page.Page) -> None:
    row = row_of(sheet, 1, 1, 6)
    for place in (0, 1):
        sheet.note(1, place, float(place), 0.5)
    sheet.note_apart(1, 2)
    sheet.note(1, 3, 3.0, 0.5)
    assert row.take_ends() == ([0, 1], [0.0, 1.0], [0.5, 0.5]) and ends_of(row) == []
    assert (row.seq, row.task, row.left) == (3, 2, 4)
    apart = row.take_apart()
    assert apart is not None and (apart.seq, apart.index, apart.task) == (3, 2, 2)
    assert ends_of(row) == [3.0]
    sheet.note(1, 4, 4.0, 0.5)
    assert row.take_apart() is None, "the next one is none"
    assert row.left == 2 and ends_of(row) == [4.0] and row.left == 1


def test_what_is_noted_of_the_next_row_is_not_taken_for_this_one(sheet: page.Page) -> None:
    """The worker may drop the first one, and say so in a message that isn't read yet."""
    first, second = row_of(sheet, 0, 1, 3), row_of(sheet, 1, 4, 2)
    for place in (0, 1):
        sheet.note(1, place, 10.0 + place, 0.5)
    assert (ends_of(first), ends_of(second)) == ([], [10.0, 11.0])
    sheet.note(0, 0, 0.0, 0.5)
    assert ends_of(first) == [0.0]


def test_a_process_that_was_forked_takes_nothing_of_its_parents(sheet: page.Page) -> None:
    rows = pagedrow.PagedRows(sheet)
    row = rows.open(1, submitted(3))
    assert row is not None
    sheet.note(row.half, 0, 1.0, 0.5)
    child = os.fork()
    if not child:
        opened = rows.open(4, submitted(2)) is not None
        os._exit(len(ends_of(row)) + len(row.take_back()) + opened)
    assert os.waitpid(child, 0)[1] == 0
    assert ends_of(row) == [1.0] and len(row.take_back()) == 3


def test_a_worker_has_no_more_rows_than_there_are_halves(sheet: page.Page) -> None:
    rows = pagedrow.PagedRows(sheet)
    assert rows.open(1, submitted(page.LONGEST + 1)) is None
    first = rows.open(1, submitted(3))
    assert first is not None and rows.open(4, submitted(2)) is not None
    assert rows.open(6, submitted(2)) is None
    assert rows.has(1) and rows.close(1) is first and rows.close(1) is None and not rows.has(1)
    assert rows.open(6, submitted(2)) is not None and rows.open(8, submitted(2)) is None


def test_a_row_is_not_taken_for_one_task_that_ended_by_itself(sheet: page.Page) -> None:
    """Whoever has a worker's pipes may write so."""
    queue = WorkerQueue()
    queue._queued.extend([Item(5, submitted(1)[0], None), row_of(sheet, 0, 6, 3)])
    assert queue.take_items([5, 6]) is None and queue.take_items([5]) == [0]


def test_without_a_page_there_are_no_rows() -> None:
    assert pagedrow.PagedRows(None).open(1, submitted(3)) is None


def test_a_result_that_is_noted_while_another_thread_takes_it_back_is_one_of_both(
    sheet: page.Page,
) -> None:
    for size in (1, 2, 50) * 40:
        row = row_of(sheet, 0, 1, size)
        taken: list[int] = []

        def work(taken: list[int] = taken, size: int = size) -> None:
            for place in range(size):
                if not sheet.rests[0].acquire(False):
                    return
                taken.append(place)
                sheet.note(0, place, float(place), 0.0)

        thread = threading.Thread(target=work)
        thread.start()
        back = row.take_back()
        thread.join()
        assert len(taken) + len(back) == size and row.left == len(taken)
        assert ends_of(row) == [float(place) for place in taken]
