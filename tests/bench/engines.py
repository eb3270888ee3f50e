"""One run of one engine over some tasks, in this process; prints how long its parts took.

    python3 tests/bench/engines.py ENGINE SHAPE COUNT [memory]

`build` is from callables and what comes before each, as plain data, to what can be run;
`run` is from there until the last result was seen and the workers are gone, and starts
the workers. For pexen, the callables have their metadata before `build`, as decorators would
give it to them; how long that takes is `declare`. All in seconds, or with `memory` the bytes by
which the peak of resident memory rose. The collector of garbage is as Python has it, and
nothing is imported that the engine doesn't need.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias

from loads import Load, fields, importable, make
from measure import Figures, cell_main

WORKERS = 2
CHUNK = 64  # for imap_unordered

Calls = list[Callable[[], None]]
# Number, result and error of what ended.
Ended: TypeAlias = "SimpleQueue[tuple[int, Any, BaseException | None]]"

clock = time.perf_counter  # replaced by `peak` to measure memory instead


def pexen_with(pool: str, claims: list[str] | None = None) -> Callable[[Load], Figures]:
    """pexen with a kind of pool, which is left as it is but for the number of workers."""

    def engine(load: Load) -> Figures:
        import pexen

        # Here, as what is imported when it is first named isn't to be measured.
        make_pool, make_sched = getattr(pexen.sched.pool, pool), pexen.sched.Sched
        every = getattr(pexen.sched, "every", None)  # 0.0.3 doesn't have it
        shared = {"claims": set(claims)} if claims else {}
        declared = fields(load, every)
        begin = clock()
        for call, own in zip(load.calls, declared, strict=True):
            pexen.sched.meta.func_meta(**own, **shared)(call)
        declare = clock()
        sched = make_sched(load.calls)
        build = clock()
        seen = 0
        for _ in sched.run(make_pool(WORKERS)):
            seen += 1
        end = clock()
        check(seen, load)
        return {"declare": declare - begin, "build": build - declare, "run": end - build}

    return engine


def tell_from_thread(pool: Any, calls: Calls, ended: Ended) -> Callable[[int], Any]:
    """A way to submit a task by its number: it says itself that it ended.

    concurrent.futures.wait() would look at all futures each time, and a callback of
    each future takes half as long again.
    """

    def work(number: int) -> None:
        try:
            ended.put((number, calls[number](), None))
        except BaseException as exc:
            ended.put((number, None, exc))

    return partial(pool.submit, work)


def tell_by_callback(pool: Any, calls: Calls, ended: Ended) -> Callable[[int], Any]:
    """The same for processes, from which there is no other way."""

    def submit(number: int) -> None:
        future = pool.submit(calls[number])
        future.add_done_callback(lambda f: ended.put((number, f, f.exception())))

    return submit


def graphlib_with(
    executor: str, telling: Callable[[Any, Calls, Ended], Callable[[int], Any]]
) -> Callable[[Load], Figures]:
    """The loop that one writes by hand: graphlib says what is ready, an executor runs it."""

    def engine(load: Load) -> Figures:
        import concurrent.futures
        from graphlib import TopologicalSorter

        begin = clock()
        sorter: TopologicalSorter[int] = TopologicalSorter()
        for number, needs in enumerate(load.needs):
            sorter.add(number, *needs)
        build = clock()
        ended: Ended = SimpleQueue()
        seen = 0
        with getattr(concurrent.futures, executor)(WORKERS) as pool:
            submit = telling(pool, load.calls, ended)
            sorter.prepare()
            while sorter.is_active():
                for number in sorter.get_ready():
                    submit(number)
                number, _, error = ended.get()
                if error is not None:
                    raise error
                sorter.done(number)
                seen += 1
        end = clock()
        check(seen, load)
        return {"build": build - begin, "run": end - build}

    return engine


def check(seen: int, load: Load) -> None:
    """A run that lost a task is no measurement."""
    if seen != len(load.calls):
        sys.exit(f"{seen} results of {len(load.calls)} tasks")


def floor(load: Load) -> Figures:
    """Counters, a heap and two queues, and no more: a message there and one back for each task."""
    import heapq
    import threading

    calls = load.calls
    begin = clock()
    missing = [len(needs) for needs in load.needs]
    dependents: list[list[int]] = [[] for _ in calls]
    for number, needs in enumerate(load.needs):
        for need in needs:
            dependents[need].append(number)
    build = clock()
    tasks: SimpleQueue[int] = SimpleQueue()
    ended: SimpleQueue[int] = SimpleQueue()

    def work() -> None:
        while (number := tasks.get()) >= 0:
            calls[number]()
            ended.put(number)

    threads = [threading.Thread(target=work) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    ready = [(0, number) for number, count in enumerate(missing) if count == 0]
    for _ in calls:
        while ready:
            tasks.put(heapq.heappop(ready)[1])
        for number in dependents[ended.get()]:
            missing[number] -= 1
            if missing[number] == 0:
                heapq.heappush(ready, (0, number))
    for _ in threads:
        tasks.put(-1)
    for thread in threads:
        thread.join()
    end = clock()
    return {"build": build - begin, "run": end - build}


def dask_threads(load: Load) -> Figures:
    """dask's scheduler of threads; its tasks take what comes before them as arguments."""
    import dask.threaded

    def noop(*before: Any) -> None:
        pass

    begin = clock()
    graph = {number: (noop, *needs) for number, needs in enumerate(load.needs)}
    build = clock()
    results = dask.threaded.get(graph, list(graph), num_workers=WORKERS)
    end = clock()
    check(len(results), load)
    return {"build": build - begin, "run": end - build}


def joblib_threads(load: Load) -> Figures:
    """joblib's threads, which know of no dependencies."""
    import joblib

    begin = clock()
    parallel = joblib.Parallel(n_jobs=WORKERS, backend="threading")
    results = parallel(joblib.delayed(call)() for call in load.calls)
    end = clock()
    check(len(results), load)
    return {"build": 0.0, "run": end - begin}


def call_number(number: int) -> None:
    """For a pool that is given one function and many arguments."""


def imap(load: Load) -> Figures:
    """multiprocessing.Pool, which knows of no dependencies, in chunks."""
    import multiprocessing

    begin = clock()
    with multiprocessing.Pool(WORKERS) as pool:
        results = pool.imap_unordered(call_number, range(len(load.calls)), chunksize=CHUNK)
        seen = sum(1 for _ in results)
        pool.close()
        pool.join()
    end = clock()
    check(seen, load)
    return {"build": 0.0, "run": end - begin}


ENGINES: dict[str, Callable[[Load], Figures]] = {
    "pexen": pexen_with("ThreadWorkerPool"),
    "pexen-processes": pexen_with("ProcessWorkerPool"),
    "pexen-claim": pexen_with("ThreadWorkerPool", ["lock"]),
    "graphlib": graphlib_with("ThreadPoolExecutor", tell_from_thread),
    "graphlib-processes": graphlib_with("ProcessPoolExecutor", tell_by_callback),
    "floor": floor,
    "dask": dask_threads,
    "joblib": joblib_threads,
    "imap": imap,
}


def peak() -> float:
    """The most memory that was resident since forget_peak(), in bytes (Linux only)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return float(status.partition("VmHWM:")[2].split()[0]) * 1024


def forget_peak() -> None:
    """Let the peak be what is resident now."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def do(argv: list[str]) -> Figures:
    """One run, with `total` for build and run together."""
    global clock
    engine, shape, count, *memory = argv
    load = make(shape, int(count))
    if engine == "graphlib-processes":
        load = importable(load)
    if memory:
        clock = peak
        forget_peak()
    figures = ENGINES[engine](load)
    return figures | {"total": figures["build"] + figures["run"]}


if __name__ == "__main__":
    cell_main(do)
