"""When nothing runs and nothing can be handed out: what is there to be said and done."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .common import task_name
from .state import State
from .tags import AFTER, ANY, EVERY

if TYPE_CHECKING:
    from .run import Run


def gates_teardown(run: Run, node: int) -> bool:
    """Whether the end of this task is waited for by a teardown, maybe through others."""
    seen = {node}
    path = [node]
    while path:
        for tag in run.graph.provides[path.pop()]:
            waiting = [w for kind in (ANY, EVERY) for w in tag.waiters[kind]]
            for after in tag.waiters[AFTER]:
                if run.state[after] is State.WAITING:
                    if run.metas[after].teardown:
                        return True
                    waiting.append(after)
            new = [w for w in waiting if w not in seen and run.state[w] is State.WAITING]
            seen.update(new)
            path.extend(new)
    return False


def describe_unfinished(run: Run) -> str:
    """The state of every unfinished task, a line each."""
    lines = []
    for node, state in enumerate(run.state):
        if state is not State.ENDED:
            unmet = [f"{kind} {tag.tag!r}" for kind, tag in run.graph.unmet(node)]
            needs = f" ({', '.join(unmet)})" if unmet else ""
            lines.append(f"  {task_name(run.graph.tasks[node])}: {state.value}{needs}")
    return "\n".join(lines)
