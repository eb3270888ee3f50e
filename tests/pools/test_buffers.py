"""Large data on its way between processes: what arrives is what was sent, and nobody else's."""

from __future__ import annotations

import array
import contextlib
import functools
import io
import os
import pickle
import random
import signal
import struct
import threading
from typing import Any

import pool_tasks as tasks
import pytest
from pool_support import submissions
from test_contract import finish, started

from pexen.sched import Outcome
from pexen.sched.pool import channel, report
from pexen.sched.pool.buffers import LARGE, Collector, copies

SIZE = 3 * LARGE + 5


class Grid:
    """Pickles as arrays of other libraries do: its data as a buffer of its own."""

    def __init__(self, data: Any, columns: int) -> None:
        self.data = memoryview(data)
        self.columns = columns

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Grid, (pickle.PickleBuffer(self.data), self.columns)

    def __eq__(self, other: object) -> bool:
        assert isinstance(other, Grid)
        return (self.data.tobytes(), self.columns) == (other.data.tobytes(), other.columns)


def frame_like() -> bytes:
    """Looks like a part of a pickle."""
    return pickle.FRAME + struct.pack("<Q", SIZE - 9) + b"x" * (SIZE - 9)


MADE: dict[str, Any] = {
    "bytes": lambda: os.urandom(SIZE),
    "bytes, as short as that": lambda: b"x" * LARGE,
    "bytes, a little shorter": lambda: b"x" * (LARGE - 1),
    "bytes like a frame": frame_like,
    "bytearray": lambda: bytearray(b"x" * SIZE),
    "array": lambda: array.array("d", range(SIZE)),
    "empty array": lambda: array.array("i"),
    "text": lambda: "é" * SIZE,
    "readonly grid": lambda: Grid(b"x" * SIZE, 3),
    "part of a grid": lambda: Grid(memoryview(b"ab" * SIZE)[1 : SIZE + 1], 3),
    "grid": lambda: Grid(bytearray(SIZE), 3),
    "grid of numbers": lambda: Grid(array.array("d", range(SIZE)), 3),
    "several": lambda: [b"a" * SIZE, {"b": bytearray(SIZE)}, (array.array("h", range(SIZE // 9)),)],
    "many small": lambda: [str(n) for n in range(SIZE)],
    "number": lambda: 1 << (8 * SIZE),
}


def make_result(shared: dict[str, Any], *, name: str) -> Any:
    shared["also"] = MADE[name]()
    return shared["also"] if name.startswith("bytes") else MADE[name]()


@pytest.mark.parametrize("name", MADE)
def test_large_data_arrives_as_it_was(start_method: str, name: str) -> None:
    body = functools.partial(make_result, name=name)
    pool = started(start_method, body, tasks.noop)
    pool.submit(body)
    pool.submit(tasks.noop)
    res, small = finish(pool)
    assert res.outcome is Outcome.OK, res.excinfo and res.excinfo.text
    assert small.outcome is Outcome.OK
    if name != "bytes":  # which are random
        assert res.ret == res.shared["also"] == MADE[name]()
    assert type(res.ret) is type(MADE[name]())


def send_back(shared: dict[str, Any]) -> Any:
    return shared.pop("data")


@pytest.mark.parametrize("name", MADE)
def test_large_data_arrives_in_both_directions(start_method: str, name: str) -> None:
    data = MADE[name]()
    pool = started(start_method, send_back)
    pool.submit_all(submissions([(send_back, {"data": data, "n": n}) for n in range(3)]))
    results = finish(pool)
    assert [res.outcome for res in results] == [Outcome.OK] * 3
    assert all(res.ret == data and type(res.ret) is type(data) for res in results)
    assert [res.shared for res in results] == [{"n": 0}, {"n": 1}, {"n": 2}]


def the_same_twice(shared: dict[str, Any]) -> Any:
    shared["data"] = bytearray(b"x" * SIZE)
    return [shared["data"], shared["data"]]


def test_what_is_one_object_stays_one_and_may_be_changed(start_method: str) -> None:
    pool = started(start_method, the_same_twice)
    pool.submit(the_same_twice)
    (res,) = finish(pool)
    first, second = res.ret
    assert first is second is res.shared["data"]
    first += b"more"
    first[0] = 0
    assert len(second) == SIZE + 4


def test_what_was_submitted_may_be_changed_at_once(start_method: str) -> None:
    data = bytearray(b"a" * 10 * SIZE)
    grid = Grid(memoryview(data).toreadonly(), 1)
    pool = started(start_method, send_back, workers=2)
    pool.submit_all(submissions([(send_back, {"data": data}), (send_back, {"data": grid})]))
    data[:] = b"b" * len(data)
    returned = {type(res.ret): res.ret for res in finish(pool)}
    assert returned[bytearray] == bytes(returned[Grid].data) == b"a" * 10 * SIZE


def return_view() -> Any:
    return memoryview(b"x" * SIZE)


def fail_with_large_arguments() -> None:
    raise ValueError("large", b"x" * SIZE, bytearray(b"y" * SIZE))


def test_a_view_cannot_travel_and_fails_its_task(start_method: str) -> None:
    pool = started(start_method, return_view)
    pool.submit(return_view)
    (res,) = finish(pool)
    assert res.outcome is Outcome.FAILED and "memoryview" in str(res.excinfo.val)


def test_an_exception_may_have_large_arguments(start_method: str) -> None:
    pool = started(start_method, fail_with_large_arguments)
    pool.submit(fail_with_large_arguments)
    (res,) = finish(pool)
    assert res.excinfo.val.args == ("large", b"x" * SIZE, bytearray(b"y" * SIZE))


class BreaksWhenLoaded:
    def __init__(self) -> None:
        self.data = b"x" * SIZE

    def __reduce__(self) -> Any:
        return _break, (self.data,)


def _break(data: bytes) -> None:
    raise OSError(f"{len(data)} bytes are too many")


def return_what_breaks() -> Any:
    return BreaksWhenLoaded()


def test_what_cannot_be_loaded_is_found_out_where_it_was_made(start_method: str) -> None:
    pool = started(start_method, return_what_breaks, tasks.noop)
    pool.submit_all(submissions([(return_what_breaks, {}), (tasks.noop, {})]))
    failed, fine = finish(pool)
    assert "bytes are too many" in failed.excinfo.text and fine.outcome is Outcome.OK


def return_much() -> bytes:
    return b"x" * (1 << 24)


def test_a_worker_that_dies_amid_a_large_buffer_loses_its_task_only(start_method: str) -> None:
    pool = started(start_method, tasks.whoami, return_much)
    pool.submit(tasks.whoami)
    (first,) = pool.results()
    pool.submit_all(submissions([(return_much, {}), (tasks.whoami, {})]))
    (worker,) = pool._crew.workers.values()  # type: ignore[attr-defined]
    while not worker.inbox.partial:
        with contextlib.suppress(BlockingIOError):
            worker.inbox._cutter.read(worker.ends.results)
    os.kill(first.ret[0], signal.SIGKILL)
    lost, other = finish(pool)
    assert lost.task is return_much and lost.outcome is Outcome.LOST
    assert other.outcome is Outcome.OK and other.ret[0] != first.ret[0]


@pytest.mark.parametrize("name", ["bytes", "bytearray"])
def test_a_buffer_for_which_the_parent_lacks_memory_fails_its_task(
    start_method: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = functools.partial(make_result, name=name)
    pool = started(start_method, body, tasks.noop)
    monkeypatch.setattr("pexen.sched.pool.buffers.io", Lacks())
    monkeypatch.setattr("pexen.sched.pool.buffers.bytearray", LacksMemory, raising=False)
    pool.submit_all(submissions([(body, {}), (tasks.noop, {})]))
    failed, fine = finish(pool)
    assert failed.outcome is Outcome.FAILED and failed.excinfo.type is MemoryError
    assert fine.outcome is Outcome.OK


class Lacks:
    """In place of `io`, where there is no memory."""

    @staticmethod
    def BytesIO(initial: bytes = b"") -> io.BytesIO:
        if initial:
            raise MemoryError
        return io.BytesIO()


class LacksMemory(bytearray):
    """An array that can't become larger."""

    def __iadd__(self, other: object) -> Any:
        raise MemoryError


# -- the pipe -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(20))
def test_messages_arrive_however_a_pipe_cuts_them(seed: int) -> None:
    rng = random.Random(seed)
    sent: list[Any] = []
    sizes = [0, 1, 7, 24, 300, LARGE - 1, LARGE, LARGE + 1, 5 * LARGE]
    for _ in range(rng.randrange(1, 60)):
        buffers = [rng.randbytes(rng.choice(sizes)) for _ in range(rng.choice([0, 0, 0, 1, 3]))]
        sent.append((rng.randbytes(rng.choice(sizes[:5] * 4 + sizes)), buffers))
    messages = cut_at_random(sent, rng)
    assert [(payload, list(buffers)) for payload, buffers in messages] == sent


def cut_at_random(sent: list[Any], rng: random.Random) -> list[channel.Message]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    again, through = os.pipe()

    def write() -> None:
        for payload, buffers in sent:
            channel.write_message(through, payload, [memoryview(each) for each in buffers])
        os.close(through)

    def pass_on() -> None:
        while piece := os.read(again, rng.randrange(1, 2 * LARGE)):
            view = memoryview(piece)
            while view:
                view = view[os.write(writer, view[: rng.randrange(1, 2 * LARGE)]) :]
        os.close(writer)

    threads = [threading.Thread(target=write), threading.Thread(target=pass_on)]
    for thread in threads:
        thread.start()
    inbox = channel.Inbox(reader)
    messages: list[channel.Message] = []
    while not inbox.closed:
        messages += inbox.fetch()
    for thread in threads:
        thread.join()
    assert not inbox.partial
    os.close(reader)
    os.close(again)
    return messages


@pytest.mark.parametrize("name", MADE)
def test_a_pickle_without_its_large_contents_is_small(name: str) -> None:
    data = MADE[name]()
    collector = Collector()
    pickle.Pickler(collector, 5).dump(data)
    loaded = pickle.loads(collector.content, buffers=copies(collector.buffers))
    if type(data) in (bytes, bytearray):
        assert bytes(loaded) == data
    apart = name in ("bytes", "bytes, as short as that", "bytearray", "readonly grid", "grid")
    assert not apart or len(collector.content) < 200


@pytest.mark.parametrize("value", [len, int, signal.SIGTERM, ValueError(), object(), {1: print}])
def test_what_has_to_be_imported_to_be_loaded_is_noticed(value: Any) -> None:
    pickler = report._ApartPickler(io.BytesIO(), 5)
    pickler.dump([value])
    assert pickler.imports


@pytest.mark.parametrize("name", [name for name in MADE if "grid" not in name])
def test_builtins_and_arrays_are_not_loaded_on_trial(name: str) -> None:
    pickler = report._ApartPickler(io.BytesIO(), 5)
    pickler.dump(MADE[name]())
    assert not pickler.imports
