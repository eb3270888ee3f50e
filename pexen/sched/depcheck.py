"""What is said about a graph: cycles, unmet tags, doubled targets, tags nobody needs.

All but the last is only reached when something is wrong, and may take its time.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING

from .common import DepcheckError, Tag, Task, task_name
from .tags import ANY, TagNode, sorted_needs

if TYPE_CHECKING:
    from .graph import Graph

_MAX_NAMED = 5  # tasks named in one message, and known tags compared with a misspelt one
_MAX_COMPARED = 10_000


def names(tasks: Iterable[Task]) -> str:
    """The tasks' names, quoted, the first few of them."""
    tasks = list(tasks)
    text = ", ".join(repr(task_name(task)) for task in tasks[:_MAX_NAMED])
    more = len(tasks) - _MAX_NAMED
    return f"{text} and {more} more" if more > 0 else text


def double_provider(tag: Tag, tasks: list[Task]) -> DepcheckError:
    """The error for a `unique` tag with several providers."""
    return DepcheckError(
        f"tag {tag!r} is to be unique but provided by {names(tasks)}; "
        f"leave one of them, or drop unique()",
        {tag: tasks},
    )


def not_reached(graph: Graph, first: int, order: list[int]) -> DepcheckError:
    """The error for nodes from `first` on that no order reaches; `order` has the others."""
    reached = set(order)
    provided = {t for i in range(len(graph)) if i < first or i in reached for t in graph.provides[i]}
    remain: dict[Tag, list[Task]] = {}
    unknown: list[TagNode] = []
    for node in range(first, len(graph)):
        if node in reached:
            continue
        for kind, tag in sorted_needs(graph.needs(node)):
            if kind is ANY and tag in provided or _all_reached(tag, first, reached):
                continue
            remain.setdefault(tag.tag, []).append(graph.tasks[node])
            if not tag.providers and tag not in unknown:
                unknown.append(tag)
    parts = [f"Unsatisfied requires remain: {list(remain)!r}"]
    parts.extend(_unknown_tag(graph, tag, remain[tag.tag]) for tag in unknown)
    cycle = _find_cycle(graph, first, reached)
    if cycle:
        parts.append(cycle)
    return DepcheckError("; ".join(parts), remain)


def cycle_error(graph: Graph, waiting: set[int]) -> DepcheckError | None:
    """The error for a cycle among tasks that wait in a run, None if there is none."""
    others = set(range(len(graph))) - waiting
    cycle = _find_cycle(graph, 0, others, need_all=False)
    if cycle is None:
        return None
    unmet = {tag.tag: graph.tasks[n] for n in sorted(waiting) for _, tag in graph.unmet(n)}
    remain = {tag: [task] for tag, task in unmet.items()}
    return DepcheckError(f"Unsatisfied requires remain: {list(remain)!r}; {cycle}", remain)


def _all_reached(tag: TagNode, first: int, reached: set[int]) -> bool:
    return bool(tag.providers) and all(p < first or p in reached for p in tag.providers)


def _unknown_tag(graph: Graph, tag: TagNode, tasks: list[Task]) -> str:
    import difflib  # only where something is wrong

    verb = "needs" if len(tasks) == 1 else "need"
    text = f"nothing provides {tag.tag!r}, which {names(tasks)} {verb}"
    known = {repr(t): None for t, n in islice(graph.tags.items(), _MAX_COMPARED) if n.providers}
    close = difflib.get_close_matches(repr(tag.tag), known, n=1)
    return f"{text} (the closest known tag is {close[0]})" if close else text


def _find_cycle(
    graph: Graph, first: int, reached: set[int], need_all: bool = True
) -> str | None:
    """Walk from each unreached node to an unreached provider until one comes again.

    With `need_all`, a tag of which any provider is reached is no step of the walk.
    """
    seen: set[int] = set()
    for start in range(first, len(graph)):
        path: list[int] = []
        tags: list[Tag] = []
        node: int | None = start
        while node is not None and node not in reached and node not in seen:
            seen.add(node)
            path.append(node)
            node, tag = _next_unreached(graph, node, first, reached, need_all)
            tags.append(tag)
        if node is not None and node in path:
            begin = path.index(node)
            return _cycle_text(graph, path[begin:], tags[begin:])
    return None


def _next_unreached(
    graph: Graph, node: int, first: int, reached: set[int], need_all: bool
) -> tuple[int | None, Tag]:
    for kind, tag in sorted_needs(graph.needs(node)):
        unreached = [p for p in tag.providers if p >= first and p not in reached]
        every_one = len(unreached) == len(tag.providers)
        if unreached and (kind is not ANY or every_one or not need_all):
            return unreached[0], tag.tag
    return None, None


def _cycle_text(graph: Graph, path: list[int], tags: list[Tag]) -> str:
    called = [task_name(graph.tasks[node]) for node in path]
    called.append(called[0])
    steps = [f"{a} needs {tag!r} of {b}" for a, tag, b in zip(called, tags, called[1:])]
    return f"cycle: {' -> '.join(called)} ({', '.join(steps)})"


def unneeded_text(graph: Graph, first: int) -> str | None:
    """What to say of tags that nodes from `first` on provide and no node needs.

    Those provided as `unique` are ends in themselves. None if there are no others.
    """
    tags: Iterable[TagNode] = graph.tags.values()
    if first:
        tags = (tag for node in range(first, len(graph)) for tag in graph.provides[node])
    unneeded = [
        tag
        for tag in tags
        if tag.providers and not (tag.waiters or tag.barred or tag.marker is not None)
    ]
    found = dict.fromkeys(sorted(unneeded, key=lambda t: (t.providers[0], repr(t.tag))))
    if not found:
        return None
    parts = []
    for tag in found:
        providers = names(graph.tasks[node] for node in tag.providers)
        parts.append(f"{tag.tag!r} provided by {providers}")
    return f"Dep {', '.join(parts)}, but not required by any task"
