"""However a run is left, nothing of it stays, and nothing hangs."""

from __future__ import annotations

import contextlib
import functools
import gc
import os
import signal
import subprocess
import sys
import threading
import time
from typing import Any

import pool_tasks as tasks
import pytest
from pool_support import children, make

from pexen import PexenWarning, Sched, task
from pexen.sched import Outcome

pytestmark = pytest.mark.abandons  # a thread that waits for the gate ends when it opens


def blocked_run(kind: str, event: Any) -> tuple[Sched, Any, Any]:
    """A run that is past its first results, with a worker in a task that waits for the gate."""
    waits = task(functools.partial(tasks.wait_for), kwargs={"event": event})
    sched = Sched([waits, *(functools.partial(tasks.noop) for _ in range(5))])
    results = sched.run(make(kind, workers=2))
    for _ in range(5):  # all but the one that waits
        next(results)
    assert event.began()
    return sched, results, waits


def test_breaking_out_of_the_loop_ends_what_runs(kind: str, event: Any) -> None:
    sched, results, waits = blocked_run(kind, event)
    results.close()
    event.set()
    assert sched.outcomes[waits] is Outcome.LOST and len(sched.outcomes) == 6


def test_losing_the_iterator_ends_what_runs(kind: str, event: Any) -> None:
    sched, results, waits = blocked_run(kind, event)
    del results
    gc.collect()
    event.set()
    assert sched.outcomes[waits] is Outcome.LOST


def test_an_exception_in_the_loop_ends_what_runs(kind: str, event: Any) -> None:
    sched, results, waits = blocked_run(kind, event)
    with pytest.raises(ZeroDivisionError):
        results.throw(ZeroDivisionError)
    event.set()
    assert sched.outcomes[waits] is Outcome.LOST


def test_aborting_yields_what_ran_as_lost(kind: str, event: Any) -> None:
    sched, results, waits = blocked_run(kind, event)
    aborter = threading.Thread(target=sched.abort)
    aborter.start()
    outcomes = {id(res.task): res.outcome for res in results}
    aborter.join()
    event.set()
    assert outcomes[id(waits)] is Outcome.LOST


def test_an_iterator_closed_by_another_thread_only_kills(kind: str, event: Any) -> None:
    sched, results, waits = blocked_run(kind, event)
    closer = threading.Thread(target=results.close)
    closer.start()
    closer.join(30)
    assert not closer.is_alive()
    event.set()
    assert sched.outcomes[waits] is Outcome.LOST


def test_an_iterator_closed_by_another_thread_at_the_last_result_only_kills(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits there for what a worker's last task may have left."""
    pool = make(kind)
    monkeypatch.setattr(pool, "shutdown", lambda wait=False: pytest.fail("waited for the end"))
    sched = Sched([tasks.noop])
    results = sched.run(pool)
    assert next(results).outcome is Outcome.OK
    failed: list[BaseException] = []

    def close() -> None:
        try:
            results.close()
        except BaseException as exc:
            failed.append(exc)

    closer = threading.Thread(target=close)
    closer.start()
    closer.join(30)
    assert not failed and not pool.alive() and sched.outcomes[tasks.noop] is Outcome.OK


def test_the_teardown_of_what_began_runs_when_the_loop_is_left(kind: str, event: Any) -> None:
    waits = task(
        functools.partial(tasks.wait_for), kwargs={"event": event}, provides=["up"], priority=1
    )
    teardown = task(functools.partial(tasks.whoami), after=["up"], teardown=True)
    first = functools.partial(tasks.noop)
    sched = Sched([first, waits, teardown])
    results = sched.run(make(kind, workers=2))
    next(results)
    assert event.began()
    results.close()
    event.set()
    assert sched.outcomes[waits] is Outcome.LOST and sched.outcomes[teardown] is Outcome.OK


def test_tasks_of_a_nested_run_are_run(kind: str) -> None:
    pool = make(kind, workers=2)
    results = list(Sched([nested, functools.partial(nested)]).run(pool))
    assert [res.ret for res in results] == [3, 3]


def nested() -> int:
    return sum(1 for _ in Sched([functools.partial(tasks.noop) for _ in range(3)]).run())


def test_runs_in_two_threads_do_not_meet(kind: str) -> None:
    counts = []

    def run() -> None:
        sched = Sched([functools.partial(tasks.echo) for _ in range(50)])
        counts.append(sum(1 for _ in sched.run(make(kind, workers=2))))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert counts == [50, 50]


SCRIPT = """
import os, sys, time
import pool_tasks as tasks
from pool_support import children, make
from pexen import Sched, task

def waits():
    print("at work", flush=True)
    time.sleep(60)

def main():
    sched = Sched([task(waits, provides=["up"]), task(tasks.whoami, after=["up"], teardown=True)])
    results = sched.run(make(sys.argv[1]))
    {body}

if __name__ == "__main__":
    main()
"""


def script(body: str, kind: str, tmp_path: Any) -> subprocess.Popen[str]:
    path = tmp_path / "script.py"
    path.write_text(SCRIPT.replace("{body}", body))
    here = os.path.dirname(__file__)
    tests = os.path.dirname(here)
    top = os.path.dirname(tests)
    return subprocess.Popen(
        [sys.executable, "-X", "faulthandler", "-W", "error", str(path), kind],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([here, tests, top])},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end_of(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What it printed; should it hang, where it does."""
    try:
        return process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        ended = process.poll()
        process.send_signal(signal.SIGABRT)
        held = subprocess.run(["ps", "-eo", "pid,ppid,pgid,stat,cmd"], capture_output=True, text=True)
        for number in (process.pid, *children()):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(number, signal.SIGKILL)
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"it hangs (ended before: {ended})\n{out}\n{err}\n{held.stdout}")


def group_is_empty(pid: int) -> bool:
    """Whether it is so within the 2 s that multiprocessing's own helpers may take to notice."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        try:
            os.killpg(pid, 0)
        except ProcessLookupError:
            return True
        os.sched_yield()
    return False


def test_an_interrupt_ends_the_run_in_order_and_is_raised_once(kind: str, tmp_path: Any) -> None:
    body = """
    try:
        for res in results:
            print(res.outcome, flush=True)
    except KeyboardInterrupt:
        print("interrupted", {o.value for o in sched.outcomes.values()}, flush=True)
"""
    process = script(body, kind, tmp_path)
    assert process.stdout is not None
    assert process.stdout.readline() == "at work\n"
    os.killpg(process.pid, signal.SIGINT)
    out, err = end_of(process)
    lines = out.splitlines()
    assert lines[:2] == ["lost", "ok"] and lines[2].startswith("interrupted"), (out, err)
    assert "Traceback" not in err and process.returncode == 0
    assert group_is_empty(process.pid)


def test_an_iterator_alive_at_the_interpreters_exit_holds_nothing_up(
    kind: str, tmp_path: Any
) -> None:
    body = """
    global kept
    kept = results
    import threading
    threading.Thread(target=lambda: next(results, None), daemon=True).start()
    while not sched.snapshot().running:
        time.sleep(0.01)
"""
    process = script(body, kind, tmp_path)
    out, err = end_of(process)
    assert "Traceback" not in err
    assert group_is_empty(process.pid)


def test_the_warnings_at_the_end_are_raised_as_errors_when_asked_for(kind: str) -> None:
    sched = Sched([task(functools.partial(tasks.fail), claims=["x"])])
    with pytest.raises(PexenWarning, match="1 locks still held"):
        list(sched.run(make(kind)))
    assert len(sched.outcomes) == 1
