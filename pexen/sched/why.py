"""Why a task didn't run, in words; reached only when one didn't."""

from __future__ import annotations

from .common import Outcome, Reason, Task, identity, task_name
from .control import ABORT
from .depcheck import names
from .graph import Graph
from .locks import EXCLUSIVE, Locks
from .queues import Gate
from .requests import Request, plain_key
from .tags import TagNode
from .taskmap import TaskMap


def requires_reason(
    graph: Graph, tag: TagNode, outcomes: TaskMap[Outcome], blocked: TaskMap[Reason]
) -> Reason:
    """A task needs `tag`, which won't be provided any more.

    The culprits are the tasks that failed, skipped or were cancelled, also where they
    blocked the tag's providers only through others.
    """
    culprits: dict[int, Task] = {}
    for provider in tag.providers:
        task = graph.tasks[provider]
        outcome = outcomes.get(task)
        if outcome is Outcome.BLOCKED:
            found = blocked[task].culprits or (task,)
        elif outcome is None or outcome.succeeded:
            continue
        else:
            found = (task,)
        culprits.update((graph.index[identity(t)], t) for t in found)
    tasks = tuple(culprits.values())
    if len(tasks) == 1:
        ended = outcomes.get(tasks[0])
        why = f"{task_name(tasks[0])!r} ended {ended}"
    else:
        why = f"{names(tasks)} didn't succeed"
    return Reason("requires", f"requires {tag.tag!r}, but {why}", tag.tag, tasks)


def lock_reason(
    graph: Graph, request: Request, locks: Locks, outcomes: TaskMap[Outcome]
) -> Reason:
    """A task waits for something that nobody will give back."""
    holders = [n for n, held in locks.left().items() if request.conflicts(held)]
    if not holders:
        holders = list(locks.abandoned())
    tasks = tuple(graph.tasks[n] for n in holders)
    key = None
    for node in holders:
        for _, held in locks.left().get(node, Request()).keys():
            shared = [k for _, k in request.keys() if k[: len(held)] == held[: len(k)]]
            key = plain_key(shared[0]) if shared and key is None else key
    ends = f" (it ended {outcomes.get(tasks[0])})" if len(tasks) == 1 else ""
    if key is not None:
        text = f"waited for the lock {key!r}, left held by {names(tasks)}{ends}"
    else:
        text = f"waited for {names(tasks)}, which can't be ended and keeps what it holds"
    return Reason("lock", text, key, tasks)


def stopped_reason(how: str, error: BaseException | None = None) -> Reason:
    """A task had not begun when the run was stopped."""
    if error is not None:
        return Reason("stopped", f"the run ended early with {type(error).__name__}: {error}")
    ended = "aborted" if how == ABORT else "stopped"
    return Reason("stopped", f"the run was {ended} before it started")


def gate_text(gate: Gate) -> str:
    """What a task waits for at a gate of the locks."""
    if isinstance(gate, str):
        return "other tasks to end" if gate == EXCLUSIVE else "an exclusive task to end"
    what, how = gate[:2]
    if len(gate) > 2:
        return "a task that has waited longer"
    return f"lock {plain_key(what)!r}" if isinstance(how, str) else f"{how!r} of {what!r}"


def left_over(
    graph: Graph, locks: Locks, outcomes: TaskMap[Outcome], blocked: TaskMap[Reason]
) -> list[str]:
    """What a run that has ended should have its user know of."""
    unmet = [
        task
        for task, reason in blocked.items()
        if reason.kind == "requires" and outcomes[task] is Outcome.BLOCKED
    ]
    left = {key for node in locks.left().values() for key in node.keys()}
    texts = []
    if unmet:
        texts.append(f"{len(unmet)} tasks skipped due to unmet deps; Sched.blocked says why")
    if left:
        tasks = names(graph.tasks[node] for node in locks.left())
        texts.append(f"{len(left)} locks still held at exit, left by {tasks}")
    return texts
