"""Tasks and initializers that leave marks as workers start; any worker can import them."""

from __future__ import annotations

import functools
import os
import signal
from collections.abc import Callable

from busy_tasks import count_marks, leave_mark
from program_support import wait_until


def initialise(mark: str, deadly: Callable[[int], bool]) -> None:
    """Leave a mark; then kill the worker if its number, from 0, is deadly."""
    number = count_marks(mark)  # not exact, if two start at the same time
    leave_mark(mark)
    if deadly(number):
        os.kill(os.getpid(), signal.SIGKILL)


def always(number: int) -> bool:
    return True


def every_other(number: int) -> bool:
    return number % 2 == 1


def all_but_two(number: int) -> bool:
    return number >= 2


def meet(*, mark: str) -> bool:
    """Wait for another one who does the same, in another worker."""
    leave_mark(mark)
    return wait_until(lambda: count_marks(mark) >= 2, 20)


def initializer(mark: os.PathLike[str], deadly: Callable[[int], bool]) -> Callable[[], None]:
    """An initializer for a pool, that can be sent to any worker."""
    return functools.partial(initialise, str(mark), deadly)
