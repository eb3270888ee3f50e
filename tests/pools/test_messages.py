"""Messages of worker processes that are alike, as most are: written and read many at once."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Iterator
from typing import Any

import pool_tasks as tasks
import pytest
from test_contract import begun, finish, started

from pexen.sched.call import run_task
from pexen.sched.common import ExceptionInfo, Outcome, TaskRes
from pexen.sched.pool import channel, travel
from pexen.sched.pool.report import (
    READY,
    decode_report,
    decode_result,
    encode_returned,
    encode_result,
    plain_ends,
)
from pexen.sched.pool.results import Arrivals, plain_result


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    os.set_blocking(writer, False)
    yield reader, writer
    os.close(reader)
    os.close(writer)


def result(**fields: Any) -> TaskRes:
    """What a task that does nothing ends with, but for some fields or attributes."""
    res = run_task(tasks.noop, {}, {}, iter([3.0, 5.0]).__next__)
    for name, value in fields.items():
        res = res._replace(**{name: value}) if name in res._fields else res
        if name not in res._fields:
            setattr(res, name, value)
    return res


def framed(payload: bytes) -> bytes:
    return len(payload).to_bytes(8, "little") + payload


def sent(seq: int, **fields: Any) -> bytes:
    """A result as it goes through the pipe."""
    return framed(encode_result(seq, result(**fields))[0])


# -- results ------------------------------------------------------------------------------------


def test_results_without_anything_are_read_at_once_as_one_by_one() -> None:
    ends = plain_ends(b"".join(sent(seq) for seq in (5, 6, 9)))
    assert ends is not None and [end[0] for end in ends] == [5, 6, 9]
    for seq, started, duration, moment in ends:
        message = sent(seq)[8:]
        apart = decode_result(decode_report(message), message, tasks.noop, "worker")
        together = plain_result(tasks.noop, started, duration, "worker")
        assert together == apart and vars(together) == vars(apart)
        assert decode_report(message).sent >= moment > 0


@pytest.mark.parametrize(
    "other",
    [
        sent(2, ret=1),
        sent(2, shared={"a": 1}),
        sent(2, extra="x"),
        sent(2, excinfo=ExceptionInfo.of(ValueError()), outcome=Outcome.FAILED),
        sent(2, outcome=Outcome.SKIPPED),
        sent(2, deps_ok=False, ret=1),
        sent(2, locks_ok=False, ret=1),
        framed(encode_returned(2)),
        sent(2)[:-1],
        b"x",
        framed(b"x" * (len(sent(2)) - 8)),
        framed(b""),
    ],
)
def test_anything_else_between_them_is_not_read_so(other: bytes) -> None:
    assert plain_ends(sent(1) + other + sent(3)) is None
    assert plain_ends(sent(1) + other) is None
    assert plain_ends(sent(1) + sent(3)) is not None


@pytest.mark.parametrize("place", [*range(8), 16, 17, 18])
def test_each_byte_that_has_to_be_the_same_counts(place: int) -> None:
    data = bytearray(sent(1) + sent(2) + sent(3))
    data[len(sent(1)) + place] ^= 4
    assert plain_ends(bytes(data)) is None


def test_that_a_worker_is_ready_is_no_result() -> None:
    assert plain_ends(framed(encode_result(READY, result())[0])) is None


# -- the pipe -----------------------------------------------------------------------------------


def all_of(data: bytes) -> list[bytes]:
    return [data]


def none_of(data: bytes) -> None:
    return None


def test_what_can_be_read_as_a_whole_is(pipe: tuple[int, int]) -> None:
    inbox = channel.Inbox(pipe[0])
    assert inbox.fetch_as(all_of) == []
    os.write(pipe[1], framed(b"one") + framed(b"two"))
    assert inbox.fetch_as(all_of) == [framed(b"one") + framed(b"two")]
    assert inbox.fetch() == [] and not inbox.closed


def test_what_can_not_comes_as_messages(pipe: tuple[int, int]) -> None:
    inbox = channel.Inbox(pipe[0])
    os.write(pipe[1], framed(b"one") + framed(b"two")[:5])
    assert inbox.fetch_as(none_of) == []
    assert [payload for payload, _ in inbox.fetch()] == [b"one"]
    assert inbox.partial
    os.write(pipe[1], framed(b"two")[5:] + framed(b"three"))
    assert inbox.fetch_as(all_of) == [], "it begins in the midst of a message"
    assert [payload for payload, _ in inbox.fetch()] == [b"two", b"three"]
    os.write(pipe[1], framed(b"four"))
    assert inbox.fetch_as(all_of) == [framed(b"four")]


def test_messages_that_wait_to_be_fetched_come_first(pipe: tuple[int, int]) -> None:
    inbox = channel.Inbox(pipe[0])
    os.write(pipe[1], framed(b"one"))
    assert inbox.fetch_as(none_of) == []
    os.write(pipe[1], framed(b"two"))
    assert inbox.fetch_as(all_of) == []
    assert [payload for payload, _ in inbox.fetch()] == [b"one"], "the rest is left to the selector"
    assert [payload for payload, _ in inbox.fetch()] == [b"two"]


def test_the_end_is_noticed_either_way() -> None:
    reader, writer = os.pipe()
    inbox = channel.Inbox(reader)
    os.close(writer)
    assert inbox.fetch_as(all_of) == [] and inbox.closed
    assert inbox.fetch_as(all_of) == inbox.fetch() == []
    os.close(reader)


def test_messages_of_one_length_are_written_as_others(pipe: tuple[int, int]) -> None:
    rng = random.Random(3)
    outbox = channel.Outbox(pipe[1])
    expected = []
    for _ in range(20):
        payloads = [rng.randbytes(16) for _ in range(rng.randint(1, 5))]
        if rng.random() < 0.5:
            outbox.put_alike(payloads)
        else:
            for payload in payloads:
                outbox.put(payload)
        expected += payloads
    assert outbox.flush()
    assert [payload for payload, _ in channel.Inbox(pipe[0]).fetch()] == expected


def test_numbers_alone_are_encoded_as_a_submission_without_anything() -> None:
    apart = [travel.encode_submission(seq, index, None, {})[0] for seq, index in ((1, 7), (2, 9))]
    assert travel.encode_numbers([1, 2], [7, 9]) == apart


# -- the pool -----------------------------------------------------------------------------------


def test_a_worker_with_a_result_of_what_it_was_not_handed_is_killed() -> None:
    """Somebody else has written into its pipe, of whom nothing more is to be taken."""
    pool = started("fork", tasks.never_ends)
    pool.submit(tasks.never_ends)
    begun(pool, tasks.never_ends)
    [worker] = pool._crew.workers.values()  # type: ignore[attr-defined]
    got: Arrivals = []
    assert pool._read_plain(worker, [(99, 1.0, 1.0, 2.0)], got) is None  # type: ignore[attr-defined]
    assert got == []
    assert [res.outcome for res in finish(pool)] == ["lost"]


# -- waiting for submissions --------------------------------------------------------------------


@pytest.fixture(params=["bell", "no bell"])
def reader(request: pytest.FixtureRequest, pipe: tuple[int, int]) -> Iterator[tuple[Any, Any]]:
    """One, and how to write to it."""
    if request.param == "bell" and not hasattr(os, "eventfd"):
        pytest.skip("the system has no eventfd")
    bell = os.eventfd(0, os.EFD_NONBLOCK) if request.param == "bell" else None
    os.set_blocking(pipe[1], True)

    def write(*payloads: bytes) -> None:
        os.write(pipe[1], b"".join(map(framed, payloads)))
        if bell is not None:
            os.eventfd_write(bell, 1)

    yield channel.Reader(pipe[0], bell), write
    if bell is not None:
        os.close(bell)


def taken(reader: Any) -> list[bytes]:
    payloads = [payload for payload, _ in reader.messages]
    reader.messages.clear()
    return payloads


@pytest.mark.parametrize("size", [1, 16, 40])
def test_whoever_waits_gets_what_is_written(reader: Any, size: int) -> None:
    """Awake or asleep, after much or little has come."""
    waiting, write = reader
    sent = [[bytes([n % 256]) * size] * (n % 11 + 1) for n in range(300)]

    def write_all() -> None:
        for payloads in sent:
            write(*payloads)

    writer = threading.Thread(target=write_all)
    writer.start()
    got: list[bytes] = []
    while len(got) < sum(map(len, sent)):
        assert waiting.wait()
        got += taken(waiting)
    writer.join()
    assert got == [payload for payloads in sent for payload in payloads]


@pytest.fixture(params=[1, 20])
def asleep(request: pytest.FixtureRequest, reader: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set when whoever waits is about to sleep for good, after so many messages."""
    waiting, write = reader
    monkeypatch.setattr(channel, "_AWAKE_SECONDS", 0)
    write(*[b"x"] * request.param)
    assert waiting.wait() and taken(waiting) == [b"x"] * request.param
    sleeps, event, sleep = 0, threading.Event(), waiting._sleep

    def noted() -> None:
        nonlocal sleeps
        sleeps += 1
        if sleeps == 2 or waiting._bell is None or request.param == 1:
            event.set()  # the first time, the bell still has the ring of what was read already
        sleep()

    monkeypatch.setattr(waiting, "_sleep", noted)
    return event


def test_whoever_sleeps_wakes_as_something_is_written(reader: Any, asleep: Any) -> None:
    waiting, write = reader
    writer = threading.Thread(target=lambda: (asleep.wait(), write(b"more")))
    writer.start()
    assert waiting.wait() and taken(waiting) == [b"more"]
    writer.join()


def test_whoever_sleeps_wakes_as_the_writer_goes_without_ringing(
    reader: Any, asleep: Any, pipe: tuple[int, int]
) -> None:
    waiting, _ = reader

    def go() -> None:
        asleep.wait()
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, pipe[1])
        os.close(null)

    writer = threading.Thread(target=go)
    writer.start()
    assert not waiting.wait()
    writer.join()
