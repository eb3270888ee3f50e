"""How tasks cross from the parent to a worker process.

A worker is born with a registry of tasks, so most submissions are nothing but numbers.
"""

from __future__ import annotations

import array
import io
import pickle
import struct
from collections.abc import Iterable, Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

from ..common import PoolError, Shared, Task, task_name
from ..meta import kwargs_of
from .buffers import Buffers, Collector, Landed, copies
from .exceptions import message

# The number of the submission, and that of its task.
_HEAD = struct.Struct("<QQ")

# Its size, which is that of a submission of which nothing more is to be said.
NUMBERS_SIZE = _HEAD.size

# In place of the index of a task: several follow, in a row.
ROW = 2**64 - 1
_ROW = struct.Struct("<Q?")

STOP = 2**64 - 1  # the number of no task: to the worker: end; after all others, also by it


class Registry:
    """The tasks a worker process is started with, by index.

    A forked worker inherits the object as it is. For a spawned one each task is
    pickled by itself, and unpickled when it is first run, so that one that can't be loaded
    harms no other. What only a starting process can be given (a multiprocessing.Queue
    in kwargs, …) is kept apart, once for all tasks that have it.
    """

    def __init__(self, tasks: list[Task]) -> None:
        self.listed = tasks  # those that were inherited as they are
        self._loaded: dict[int, tuple[Task, dict[str, Any]]] = {}
        self._pickled: dict[int, bytes] = {}
        self._inherited: list[object] = []

    def __getstate__(self) -> tuple[dict[int, bytes], list[object]]:
        inherited: dict[int, object] = {}
        pickled = {n: _pickle_task(task, inherited) for n, task in enumerate(self.listed)}
        return pickled, list(inherited.values())

    def __setstate__(self, state: tuple[dict[int, bytes], list[object]]) -> None:
        self.listed, self._loaded = [], {}
        self._pickled, self._inherited = state

    def define(self, index: int, pickled: bytes) -> None:
        """Learn of a task that came about after the worker was started."""
        self._pickled[index] = pickled

    def get(self, index: int) -> tuple[Task, dict[str, Any]]:
        """The task and its kwargs; raises whatever unpickling it raises."""
        if index in self._pickled:
            file = io.BytesIO(self._pickled.pop(index))
            self._loaded[index] = _TaskUnpickler(file, self._inherited).load()
        elif index not in self._loaded:
            task = self.listed[index]
            return task, kwargs_of(task)
        return self._loaded[index]


class _TaskPickler(ForkingPickler):
    """Leaves out the objects of multiprocessing, which `inherited` collects by identity."""

    def __init__(self, file: io.BytesIO, inherited: dict[int, object]) -> None:
        super().__init__(file, 5)
        self._inherited = inherited

    def persistent_id(self, obj: object) -> int | None:
        if not type(obj).__module__.startswith("multiprocessing."):
            return None
        self._inherited.setdefault(id(obj), obj)
        return list(self._inherited).index(id(obj))


class _TaskUnpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, inherited: list[object]) -> None:
        super().__init__(file)
        self._inherited = inherited

    def persistent_load(self, pid: int) -> object:
        return self._inherited[pid]


def _pickle_task(task: Task, inherited: dict[int, object]) -> bytes:
    file = io.BytesIO()
    try:
        _TaskPickler(file, inherited).dump((task, kwargs_of(task)))
    except KeyboardInterrupt:
        raise  # the user's
    except BaseException as exc:
        raise PoolError(
            f"task {task_name(task)!r} can't be sent to a worker process: {message(exc)}; "
            "define it at the top level of a module, or use start_method='fork'"
        ) from exc
    return file.getvalue()


def pickled_task(task: Task) -> bytes:
    """A task with its kwargs, for a worker that is running; PoolError if it can't be."""
    inherited: dict[int, object] = {}
    pickled = _pickle_task(task, inherited)
    if inherited:
        kinds = ", ".join(sorted({type(obj).__qualname__ for obj in inherited.values()}))
        raise PoolError(
            f"task {task_name(task)!r} can't be sent to a worker process that is running, "
            f"as its kwargs have a {kinds}; give it to the scheduler before the run"
        )
    return pickled


def encode_submission(
    seq: int, index: int, definition: bytes | None, shared: Shared
) -> tuple[bytes, Buffers]:
    """A submitted task; raises AttributeError if its shared dict can't be pickled.

    What it is made of may change afterwards.
    """
    head = _HEAD.pack(seq, index)
    if definition is None and not shared:
        return head, ()
    collector = Collector()
    try:
        pickle.Pickler(collector, 5).dump((definition, shared))
        return head + collector.content, [memoryview(copy) for copy in copies(collector.buffers)]
    except KeyboardInterrupt:
        raise  # the user's
    except BaseException as exc:
        raise AttributeError(f"Can't pickle the task's shared state: {message(exc)}") from exc


def encode_numbers(seqs: Iterable[int], indexes: Iterable[int]) -> list[bytes]:
    """Submissions of tasks that the worker knows, with empty shared dicts."""
    return [*map(_HEAD.pack, seqs, indexes)]


def encode_row(first: int, half: int, bare: bool, indexes: Sequence[int]) -> bytes:
    """A row of such tasks, numbered from the first one on, which are counted in that half.

    If they are `bare`, each is called without anything.
    """
    return _HEAD.pack(first, ROW) + _ROW.pack(half, bare) + array.array("Q", indexes).tobytes()


def stop_message() -> bytes:
    """What tells a worker to end."""
    return _HEAD.pack(STOP, 0)


# Of a submission: its number, or STOP, and the index of its task.
submission_numbers = _HEAD.unpack_from


def submission_content(message: bytes, buffers: Landed) -> tuple[bytes | None, Shared]:
    """The definition and the shared dict; raises whatever unpickling raises."""
    if len(message) == NUMBERS_SIZE:
        return None, {}
    definition, shared = pickle.loads(memoryview(message)[_HEAD.size :], buffers=buffers)
    return definition, shared


def row_content(message: bytes) -> tuple[int, bool, array.array[int]]:
    """Which half a row is counted in, whether its tasks are bare, and their indexes."""
    start = NUMBERS_SIZE + _ROW.size
    indexes = array.array("Q")
    indexes.frombytes(memoryview(message)[start:])
    return *_ROW.unpack_from(message, NUMBERS_SIZE), indexes
