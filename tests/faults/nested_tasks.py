"""Tasks that run others inside themselves, in every way there is; any worker can import them."""

from __future__ import annotations

import functools
import multiprocessing
import multiprocessing.pool
import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import busy_tasks
from fault_programs import make

from pexen import Sched, task

# What each level but the outermost is run in.
WAYS = {
    "processes in processes": ["processes", "processes"],
    "processes in threads": ["threads", "processes"],
    "processes in a Process": ["process", "processes"],
    "a Process in a ThreadPool": ["thread_pool", "process"],
}


def die() -> None:
    """End the worker."""
    os.kill(os.getpid(), signal.SIGKILL)


def nest(*, ways: list[str], method: str, mark: str | None) -> int:
    """Run itself in the first way, with those that are left; returns how deep that went.

    With a mark, the innermost leaves it and then keeps busy without end.
    """
    if ways:
        run: Callable[..., int] = globals()[f"in_{ways[0]}"]
        return 1 + run(ways=ways[1:], method=method, mark=mark)
    if mark is not None:
        busy_tasks.loop(mark=mark)
    return 1


def in_threads(**arguments: Any) -> int:
    """Run the rest as a task in a thread."""
    return _in_run("threads", arguments)


def in_processes(**arguments: Any) -> int:
    """Run the rest as a task in a worker process."""
    return _in_run(arguments["method"], arguments)


def _in_run(kind: str, arguments: dict[str, Any]) -> int:
    body = task(functools.partial(nest), kwargs=arguments)
    (res,) = Sched([body]).run(make(kind))
    if res.excinfo is not None:
        raise RuntimeError(res.excinfo.text)
    depth: int = res.ret
    return depth


def in_thread_pool(**arguments: Any) -> int:
    """Run the rest in a thread of another library."""
    with multiprocessing.pool.ThreadPool(1) as pool:
        return pool.apply(nest, kwds=arguments)


def in_process(**arguments: Any) -> int:
    """Run the rest in a process of another library."""
    reader, writer = multiprocessing.Pipe(duplex=False)
    context: Any = multiprocessing.get_context(arguments["method"])
    process = context.Process(target=_nest_and_send, args=(writer, arguments))
    process.start()
    writer.close()
    depth: int = reader.recv()
    reader.close()
    process.join()
    process.close()
    return depth


def _nest_and_send(writer: Connection[int, int], arguments: dict[str, Any]) -> None:
    writer.send(nest(**arguments))
