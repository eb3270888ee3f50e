"""Send much data from or to a worker process once; prints how many seconds that took.

    python3 tests/bench/transfer_cell.py WAY KIND MEGABYTES

The data are made in the process that sends them, before the time counts. With `pipe` it is a
process that writes to a pipe, and another that reads into memory set aside before.
"""

from __future__ import annotations

import array
import concurrent.futures
import multiprocessing
import os
import time
from collections.abc import Callable
from typing import Any

from measure import Figures, cell_main

CHUNK = 1 << 20  # bytes written at once; more, or less, down to what a pipe holds, isn't faster

MAKE: dict[str, Callable[[int], Any]] = {
    "bytes": lambda size: b"x" * size,
    "bytearray": lambda size: bytearray(b"x") * size,
    "array": lambda size: array.array("d", [1.0]) * (size // 8),
    "argument": lambda size: b"x" * size,
}

data: Any = None


def prepare(kind: str, size: int) -> None:
    """Have the data, in the process that sends them."""
    global data
    data = MAKE[kind](size)


def send() -> Any:
    """The task whose result is large."""
    return data


def pipe(kind: str, size: int) -> Figures:
    """No more than the bytes."""
    readable, writable = os.pipe()
    ready, is_ready = os.pipe()
    awaited, go = os.pipe()
    if os.fork() == 0:
        prepare(kind, size)
        os.write(is_ready, b"r")
        os.read(awaited, 1)
        with memoryview(data).cast("B") as view:
            sent = 0
            while sent < size:
                sent += os.write(writable, view[sent : sent + CHUNK])
        os._exit(0)
    target = memoryview(bytearray(size))
    os.read(ready, 1)
    begin = time.perf_counter()
    os.write(go, b"g")
    got = 0
    while got < size:
        got += os.readv(readable, [target[got:]])
    seconds = time.perf_counter() - begin
    os.wait()
    return {"seconds": seconds}


def result_by_pexen(kind: str, size: int) -> Figures:
    """A task of a run that has begun."""
    import pexen
    from pexen.sched.pool import ProcessWorkerPool

    first = pexen.task(lambda: prepare(kind, size), provides={"data"})
    second = pexen.task(send, requires={"data"})
    run = pexen.Sched([first, second]).run(ProcessWorkerPool())
    assert next(run).outcome.succeeded
    begin = time.perf_counter()
    got = next(run).ret
    seconds = time.perf_counter() - begin
    assert list(run) == [] and type(got) is type(MAKE[kind](8))
    assert memoryview(got).nbytes == size
    return {"seconds": seconds}


def argument_by_pexen(kind: str, size: int) -> Figures:
    """In the shared dict of a task, which takes it out, so that it isn't sent back."""
    import pexen
    from pexen.sched.pool import ProcessWorkerPool

    def take(shared: dict[str, Any]) -> int:
        return len(shared.pop("data"))

    prepare(kind, size)
    first = pexen.task(lambda: None, provides={"begun"})
    second = pexen.task(take, requires={"begun"})
    sched = pexen.Sched([first, second])
    run = sched.run(ProcessWorkerPool())
    assert next(run).outcome.succeeded
    sched.add_shared(data=data)
    begin = time.perf_counter()
    got = next(run).ret
    seconds = time.perf_counter() - begin
    assert list(run) == [] and got == size
    return {"seconds": seconds}


def by_pexen(kind: str, size: int) -> Figures:
    """Either way."""
    return (argument_by_pexen if kind == "argument" else result_by_pexen)(kind, size)


def executor(kind: str, size: int) -> Figures:
    """The result of a future."""
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        pool.submit(prepare, kind, size).result()
        begin = time.perf_counter()
        got = pool.submit(send).result()
        seconds = time.perf_counter() - begin
    assert memoryview(got).nbytes == size
    return {"seconds": seconds}


def multiprocessing_pool(kind: str, size: int) -> Figures:
    """The result of apply()."""
    with multiprocessing.Pool(1) as pool:
        pool.apply(prepare, (kind, size))
        begin = time.perf_counter()
        got = pool.apply(send)
        seconds = time.perf_counter() - begin
    assert memoryview(got).nbytes == size
    return {"seconds": seconds}


WAYS: dict[str, Callable[[str, int], Figures]] = {
    "pipe": pipe,
    "pexen": by_pexen,
    "executor": executor,
    "pool": multiprocessing_pool,
}


def do(argv: list[str]) -> Figures:
    """Send."""
    way, kind, megabytes = argv
    return WAYS[way](kind, int(megabytes) * 1_000_000)


if __name__ == "__main__":
    cell_main(do)
