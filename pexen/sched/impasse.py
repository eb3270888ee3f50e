"""When nothing runs and nothing can be handed out: what is there to be said and done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common import InternalError, SchedulerError, task_name
from .depcheck import cycle_error
from .state import State
from .tags import AFTER

if TYPE_CHECKING:
    from .run import Run


def gating_teardown(run: Run) -> set[int]:
    """The tasks for whose ends a teardown waits, maybe through others."""
    path = [n for n, state in enumerate(run.state) if state is State.WAITING]
    path = [n for n in path if run.declared.metas[n].teardown]
    first = set(path)
    found: set[int] = set()
    while path:
        node = path.pop()
        for kind, tag in run.graph.needs(node):
            if node in first and node not in found and kind is not AFTER:
                continue  # what a teardown itself requires is another matter
            new = [p for p in tag.providers if p not in found]
            new = [p for p in new if run.state[p] is not State.ENDED]
            found.update(new)
            path.extend(new)
    return found


def impasse(run: Run) -> SchedulerError:
    """The error for tasks that wait though nothing can come.

    Tasks added on the way may have closed a cycle, which is their author's mistake, and
    named. Anything else is ours.
    """
    waiting = {n for n, state in enumerate(run.state) if state is State.WAITING}
    return cycle_error(run.graph, waiting) or InternalError(
        "the run can't go on\n" + describe_unfinished(run)
    )


def describe_unfinished(run: Run) -> str:
    """The state of every unfinished task, a line each."""
    lines = []
    for node, state in enumerate(run.state):
        if state is not State.ENDED:
            unmet = [f"{kind} {tag.tag!r}" for kind, tag in run.graph.unmet(node)]
            needs = f" ({', '.join(unmet)})" if unmet else ""
            lines.append(f"  {task_name(run.graph.tasks[node])}: {state.value}{needs}")
    return "\n".join(lines)
