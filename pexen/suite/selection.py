"""Which tasks of a suite are run: those that were asked for, and what they can't be without."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from ..sched import every, unique
from ..sched.common import Tag, Task, identity, task_name
from ..sched.meta import SchedMeta, has_meta, meta_of
from .expression import Expression


class Selected(NamedTuple):
    """A task that is to be run, and the metadata with which.

    That is the task's own, but for tags of which the other end was left out.
    """

    task: Task
    meta: SchedMeta


def select(
    tasks: Iterable[Task],
    names: Sequence[str] = (),
    expression: Expression | None = None,
    wanted: Callable[[Task], bool] | None = None,
    deps: bool = True,
) -> list[Selected]:
    """The tasks that fit all that is given, and what comes with them, in their order.

    `names`
        callpaths with slashes, each for a task and all below it, or patterns as of `fnmatch`, of
        which one has to fit.
    `expression`
        what `parse` made of an expression.
    `wanted`
        any other condition.
    `deps`
        whether what a task requires comes with it. Without, it is taken to be there.

    Teardown that is after a task comes with it as well; what is merely after it doesn't.
    """
    if not names and expression is None and wanted is None:
        return [selected(task) for task in tasks]
    known = {identity(task): selected(task) for task in tasks}
    # What is a name isn't a pattern as well, as 'test_x[1]' might be.
    own = [task_name(task) for task, _ in known.values()]
    patterns = [name for name in names if not any(_is_below(each, name) for each in own)]
    chosen = {
        key
        for key, (task, meta) in known.items()
        if (not names or _is_named(task, names, patterns))
        and (expression is None or expression(task_name(task), _readable_tags(meta)))
        and (wanted is None or wanted(task))
    }
    _complete(chosen, known, deps)
    return _cut_out(chosen, known, deps)


def with_dependents(tasks: Iterable[Task], wanted: set[Any]) -> set[Any]:
    """The identities of tasks, and of all that require what they provide, or what those do."""
    known = {identity(task): selected(task).meta for task in tasks}
    dependents: dict[Tag, list[Any]] = {}
    for key, meta in known.items():
        for tag in _requires(meta):
            dependents.setdefault(tag, []).append(key)
    found = dict.fromkeys(wanted)
    pending = list(found)
    for key in pending:  # grows as it is walked
        for tag in _provides(known[key]):
            # Each tag is followed once, however many have it.
            new = [other for other in dependents.pop(tag, ()) if other not in found]
            found.update(dict.fromkeys(new))
            pending += new
    return set(found)


def unprovided(tasks: Iterable[Task]) -> set[Any]:
    """The identities of tasks that require what none of them provides."""
    known = {identity(task): selected(task).meta for task in tasks}
    provided = _all(_provides, known.values())
    return {key for key, meta in known.items() if not provided.issuperset(_requires(meta))}


def selected(task: Task | Selected) -> Selected:
    """A task as one that is to be run, with its own metadata if it has no other."""
    if isinstance(task, Selected):
        return task
    return Selected(task, meta_of(task) if has_meta(task) else SchedMeta())


def meta_with(meta: SchedMeta, **fields: Any) -> SchedMeta:
    """The metadata with other values in some fields: a copy, if they differ."""
    if all(getattr(meta, name) == value for name, value in fields.items()):
        return meta
    own = copy.copy(meta)
    own.update(fields)
    return own


def _is_named(task: Task, names: Sequence[str], patterns: Sequence[str]) -> bool:
    own = task_name(task)
    return any(_is_below(own, name) for name in names) or any(
        fnmatchcase(own, pattern.rstrip("/")) for pattern in patterns
    )


def _is_below(own: str, name: str) -> bool:
    name = name.rstrip("/")
    return own == name or own.startswith(f"{name}/")


def _complete(chosen: set[Any], known: dict[Any, Selected], deps: bool) -> None:
    """Add what comes along, and what comes along with that."""
    providers: dict[Tag, list[Any]] = {}
    teardowns: dict[Tag, list[Any]] = {}
    for key, (_, meta) in known.items():
        for tag in _provides(meta):
            providers.setdefault(tag, []).append(key)
        for tag in meta.after if meta.teardown else ():
            teardowns.setdefault(tag, []).append(key)
    pending = list(chosen)
    for key in pending:  # grows as it is walked
        meta = known[key].meta
        # Each tag is followed once, however many have it.
        along = [other for tag in _provides(meta) for other in teardowns.pop(tag, ())]
        if deps:
            along += [other for tag in _requires(meta) for other in providers.pop(tag, ())]
        for other in along:
            if other not in chosen:
                chosen.add(other)
                pending.append(other)


def _cut_out(chosen: set[Any], known: dict[Any, Selected], deps: bool) -> list[Selected]:
    """The chosen ones, without tags that lead to others."""
    # Those whose providers are all left out, and those that are needed by none but such.
    metas = [meta for _, meta in known.values()]
    kept = [known[key].meta for key in chosen]
    unprovided = _all(_provides, metas) - _all(_provides, kept)
    unneeded = _all(needs_of, metas) - _all(needs_of, kept)
    return [
        Selected(task, _without(unprovided, unneeded, meta, deps))
        for key, (task, meta) in known.items()
        if key in chosen
    ]


def _without(
    unprovided: set[Tag], unneeded: set[Tag], meta: SchedMeta, deps: bool
) -> SchedMeta:
    """The metadata without tags of which the other end is left out.

    A tag that nothing ever provided or needed stays, for the scheduler to say so.
    """
    fields = {
        "after": meta.after - unprovided,
        "requires": {n for n in meta.requires if deps or tag_of(n) not in unprovided},
        "provides": {tag for tag in meta.provides if tag_of(tag) not in unneeded},
    }
    return meta_with(meta, **fields)


def _all(tags_of: Callable[[SchedMeta], Iterable[Tag]], metas: Iterable[SchedMeta]) -> set[Tag]:
    return {tag for meta in metas for tag in tags_of(meta)}


def tag_of(need: Any) -> Tag:
    """The tag itself, of what stands in requires or provides."""
    tag: Tag = need.tag if isinstance(need, (every, unique)) else need
    return tag


def _requires(meta: SchedMeta) -> list[Tag]:
    return [tag_of(need) for need in meta.requires]


def _provides(meta: SchedMeta) -> list[Tag]:
    return [tag_of(tag) for tag in meta.provides]


def needs_of(meta: SchedMeta) -> list[Tag]:
    """The tags that a task requires or is after."""
    return [*_requires(meta), *meta.after]


def _readable_tags(meta: SchedMeta) -> list[str]:
    tags = {*needs_of(meta), *_provides(meta)}
    return [tag if isinstance(tag, str) else repr(tag) for tag in tags]
