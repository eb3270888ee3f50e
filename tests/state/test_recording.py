"""What is written of a run is there, whatever becomes of the process."""

from __future__ import annotations

import pathlib
import signal
import subprocess
import sys

import pytest

from pexen.state import Ended, Recording, StateError, Store
from pexen.state.history import broken_off, results, running, runs, seconds

TIME = 1_000_000_000.0


def test_a_run_is_written_down_whole(store: Store) -> None:
    how = Ended(
        "failed", 0.5, 1.25, 2, "process-1", "no disk", "Trace …", "hello\n", "[]", None,
        False, b"\x80", "abc",
    )  # fmt: skip
    recording = Recording.begin(store, ["a", "b"], TIME, {"jobs": 2})
    recording.begins(1, 0.5)
    recording.ended(1, how)
    recording.end(TIME + 9, interrupted=True)
    (run,) = runs(store)
    assert run == (recording.run, TIME, TIME + 9, "interrupted", {"jobs": 2}, {"failed": 1})
    assert [past[1:] for past in results(store, run.number)] == [("b", 0, how)]


def test_what_runs_is_written_as_long_as_it_does(store: Store) -> None:
    recording = Recording.begin(store, ["a", "b", "c"], TIME, {})
    recording.begins(0, 0.5)
    recording.begins(1, 0.75)
    recording.ended(1, Ended("ok"))
    recording.write()
    assert running(store, recording.run) == {("a", 0): 0.5}
    recording.begins(0, 1.5)  # another attempt
    recording.begins(2, 2.0)
    recording.write()
    assert running(store, recording.run) == {("a", 0): 1.5, ("c", 0): 2.0}
    recording.ended(0, Ended("ok"))
    recording.write()
    assert running(store, recording.run) == {("c", 0): 2.0}
    Recording.resume(store, recording.run, ["a", "b", "c"])
    assert running(store, recording.run) == {}


def test_tasks_of_one_name_are_told_apart_by_their_order(store: Store) -> None:
    for outcomes in (("ok", "failed"), ("skipped", "ok")):
        recording = Recording.begin(store, ["a", "a"], TIME, {})
        for number, outcome in enumerate(outcomes):
            recording.ended(number, Ended(outcome))
        recording.end(TIME, interrupted=False)
        found = {past.nth: past.how.outcome for past in results(store, recording.run)}
        assert tuple(found[nth] for nth in (0, 1)) == outcomes
    assert store.read("SELECT count(*) FROM task") == [(2,)]


def test_a_run_that_was_broken_off_can_go_on(store: Store) -> None:
    assert broken_off(store) is None
    recording = Recording.begin(store, ["a", "b"], TIME, {})
    recording.ended(0, Ended("ok"))
    recording.ended(1, Ended("cancelled"))
    recording.write()
    assert broken_off(store) == recording.run
    again = Recording.resume(store, recording.run, ["b", "a"])
    again.ended(0, Ended("ok"))
    again.end(TIME + 5, interrupted=False)
    found = {past.name: past.how.outcome for past in results(store, again.run)}
    assert found == {"a": "ok", "b": "ok"}
    assert broken_off(store) is None and len(runs(store)) == 1
    with pytest.raises(StateError, match="there is no run 7 in"):
        Recording.resume(store, 7, [])


def test_a_run_that_was_stopped_can_go_on_and_counts_what_tasks_take_once(store: Store) -> None:
    run = Recording.begin(store, ["a", "b"], TIME, {})
    run.ended(0, Ended("ok", duration=1.0))
    run.ended(1, Ended("ok", duration=1.0))
    run.end(TIME + 1, interrupted=False)
    assert broken_off(store) is None
    stopped = Recording.begin(store, ["a", "b", "gone"], TIME, {})
    stopped.ended(0, Ended("ok", duration=2.0, shared=b"its dict"))
    stopped.ended(1, Ended("cancelled"))
    stopped.ended(2, Ended("cancelled"))
    stopped.end(TIME + 2, interrupted=False)
    assert (broken_off(store), runs(store)[0].status) == (stopped.run, "stopped")
    assert seconds(store, ["a", "b"]) == [pytest.approx(1.3), 1.0]
    assert results(store, stopped.run)[0].how.shared == b"its dict"
    again = Recording.resume(store, stopped.run, ["a", "b"])
    again.ended(1, Ended("ok", duration=2.0))
    again.end(TIME + 3, interrupted=False)
    assert (broken_off(store), runs(store)[0].status) == (None, "done")
    assert seconds(store, ["a", "b"]) == [pytest.approx(1.3), pytest.approx(1.3)]
    assert results(store, stopped.run)[0].how.shared is None


# Writes down one task after the other, and says so of each on stdout when it is written.
WRITER = """
import pathlib, sys
from pexen.state import Ended, Recording, Store
store = Store(pathlib.Path(sys.argv[1]))
recording = Recording.begin(store, [f"task {n}" for n in range(100_000)], 0.0, {})
for number in range(100_000):
    recording.begins(number, 0.0)
    recording.ended(number, Ended("ok", traceback="x" * (number % 5000)))
    recording.write()
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 2, 7, 50, 333])
def test_what_was_written_outlives_a_kill(folder: pathlib.Path, lines: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        said = lines + len(process.stdout.read().splitlines())
    with Store(folder) as store:
        run = broken_off(store)
        assert run is not None
        ended = {past.name for past in results(store, run)}
        # The one that was being said may be there as well.
        assert len(ended) in (said, said + 1) and not running(store, run)
        assert ended == {f"task {n}" for n in range(len(ended))}


def test_sync_leaves_the_store_as_it_was(store: Store) -> None:
    store.sync()
    assert store.read("PRAGMA synchronous") == [(1,)]
    with Store(store.folder) as other:
        recording = Recording.begin(other, ["a"], TIME, {})
        recording.ended(0, Ended("ok"))
        recording.write()
        store.sync()  # of what another process has written, too
    assert len(results(store, recording.run)) == 1
