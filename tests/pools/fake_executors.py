"""Executors that do what no executor should, and those that tell less than others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from typing import Any

Submit = Callable[["Faulty", Callable[..., Any], Any], Any]


class Faulty(ThreadPoolExecutor):
    """Good, but for every third submission, with which it does what its fault is."""

    def __init__(self, places: int, fault: Submit) -> None:
        super().__init__(places)
        self.fault = fault
        self.count = 0
        self.faulted: list[Any] = []  # tasks

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.count += 1
        if self.count % 3:
            return super().submit(fn, *args, **kwargs)
        (parcel,) = args
        self.faulted.append(parcel.task)
        future: Future[Any] = self.fault(self, fn, parcel)
        return future

    def properly(self, fn: Callable[..., Any], parcel: Any) -> Future[Any]:
        return super().submit(fn, parcel)


def refuse(_executor: Faulty, fn: Any, parcel: Any) -> Any:
    raise RuntimeError("not today")


def cancel(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.cancel()
    future.set_running_or_notify_cancel()
    return future


def cancel_later(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future: Future[Any] = Future()
    threading.Timer(0.01, future.cancel).start()
    return future


def break_down(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(BrokenExecutor("out of order"))
    return future


def raise_exit(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_exception(SystemExit(3))
    return future


def return_something_else(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result((1, 2))
    return future


def return_what_has_no_repr(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    class Shy:
        def __repr__(self) -> str:
            raise ValueError("shy")

    future: Future[Any] = Future()
    future.set_result(Shy())
    return future


def return_no_future(_executor: Faulty, fn: Any, parcel: Any) -> Any:
    return None


class Deaf(Future[Any]):
    def add_done_callback(self, fn: Any) -> None:
        raise RuntimeError("no callbacks here")


def take_no_callback(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    return Deaf()


class Mute(Future[Any]):
    """Answers no question but by its callback, and then not either."""

    def done(self) -> bool:
        raise RuntimeError("don't ask")

    def exception(self, timeout: float | None = None) -> Any:
        raise RuntimeError("don't ask")

    result = cancel = running = exception  # type: ignore[assignment]


def answer_nothing(_executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future = Mute()
    threading.Timer(0.01, future.set_result, [1]).start()
    return future


LOSES: dict[Submit, str] = {
    refuse: "the executor refused the task: RuntimeError: not today",
    cancel: "its future was cancelled, and not by the pool",
    cancel_later: "its future was cancelled, and not by the pool",
    break_down: "the executor failed: concurrent.futures._base.BrokenExecutor: out of order",
    raise_exit: "the executor failed: SystemExit: 3",
    return_something_else: "the executor returned (1, 2) for it",
    return_what_has_no_repr: "the executor returned a Shy for it",
    return_no_future: "the executor refused the task: AttributeError",
    take_no_callback: "the executor refused the task: RuntimeError: no callbacks here",
    answer_nothing: "the executor failed: RuntimeError: don't ask",
}


def call_back_twice(executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    class Twice(Future[Any]):
        def add_done_callback(self, fn: Any) -> None:
            super().add_done_callback(fn)
            super().add_done_callback(fn)

    future = Twice()
    threading.Timer(0.01, lambda: future.set_result(fn(parcel))).start()
    return future


def call_back_too_early(executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    class Early(Future[Any]):
        def add_done_callback(self, fn: Any) -> None:
            fn(self)
            super().add_done_callback(fn)

    future = Early()
    threading.Timer(0.01, lambda: future.set_result(fn(parcel))).start()
    return future


def run_at_once(executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    future: Future[Any] = Future()
    future.set_result(fn(parcel))
    return future


def fail_in_another_callback(executor: Faulty, fn: Any, parcel: Any) -> Future[Any]:
    def fail(_future: Future[Any]) -> None:
        raise RuntimeError("in a callback")

    future = executor.properly(fn, parcel)
    future.add_done_callback(fail)
    return future


ODD_BUT_GOOD: list[Submit] = [
    call_back_twice,
    call_back_too_early,
    run_at_once,
    fail_in_another_callback,
]


class Synchronous(Executor):
    """Runs what it gets before `submit` returns."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class Losing(Executor):
    """Takes tasks, and is never heard of again."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        return Future()


class Silent(Executor):
    """One whose futures are pending while their tasks run, and can be cancelled then.

    `most` is how many it was given at a time.
    """

    def __init__(self, places: int) -> None:
        self.inner = ThreadPoolExecutor(places)
        self.given = self.most = 0
        self._lock = threading.Lock()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        with self._lock:
            self.given += 1
            self.most = max(self.most, self.given)
        silent: Future[Any] = Future()

        def run() -> None:
            result = fn(*args, **kwargs)
            with self._lock:
                self.given -= 1
            if not silent.cancelled():
                silent.set_result(result)

        self.inner.submit(run)
        return silent

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.inner.shutdown(wait, cancel_futures=cancel_futures)
