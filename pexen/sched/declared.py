"""What the metadata of each task says, in columns by node, as a run needs it.

`requires`, `provides` and `after` are in the graph and not here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Any

from .call import function_takes_shared
from .common import MutexError, Task, task_name
from .meta import BITS, DEFAULTS, SCHED_ATTR_NAME, SchedMeta, is_meta
from .requests import NOTHING, Request, asked, common_keys, never_granted

# The fields of which a plain task has none: nothing is to be asked before it is handed out,
# and nothing follows from its end but what follows from its tags.
_SPECIAL = sum(
    BITS[name]
    for name in ("uses", "claims", "resources", "exclusive", "teardown", "retries", "retry_delay")
)
_PRIORITY = BITS["priority"]
_READ = _SPECIAL | _PRIORITY
_stored_bits_of: Callable[[SchedMeta], int] = attrgetter("stored_bits")


class Declared:
    """The columns. They grow when tasks are added, and are read anew for each run."""

    def __init__(self, capacity: Mapping[Any, float]) -> None:
        # Configuration: how much there is of each resource.
        self.capacity = capacity
        # State.
        self.metas: list[SchedMeta] = []
        self.requests: list[Request] = []
        self.plain: list[bool] = []  # whether it is a plain task
        self.ordinary: list[bool] = []  # whether it would be one if it asked for nothing
        self.special: list[int] = []  # the nodes of the others, ascending
        self.priorities: dict[int, Any] = {}  # where it isn't 0
        self.exclusives = False  # there are exclusive tasks
        self.takes: list[bool | None] = []  # whether it gets the shared dict, if that is known
        self._checked: dict[tuple[Any, ...], Request] = {}  # by what is `asked`

    def check(self, task: Task, meta: SchedMeta) -> Request:
        """What the task asks for; MutexError if it can never be granted.

        Those who ask for the same get the same object.
        """
        key = asked(meta)
        request = self._checked.get(key)
        if request is None:
            request = self._checked[key] = self._check(task, Request.of(meta))
        return request

    def _check(self, task: Task, request: Request) -> Request:
        if request is NOTHING:
            return request
        both = common_keys(request)
        if both:
            raise MutexError(
                f"task {task_name(task)!r} has {both!r} in both claims and uses; "
                "a claim includes the use",
                task,
            )
        problem = never_granted(request, self.capacity)
        if problem is not None:
            raise MutexError(f"task {task_name(task)!r} can never run: {problem}", task)
        return request

    def check_all(self, tasks: Iterable[Task]) -> list[SchedMeta]:
        """Check what each task asks for; returns their metadata."""
        metas = metas_of(tasks)
        if _any_has(metas, _SPECIAL):
            for task, meta in zip(tasks, metas):
                if meta.stored_bits & _SPECIAL:
                    self.check(task, meta)
        return metas

    def look_at(self, tasks: Sequence[Task]) -> None:
        """Find out what those take that are new; `tasks` are all there are.

        A function is taken to keep its signature, so that this is done but once, when it is added.
        """
        self.takes.extend(map(function_takes_shared, tasks[len(self.takes) :]))

    def read(self, tasks: list[Task], first: int) -> None:
        """Read the columns from node `first` on; `tasks` are all there are."""
        self.look_at(tasks)
        metas = metas_of(tasks[first:] if first else tasks)
        self._begin(metas, first)
        if not _any_has(metas, _READ):
            return
        for node, meta in enumerate(metas, first):
            bits = meta.stored_bits
            if bits & _PRIORITY and meta.priority:
                self.priorities[node] = meta.priority
            if bits & _SPECIAL:
                self._note(node, self.check(tasks[node], meta))

    def _begin(self, metas: list[SchedMeta], first: int) -> None:
        if not first:
            self.priorities.clear()
            self.special.clear()
            self.exclusives = False
        self.metas[first:] = metas
        self.requests[first:] = [NOTHING] * len(metas)
        self.plain[first:] = [True] * len(metas)
        self.ordinary[first:] = [True] * len(metas)

    def _note(self, node: int, request: Request) -> None:
        meta = self.metas[node]
        self.ordinary[node] = not (meta.teardown or meta.retries)
        if request is not NOTHING or not self.ordinary[node]:
            self.plain[node] = False
            self.special.append(node)
            self.requests[node] = request
            self.exclusives = self.exclusives or request.exclusive

    def asking(self, requests: Sequence[Request], metas: list[SchedMeta]) -> Declared:
        """What it would be if the tasks asked for these, and had this metadata otherwise."""
        new = Declared(self.capacity)
        new._begin(metas, 0)
        new.takes = [None] * len(metas)
        new.priorities = {n: meta.priority for n, meta in enumerate(metas) if meta.priority}
        for node, request in enumerate(requests):
            new._note(node, request)
        return new


def _any_has(metas: Iterable[SchedMeta], fields: int) -> bool:
    """Whether any of these fields was given; in most graphs, few are."""
    return any([bits & fields for bits in {*map(_stored_bits_of, metas)}])


def metas_of(tasks: Iterable[Task]) -> list[SchedMeta]:
    """The metadata of each task, as `meta_of` has it."""
    found = [*map(getattr, tasks, repeat(SCHED_ATTR_NAME), repeat(DEFAULTS))]
    if {*map(type, found)} <= {SchedMeta}:
        return found
    # Some objects, mocks say, show any attribute.
    return [meta if is_meta(meta) else DEFAULTS for meta in found]
