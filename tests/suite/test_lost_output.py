"""What tasks have printed that don't come back from their worker process."""

from __future__ import annotations

import errno
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pexen import task
from pexen.sched.events import Event, Retried
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.suite import Suite, runfolder
from pexen.suite.workerfile import HALF

METHODS = os.environ.get("PEXEN_START_METHODS", "fork forkserver spawn").split()


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def is_lost() -> None:
    print("about to go")
    os.system("echo by a program")
    end()


@task(timeout=1)
def hangs() -> None:
    print("waiting")
    while True:
        signal.pause()


class Fatal:
    """Can't be pickled, to say the least."""

    def __reduce__(self) -> Any:
        end()


def returns_what_kills() -> Fatal:
    print("done")
    return Fatal()


def is_lost_in_silence() -> None:
    end()


def prints_much() -> None:
    print("a" * HALF + "middle" + "z" * HALF, end="")
    end()


@pytest.fixture(params=METHODS)
def pool(request: pytest.FixtureRequest) -> ProcessWorkerPool:
    return ProcessWorkerPool(2, start_method=request.param)


def outputs(suite: Suite, pool: ProcessWorkerPool) -> dict[Any, tuple[str, str]]:
    return {res.task: (str(res.outcome), res.output) for res in suite.run(pool)}


def test_a_task_that_is_lost_or_out_of_time_has_what_it_printed(pool: ProcessWorkerPool) -> None:
    assert outputs(Suite([is_lost, hangs, returns_what_kills, is_lost_in_silence]), pool) == {
        is_lost: ("lost", "about to go\nby a program\n"),
        hangs: ("timeout", "waiting\n"),
        returns_what_kills: ("lost", "done\n"),
        is_lost_in_silence: ("lost", ""),
    }


def test_it_has_nothing_of_what_ran_before_in_its_worker() -> None:
    tasks = [lambda: print("one"), is_lost_in_silence, lambda: print("two"), is_lost]
    found = outputs(Suite(tasks), ProcessWorkerPool(1))
    assert [found[each][1] for each in tasks] == [
        "one\n", "", "two\n", "about to go\nby a program\n"
    ]  # fmt: skip


def test_one_in_a_thread_that_is_abandoned_has_what_it_printed_until_then() -> None:
    gate, gone = threading.Event(), threading.Event()

    @task(timeout=0.5)
    def waits() -> None:
        print("waiting")
        gate.wait()
        print("never to be seen")
        gone.set()

    (res,) = Suite([waits]).run(ThreadWorkerPool(1))
    gate.set()
    gone.wait()
    assert (res.outcome, res.output) == ("timeout", "waiting\n")


class Poison:
    """Ends a process that loads it after the parent has."""

    def __init__(self, parent: int, loaded: pathlib.Path) -> None:
        self.parent = parent
        self.loaded = loaded

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if os.getpid() == self.parent:
            self.loaded.touch()
        elif self.loaded.exists():
            end()


def test_one_that_was_lost_before_it_could_begin_has_none(tmp_path: pathlib.Path) -> None:
    parent = os.getpid()

    @task(provides=["poison"])
    def prepares(shared: dict[str, Any]) -> None:
        print("of another task")
        shared["poison"] = Poison(parent, tmp_path / "loaded")

    @task(requires=["poison"])
    def dies(shared: dict[str, Any]) -> None:
        print("never")

    found = outputs(Suite([prepares, dies]), ProcessWorkerPool(1))
    assert found == {prepares: ("ok", "of another task\n"), dies: ("lost", "")}


def test_it_has_also_what_was_not_flushed_where_nobody_looks_on() -> None:
    program = """
import os, signal
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.suite import Suite

def task():
    print("not flushed")
    os.kill(os.getpid(), signal.SIGKILL)

(res,) = Suite([task]).run(ProcessWorkerPool(1))
print(res.outcome, repr(res.output))
"""
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", program], env=path, capture_output=True, text=True)
    assert done.stdout == "lost 'not flushed\\n'\n", done.stderr


def test_of_a_long_one_the_middle_is_left_out() -> None:
    ((_, output),) = outputs(Suite([prints_much]), ProcessWorkerPool(1)).values()
    assert output == "a" * HALF + "\n[6 bytes left out]\n" + "z" * HALF


@pytest.mark.parametrize("listens", [True, False])
def test_each_attempt_has_its_own(tmp_path: pathlib.Path, listens: bool) -> None:
    @task(retries=3)
    def tries() -> None:
        number = len(list(tmp_path.iterdir()))
        (tmp_path / str(number)).touch()
        if number == 2:
            raise OSError("this time it lives")
        if number != 3:
            print("attempt", number)
        end()

    heard: list[Event] = []
    suite = Suite([tries], listeners=[heard.append] if listens else [])
    (res,) = suite.run(ProcessWorkerPool(1))
    retried: list[Any] = [event.result for event in heard if isinstance(event, Retried)]
    assert [each.output for each in retried] == ["attempt 0\n", "attempt 1\n", ""][: len(retried)]
    assert len(retried) == 3 * listens and (res.attempts, res.output) == (4, "")


def test_a_result_that_is_opened_twice_is_the_same_each_time() -> None:
    """An attempt's result becomes the task's when the run is stopped before the next attempt."""

    @task(retries=1, retry_delay=1000)
    def tries() -> None:
        print("once")
        raise OSError

    def stop(event: Event) -> None:
        if isinstance(event, Retried):
            suite.stop()

    @task(retries=1, retry_delay=1000)
    def ends() -> None:
        is_lost()

    for doing in (tries, ends):
        suite = Suite([doing], listeners=[stop])
        (res,) = suite.run(ProcessWorkerPool(1))
        assert res.output.startswith(("once\n", "about to go\n"))


def test_a_suite_within_a_task_has_its_own_files() -> None:
    def outer() -> str:
        print("outer begins")
        (res,) = Suite([is_lost]).run(ProcessWorkerPool(1, start_method="fork"))
        print("outer ends", flush=True)
        if res.output == "about to go\nby a program\n":
            end()
        return res.output

    (res,) = Suite([outer]).run(ProcessWorkerPool(1))
    assert (res.outcome, res.output) == ("lost", "outer begins\nouter ends\n")


@pytest.fixture
def scratch(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[pathlib.Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    yield tmp_path


def to_its_end(run: Iterator[Any]) -> None:
    assert len(list(run)) == 2


def left_early(run: Iterator[Any]) -> None:
    next(run)
    run.close()  # type: ignore[attr-defined]  # it is a generator


def thrown_into(run: Iterator[Any]) -> None:
    next(run)
    with pytest.raises(KeyboardInterrupt):
        run.throw(KeyboardInterrupt())  # type: ignore[attr-defined]


@pytest.mark.parametrize("ends", [to_its_end, left_early, thrown_into])
@pytest.mark.parametrize("given", [True, False])
def test_the_folder_is_gone_however_the_run_ends(
    scratch: pathlib.Path, ends: Callable[[Iterator[Any]], None], given: bool
) -> None:
    place = scratch / "own"
    place.mkdir()
    seen: list[int] = []

    def look(event: Event) -> None:
        seen.append(len(list((place if given else scratch).glob("pexen-output-*"))))

    tasks = [lambda: print("one"), is_lost]
    suite = Suite(tasks, listeners=[look], folder=place if given else None)
    ends(suite.run(ProcessWorkerPool(1)))
    assert set(seen[1:]) == {1}
    assert list(place.iterdir()) == [] and list(scratch.iterdir()) == [place]


def test_what_killed_runs_have_left_is_removed_and_what_others_have_is_not(
    scratch: pathlib.Path,
) -> None:
    script = """if True:
        import os, signal
        from pexen.sched.pool import ProcessWorkerPool
        from pexen.suite import Suite
        for _ in Suite([lambda: print("x"), lambda: None]).run(ProcessWorkerPool(1)):
            os.kill(os.getpid(), signal.SIGKILL)
    """
    environ = {**os.environ, "TMPDIR": str(scratch), "PYTHONPATH": os.pathsep.join(sys.path)}
    killed = subprocess.run([sys.executable, "-c", script], env=environ)
    (left,) = scratch.iterdir()
    assert killed.returncode == -signal.SIGKILL and left.name.startswith("pexen-output-")
    (scratch / "pexen-output-is-a-file").touch()
    while left.exists():  # as long as a worker of that run hasn't seen that it is gone
        list(Suite([is_lost]).run(ProcessWorkerPool(1)))
    outer = Suite([is_lost, is_lost]).run(ProcessWorkerPool(1))
    next(outer)
    (mine,) = [each for each in scratch.iterdir() if each.is_dir()]
    list(Suite([is_lost]).run(ProcessWorkerPool(1)))
    assert mine.is_dir()
    list(outer)
    assert [each.name for each in scratch.iterdir()] == ["pexen-output-is-a-file"]


def test_where_there_are_no_locks_a_run_has_a_folder_all_the_same(
    scratch: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(fd: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(runfolder.fcntl, "flock", refuses)
    (res,) = Suite([lambda: print("one")]).run(ProcessWorkerPool(1))
    assert res.output == "one\n" and list(scratch.iterdir()) == []


def test_a_process_that_the_consumer_forks_leaves_the_folder(scratch: pathlib.Path) -> None:
    results = Suite([is_lost_in_silence, is_lost]).run(ProcessWorkerPool(1))
    next(results)
    child = os.fork()
    if child == 0:
        results.close()  # type: ignore[attr-defined]  # it is a generator
        os._exit(0)
    os.waitpid(child, 0)
    assert next(results).output.startswith("about to go")


def test_a_folder_that_can_not_be_made_is_an_error(tmp_path: pathlib.Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(Suite([is_lost], folder=tmp_path / "missing").run(ProcessWorkerPool(1)))
