"""A pool on a real Dask cluster: two worker processes, reached over the loopback interface.

Without `distributed` this is skipped; with PEXEN_DASK set, that is an error. `.ci/run` runs
it in an environment of its own.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

if not os.environ.get("PEXEN_DASK"):
    pytest.importorskip("distributed", reason="distributed isn't installed; .ci/run has it")

import dask
import dask_tasks as tasks
import distributed
from pool_support import NamedGate
from seeded_graph import beginnings, run_graph, seeded_graph

from pexen import PexenWarning, Sched, task
from pexen.sched import Outcome
from pexen.sched.meta import get_provides
from pexen.sched.pool import ExecutorPool, ThreadWorkerPool

SECONDS = 60  # a limit for everything that is waited for

# A task that was running when its worker died is not to be run again.
SETTINGS = {"distributed.scheduler.allowed-failures": 0}


@contextlib.contextmanager
def running_cluster(threads: int) -> Iterator[Any]:
    """A client of a cluster of two processes."""
    with (
        dask.config.set(SETTINGS),
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=threads,
            processes=True,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        client.wait_for_workers(2, timeout=SECONDS)
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with running_cluster(threads=2) as made:
        yield made


@pytest.fixture
def gate(tmp_path: pathlib.Path) -> Iterator[NamedGate]:
    with contextlib.closing(NamedGate(tmp_path)) as made:
        yield made


@pytest.mark.parametrize("seed", range(2))
def test_a_graph_gives_the_same_as_on_our_own_pool(
    client: Any, seed: int, tmp_path: pathlib.Path
) -> None:
    told = {}
    for name, pool in (
        ("own", ThreadWorkerPool(2)),
        ("dask", ExecutorPool(client.get_executor(), workers=4)),
    ):
        folder = tmp_path / name
        folder.mkdir()
        steps = seeded_graph(seed, 300, folder)
        told[name] = run_graph(steps, pool)
        began = {repr(step): len(beginnings(step)) for step in steps}
        assert began == {name: int(len(told) > 1) for name, told in told[name].items()}
        pids = {pid for step in steps for pid in beginnings(step)}
        assert len(pids) == (1 if name == "own" else 2)
    assert told["own"] == told["dask"] and len(told["dask"]) == 300
    assert {"ok", "failed", "blocked"} == {first for first, *_ in told["dask"].values()}


def test_a_task_that_is_run_again_is_another_one_to_dask(client: Any, tmp_path: Any) -> None:
    """Dask takes calls with equal arguments for one, which it needn't make again."""
    pool = ExecutorPool(client.get_executor(), workers=1)
    pool.start()
    marks = tmp_path / "marks"
    for _ in range(3):
        pool.submit(tasks.note, {"marks": str(marks)})
    pool.shutdown()
    assert [res.outcome for res in pool.iter_results()] == ["ok"] * 3
    assert marks.read_text().count("begun") == 3


def test_what_cannot_be_pickled_is_its_tasks_failure(client: Any) -> None:
    pool = ExecutorPool(client.get_executor(), workers=1)
    local = functools.partial(lambda: None)
    results = {id(res.task): res for res in Sched([tasks.noop, local]).run(pool)}
    assert results[id(local)].outcome is Outcome.FAILED
    assert "can't be sent to a worker of the executor" in results[id(local)].excinfo.text
    assert results[id(tasks.noop)].outcome is Outcome.OK
    assert results[id(tasks.noop)].worker.startswith("executor-")


def test_a_task_that_runs_is_never_taken_back_and_abandoned_at_its_timeout(
    client: Any, gate: NamedGate, tmp_path: pathlib.Path
) -> None:
    waits = tasks.Waits(gate, tmp_path)
    pool = ExecutorPool(client.get_executor(), workers=1)
    pool.start()
    pool.submit(waits)
    pool.submit(tasks.noop)
    assert gate.began(SECONDS)
    assert pool.withdraw() == [tasks.noop]  # the other one could be cancelled as well
    pool.kill([waits])
    (killed,) = pool.results(SECONDS)
    assert killed.outcome is Outcome.LOST and killed.abandoned
    pool.submit(tasks.noop)
    assert pool.results(0.1) == []  # its place isn't free
    gate.set()
    pool.shutdown()
    assert [res.outcome for res in pool.iter_results()] == [Outcome.OK]
    assert len(beginnings(waits)) == 1


def test_an_executor_whose_client_is_closed_refuses_every_task(client: Any) -> None:
    with distributed.Client(client.scheduler.address, set_as_default=False) as other:
        executor = other.get_executor()
    bodies = [functools.partial(tasks.noop) for _ in range(3)]
    results = list(Sched(bodies).run(ExecutorPool(executor, 2)))
    assert [res.outcome for res in results] == [Outcome.LOST] * 3
    assert all("the executor refused the task" in res.excinfo.text for res in results)


def test_a_worker_that_is_killed_loses_what_it_ran_and_none_begins_twice(
    gate: NamedGate, tmp_path: pathlib.Path
) -> None:
    steps = seeded_graph(1, 100, tmp_path)
    before = set().union(*(get_provides(step) for step in steps[:20]))
    victim = tasks.Waits(gate, tmp_path)
    task(victim, after=before, provides=["victim"], priority=-1, claims=["machine"])
    needing = [task(functools.partial(tasks.noop), requires=["victim"]) for _ in range(3)]
    sched = Sched([*steps, victim, *needing])
    with running_cluster(threads=1) as client:
        killer = threading.Thread(target=kill_worker_of, args=(victim, client))
        killer.start()
        with pytest.warns(PexenWarning, match="skipped due to unmet deps|locks still held"):
            results = {res.task: res for res in sched.run(ExecutorPool(client.get_executor(), 2))}
        killer.join(SECONDS)
    assert len(sched.outcomes) == len(steps) + 1 + len(needing)
    lost = [body for body, outcome in sched.outcomes.items() if outcome is Outcome.LOST]
    assert victim in lost and len(lost) <= 2  # another one may have been on its way there
    assert all("KilledWorker" in str(results[body].excinfo.val) for body in lost)
    assert {sched.outcomes[body] for body in needing} == {Outcome.BLOCKED}
    for step in (*steps, victim):
        count = len(beginnings(step))
        assert count == 1 or count == 0 and (step in lost or step in sched.blocked)
    assert len({pid for step in steps for pid in beginnings(step)}) >= 2


def kill_worker_of(victim: tasks.Waits, client: Any) -> None:
    """Kill the worker that is at a task, once nothing else is on it that Dask might run again.

    Results that a dead worker had, and that were not fetched, or not known to be, Dask
    computes again, whatever its settings.
    """
    assert victim.gate.began(SECONDS)
    (pid,) = beginnings(victim)
    (address,) = [address for address, found in client.run(os.getpid).items() if found == pid]
    end = time.monotonic() + SECONDS
    while client.has_what()[address]:
        assert time.monotonic() < end, "its results are kept"
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
