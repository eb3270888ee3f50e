"""Do one thing that pexen 0.0.3 gets wrong, and print what came of it as JSON.

Existing code, as it were: it uses nothing but the interface of 0.0.3. The arguments are
the name of a function below, the kind of pool if it takes one, and numbers.
"""

from __future__ import annotations

import copy
import functools
import json
import os
import pickle
import random
import signal
import sys
import time
import warnings
from collections.abc import Callable
from typing import Any, NoReturn

from pexen.sched import DepcheckError, Sched, TaskFailError, TaskRes, meta
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

POOLS: dict[str, Any] = {"threads": ThreadWorkerPool, "processes": ProcessWorkerPool}


def make(name: str, body: Callable[[], Any] | None = None, **fields: Any) -> Callable[..., Any]:
    """A task of that name."""

    def task() -> Any:
        return None if body is None else body()

    task.__name__ = name
    meta.assign_val(task, **fields)
    return task


def summary(res: TaskRes) -> list[Any]:
    """A result as JSON: the task's name, what it returned, the type of what it raised."""
    error = None
    if res.excinfo is not None and res.excinfo.type is not None:
        error = res.excinfo.type.__name__
    return [getattr(res.task, "__name__", "unnamed"), res.ret, error]


def run(tasks: list[Callable[..., Any]], pool: Any = None) -> list[list[Any]]:
    return [summary(res) for res in Sched(tasks).run(pool)]


def run_beside(task: Callable[..., Any], pool: str) -> list[list[Any]]:
    """Run the task and another one, with a worker each; the results sorted by name.

    (If its only worker ends while 0.0.3 is still submitting, it raises instead of hanging.)
    """
    return sorted(run([task, make("other", lambda: 3)], POOLS[pool](workers=2)))


def give_up(answer: Any) -> NoReturn:
    """Print the answer and exit at once, where 0.0.3 would wait for its workers for ever."""
    print(json.dumps(answer), flush=True)
    os._exit(0)


# -- never ending -----------------------------------------------------------------------------


def sys_exit_in_a_task(pool: str) -> Any:
    return run_beside(make("exits", sys.exit), pool)


def interrupt_raised_in_a_task(pool: str) -> Any:
    def interrupts() -> None:
        raise KeyboardInterrupt

    return run_beside(make("interrupts", interrupts), pool)


def worker_that_exits() -> Any:
    return run_beside(make("exits", lambda: os._exit(3)), "processes")


def worker_that_is_killed() -> Any:
    return run_beside(make("dies", lambda: os.kill(os.getpid(), signal.SIGKILL)), "processes")


def leaving_the_loop_early(pool: str) -> Any:
    tasks = [make("first", priority=-1), make("second"), make("third")]
    for res in Sched(tasks).run(POOLS[pool]()):
        return summary(res)


def error_in_the_loop(pool: str) -> Any:
    try:
        for res in Sched([make("first", priority=-1), make("second")]).run(POOLS[pool]()):
            raise ValueError(res.task.__name__)
    except ValueError as exc:
        return str(exc)


def large_results() -> Any:
    large = make("large", lambda: "x" * (1 << 21))
    pool = ProcessWorkerPool()
    pool.register([large])
    pool.start()
    pool.submit(large)
    pool.submit(large)
    pool.shutdown(wait=True)
    return [len(res.ret) for res in pool.iter_results()]


def exception_of_a_local_class() -> Any:
    class Local(ValueError):
        pass

    def fails() -> None:
        raise Local("x")

    return run([make("fails", fails)], ProcessWorkerPool())


# -- lost, misreported or refused -----------------------------------------------------------------


class NeedsTwo(Exception):
    """Can be pickled and not be unpickled."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)


def exception_that_cannot_be_unpickled() -> Any:
    def fails() -> None:
        raise NeedsTwo("a", "b")

    try:
        return run([make("fails", fails)], ProcessWorkerPool())
    except TypeError as exc:
        give_up(f"TypeError: {exc}")


def cycle() -> Any:
    tasks = [make("a", requires=["b"], provides=["a"]), make("b", requires=["a"], provides=["b"])]
    try:
        return run(tasks)
    except DepcheckError as exc:
        return str(exc)


def second_run() -> Any:
    sched = Sched([make("a", provides=["one"]), make("b", requires=["one"], provides=["two"])])
    sched.add_tasks([make("c", requires=["two"])])
    return [[res.task.__name__ for res in sched.run()] for _ in range(2)]


def two_providers() -> Any:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tasks = [make("a", provides=["one"]), make("b", provides=["one"])]
        ran = run([*tasks, make("c", requires=["one"])])
    return [sorted(name for name, _, _ in ran), sorted({str(w.message)[:24] for w in caught})]


def equal_priorities() -> Any:
    tasks = [make(f"task{number}") for number in range(40)]
    random.Random(1).shuffle(tasks)  # so that they don't lie in memory as they are added
    added = [task.__name__ for task in tasks]
    return added == [name for name, _, _ in run(tasks)]


class Suite:
    """Has tasks of other kinds than functions."""

    def method(self, shared: dict[str, Any]) -> str:
        return "method"

    def __call__(self, shared: dict[str, Any]) -> str:
        return "object"


def callables_that_are_no_functions() -> Any:
    def add(shared: dict[str, Any], number: int) -> int:
        return number + 1

    kinds: dict[str, Callable[..., Any]] = {
        "partial": functools.partial(add, number=2),
        "method": Suite().method,
        "object": Suite(),
        "builtin": len,
    }
    answers: dict[str, Any] = {}
    failed = False
    for kind, task in kinds.items():
        try:
            answers[kind] = [summary(res)[1:] for res in Sched([task]).run()]
        except Exception as exc:
            answers[kind], failed = type(exc).__name__, True
    if failed:
        give_up(answers)
    return answers


def metadata_of_callables_that_are_no_functions() -> Any:
    answers = {}
    for kind, task in ("builtin", len), ("method", Suite().method):
        try:
            answers[kind] = meta.get_priority(meta.func_meta(priority=3)(task))
        except AttributeError as exc:
            answers[kind] = type(exc).__name__
    return answers


def copied_metadata() -> Any:
    original = meta.SchedMeta(requires=["a"], priority=3, kwargs={"key": 1})
    ways: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy]
    ways.append(lambda data: pickle.loads(pickle.dumps(data)))
    answers: list[Any] = []
    for way in ways:
        try:
            other = way(original)
            answers.append([list(other.requires), other.priority, other.kwargs])
        except Exception as exc:
            answers.append(type(exc).__name__)
    return answers


def deps_of_a_controlled_failure() -> Any:
    """For versions after the wheel."""

    def fails() -> None:
        raise TaskFailError("x", deps_ok=False)

    tasks = [make("a", fails, claims=["lock"], provides=["one"], priority=-1)]
    tasks += [make("b", claims=["lock"]), make("c", uses=["lock"], priority=1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return run([*tasks, make("d", requires=["one"])])


def queueing_with_locks() -> Any:
    """A task that only queues holds up a better one that wants its lock."""
    tasks = [make("first", provides=["one"], priority=-3), make("later", uses=["l"], priority=6)]
    tasks.append(make("sooner", requires=["one"], claims=["l"], priority=-6))
    return [name for name, _, _ in run(tasks, ThreadWorkerPool(workers=1, spare=0))]


# -- slow --------------------------------------------------------------------------------------


def growth_of_cost(times: str, few: str, many: str) -> Any:
    """How much more processor time of the scheduler a task costs among many than among few.

    All tasks have one claim. Several answers, each of measurements close to each other.
    """
    return [_cost(int(many)) / _cost(int(few)) for _ in range(int(times))]


def _cost(number: int) -> float:
    """Processor seconds a task."""
    tasks = [make("task", claims=["lock"]) for _ in range(number)]
    begin = time.thread_time()
    for _ in Sched(tasks).run():
        pass
    return (time.thread_time() - begin) / number


def main(name: str, *args: str) -> None:
    print(json.dumps("begun"), flush=True)
    print(json.dumps(globals()[name](*args)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
