"""Numbers for tasks, and a mapping from tasks, as a run shows what it knows of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Generic, TypeVar

from .common import Task, identity, task_name

V = TypeVar("V")


class TaskMap(Mapping[Task, V], Generic[V]):
    """A read-only mapping from tasks, which may be unhashable, to values.

    Iterates over tasks in the order in which they got their value. It is a view: `index` has
    the number of each task by its identity, `tasks` the task of each number, and `values` what
    there is, by number.
    """

    def __init__(
        self,
        index: Mapping[Any, int] | None = None,
        tasks: Sequence[Task] = (),
        values: Mapping[int, V] | None = None,
    ) -> None:
        self._index = {} if index is None else index
        self._tasks = tasks
        self._values = {} if values is None else values

    @classmethod
    def of(cls, pairs: Iterable[tuple[Task, V]]) -> TaskMap[V]:
        """A mapping of its own, from tasks and their values; of equal tasks the last one counts."""
        found = {identity(task): (task, value) for task, value in pairs}
        tasks = [task for task, _ in found.values()]
        values = [value for _, value in found.values()]
        index = {key: number for number, key in enumerate(found)}
        return cls(index, tasks, dict(enumerate(values)))

    def __getitem__(self, task: Task) -> V:
        try:
            return self._values[self._index[identity(task)]]
        except KeyError:
            raise KeyError(task) from None

    def __iter__(self) -> Iterator[Task]:
        return iter([self._tasks[number] for number in list(self._values)])

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        pairs = [(self._tasks[number], value) for number, value in list(self._values.items())]
        return f"{{{', '.join(f'{task_name(task)}: {value}' for task, value in pairs)}}}"


def number_new(
    index: dict[Any, int], keys: Sequence[Any]
) -> tuple[Sequence[int], Collection[int]]:
    """Number those of some keys on, each once, that aren't in the index.

    Returns the numbers, which are the same objects as in there, and the places of the keys. When
    it is interrupted, what it has added comes last in the index.
    """
    first, count = len(index), len(keys)
    if index.keys().isdisjoint(keys):
        numbers = [*range(first, first + count)]
        index.update(zip(keys, numbers))
        if len(index) == first + count:
            return numbers, range(count)
    places: dict[Any, int] = {}  # of those that are new, where each comes first
    for place, key in enumerate(keys):
        if index.get(key, first) >= first:
            places.setdefault(key, place)
    for key in places:
        index.pop(key, None)
    numbers = [*range(first, first + len(places))]
    index.update(zip(places, numbers))
    return numbers, places.values()
