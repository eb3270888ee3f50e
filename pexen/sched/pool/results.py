"""Results that came at once from worker processes.

Of very short tasks hundreds come at once, with nothing to say of each but when it ran. Such a
result is made when it is asked for. So few are alive at a time, unless the consumer keeps them:
hundreds are more memory to write to, and young objects that the collector of garbage looks through
again and again. Measured with 5,000 tasks that do nothing, the collector had one or two looks in
place of ten, and all took 6 % less.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import cast, final, overload

from ..call import make_result
from ..common import Task, TaskRes

# So many and more are made one by one; a few are done with sooner if made at once.
_MANY = 16


def plain_result(task: Task, started: float, duration: float, worker: str) -> TaskRes:
    """The result of a task that is `ok` and left nothing, by when it started and for how long."""
    res = make_result(TaskRes, (task, {}, None, None))
    res.started, res.duration, res.worker = started, duration, worker
    return res


@final
class PlainResults:
    """Those of tasks of one worker, made anew each time that they are asked for."""

    def __init__(
        self, tasks: list[Task], starts: Sequence[float], durations: Sequence[float], worker: str
    ) -> None:
        self._tasks = tasks
        self._starts = starts
        self._durations = durations
        self._worker = worker

    def __len__(self) -> int:
        return len(self._tasks)

    def __iter__(self) -> Iterator[TaskRes]:
        worker = self._worker
        for task, started, duration in zip(self._tasks, self._starts, self._durations):
            # plain_result() in place: very short tasks go through here.
            res = make_result(TaskRes, (task, {}, None, None))
            res.started, res.duration, res.worker = started, duration, worker
            yield res

    def __getitem__(self, place: int) -> TaskRes:
        started, duration = self._starts[place], self._durations[place]
        return plain_result(self._tasks[place], started, duration, self._worker)


# What came at once, in its order.
Arrivals = list[TaskRes | PlainResults]


def add_plain(
    arrivals: Arrivals,
    tasks: list[Task],
    starts: Sequence[float],
    durations: Sequence[float],
    worker: str,
) -> None:
    """Add what came of tasks of one worker that are `ok` and left nothing."""
    plain = PlainResults(tasks, starts, durations, worker)
    if len(tasks) < _MANY:
        arrivals.extend(plain)
    else:
        arrivals.append(plain)


def results_of(arrivals: Arrivals) -> Sequence[TaskRes]:
    """What came, as results. The plain ones are made each time that they are asked for."""
    if PlainResults in {*map(type, arrivals)}:
        return _Results(arrivals)
    return cast(list[TaskRes], arrivals)


@final
class _Results(Sequence[TaskRes]):
    """Some of which are still to be made."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._parts = [part if isinstance(part, PlainResults) else (part,) for part in arrivals]
        self._count = sum([len(part) for part in self._parts])

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[TaskRes]:
        return chain.from_iterable(self._parts)

    @overload
    def __getitem__(self, place: int) -> TaskRes: ...
    @overload
    def __getitem__(self, place: slice) -> list[TaskRes]: ...
    def __getitem__(self, place: int | slice) -> TaskRes | list[TaskRes]:
        if isinstance(place, slice):
            return [*self][place]
        left = range(self._count)[place]
        for part in self._parts:
            if left < len(part):
                break
            left -= len(part)
        return part[left]
