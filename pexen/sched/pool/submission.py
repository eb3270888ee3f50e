"""One task that was handed to a foreign executor, and the result that it comes to."""

from __future__ import annotations

import concurrent.futures
import time
from dataclasses import dataclass
from typing import Any

from ..common import Outcome, TaskLostError, TaskRes
from .exceptions import describe
from .parcel import WORKER, Parcel, open_reply


@dataclass(slots=True, eq=False)
class Item:
    """A submitted task. `since` is when it began, as far as can be told."""

    number: int
    parcel: Parcel
    timeout: float | None
    future: Any = None  # the executor's, once it has taken the task
    handed: float = 0.0  # when
    since: float | None = None
    refusal: Exception | None = None  # what the executor raised instead of taking it

    def is_done(self) -> bool | None:
        """Whether the task has ended, or was refused; None if that can't be told."""
        if self.future is None or self.refusal is not None:
            return True
        try:
            return bool(self.future.done())
        except Exception:  # a future of whatever kind
            return None

    def is_running(self) -> bool:
        """Whether the future says so."""
        try:
            return bool(self.future.running())
        except Exception:  # the same
            return False


def result_of(item: Item, arrival: float) -> TaskRes:
    """The result of an item whose future was done at the time `arrival`; raises nothing."""
    if item.refusal is not None:
        return lost(item, "the executor refused the task", item.refusal)
    try:
        cause = item.future.exception(timeout=0)
        reply = item.future.result(timeout=0) if cause is None else None
    except concurrent.futures.CancelledError:
        return lost(item, "its future was cancelled, and not by the pool")
    except Exception as exc:
        cause, reply = exc, None
    if cause is not None and item.parcel.unsent is None:
        return lost(item, "the executor failed", cause)
    res = open_reply(reply, item.parcel, arrival)
    if res is None:
        return lost(item, f"the executor returned {_shown(reply)} for it")
    if res.started is not None:
        res.started = max(res.started, item.handed)
    return res


def lost(item: Item, text: str, cause: BaseException | None = None) -> TaskRes:
    """The result of an item of which nothing more will be heard."""
    error = TaskLostError(text if cause is None else f"{text}: {describe(cause)}")
    error.__cause__ = cause
    return unfinished(item, Outcome.LOST, error)


def unfinished(item: Item, outcome: Outcome, error: Exception) -> TaskRes:
    """The result of an item that didn't come back."""
    parcel = item.parcel
    worker = parcel.worker or WORKER
    res = TaskRes.unfinished(parcel.task, parcel.shared, outcome, error, worker)
    res.started = item.since
    res.duration = None if item.since is None else time.monotonic() - item.since
    return res


def _shown(reply: object) -> str:
    try:
        return f"{reply!r:.100}"
    except Exception:  # its own __repr__ raises
        return f"a {type(reply).__name__}"
