"""The collector of garbage is paused while a graph is built, and goes on afterwards."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable, Iterator

import pytest

from pexen import Sched, task
from pexen.sched.common import DepcheckError
from pexen.sched.garbage import uncollected

MANY = 5000  # tasks


@pytest.fixture(autouse=True)
def on() -> Iterator[None]:
    assert gc.isenabled()
    yield
    gc.enable()


def noop() -> Callable[[], None]:
    return lambda: None


def test_a_graph_is_built_without_collecting() -> None:
    tasks = [task(noop(), provides=["a", n], requires=["a"]) for n in range(MANY)]
    needs_all = task(noop(), requires=[*range(MANY)])
    root = task(noop(), provides=["a"])
    seen: list[str] = []

    def note(phase: str, info: dict[str, int]) -> None:
        seen.append(phase)

    gc.collect()
    gc.callbacks.append(note)
    try:
        Sched([root, *tasks, needs_all])
    finally:
        gc.callbacks.remove(note)
    # What was made is looked through once, and the rest of the constructor makes little.
    assert seen.count("start") <= 4
    assert gc.isenabled()


def test_it_goes_on_when_tasks_are_refused() -> None:
    with pytest.raises(DepcheckError):
        Sched([task(noop(), requires=["nobody provides this"]) for _ in range(MANY)])
    assert gc.isenabled()


def test_where_it_is_off_it_stays_off() -> None:
    gc.disable()
    list(Sched([noop() for _ in range(MANY)]).run())
    assert not gc.isenabled()


def test_pauses_may_overlap() -> None:
    inside, leave = threading.Event(), threading.Event()

    def stay() -> None:
        inside.set()
        leave.wait(60)

    def overlap() -> None:
        other.start()
        assert inside.wait(60)

    other = threading.Thread(target=uncollected, args=(MANY, stay))
    uncollected(MANY, overlap)
    leave.set()
    other.join(60)
    assert gc.isenabled()


def test_it_goes_on_while_somebody_keeps_what_ended_the_pause() -> None:
    def fail() -> None:
        assert not gc.isenabled()
        raise KeyError

    with pytest.raises(KeyError):
        uncollected(MANY, fail)
    assert gc.isenabled()


def test_for_a_few_tasks_it_is_not_paused() -> None:
    assert uncollected(10, gc.isenabled)


def test_a_process_forked_meanwhile_collects() -> None:
    def fork() -> int:
        pid = os.fork()
        if not pid:
            os._exit(0 if gc.isenabled() else 1)
        assert not gc.isenabled()
        return pid

    assert os.waitpid(uncollected(MANY, fork), 0)[1] == 0
