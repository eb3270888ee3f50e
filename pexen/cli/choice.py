"""Which of the tasks are run, and in which order: what `pexen run` is told of that."""

from __future__ import annotations

import random
from argparse import Namespace
from collections.abc import Callable, Sequence
from typing import Any

from ..sched.common import Task, identity, task_name
from ..suite import Selected, parse, select
from ..suite.selection import meta_with
from .ending import NothingError, UsageError, say
from .words import label


def choose(
    args: Namespace, tasks: Sequence[Task], failed: Callable[[], set[Any]]
) -> list[Selected]:
    """The tasks that the arguments select, with the metadata that they ask for.

    `failed` gives the identities of those that didn't end well when they were run last. Raises
    UsageError for a name that no task has, NothingError if there is nothing to run.
    """
    wanted = _last_failed(args, failed) if args.lf or args.ff else set()
    for name in args.only or ():
        if not select(tasks, [name]):
            raise UsageError(_no_such(name, tasks))
    chosen = select(
        tasks,
        args.only or (),
        parse(args.k) if args.k is not None else None,
        _condition(args, wanted),
        deps=not args.no_deps,
    )
    if not chosen:
        raise NothingError(f"of {len(tasks)} tasks, none is selected; 'pexen list' shows them")
    if args.ff and wanted:
        chosen = _first(chosen, wanted)
    if args.retries is not None:
        chosen = [_with_default(each, "retries", args.retries) for each in chosen]
    if args.shuffle is not None:
        random.Random(args.shuffle).shuffle(chosen)
    return chosen


def _condition(args: Namespace, failed: set[Any]) -> Callable[[Task], bool] | None:
    """What a task has to fulfil besides its name and tags."""
    affects: Callable[[Task], bool] | None = None if args.round is None else args.round.wants
    if not args.lf or not failed:
        return affects
    return lambda task: identity(task) in failed and (affects is None or affects(task))


def _last_failed(args: Namespace, failed: Callable[[], set[Any]]) -> set[Any]:
    found = failed()
    if not found:
        what = "all are run" if args.lf else "the order is as ever"
        say("note", f"no task is known to have failed when it was run last, so {what}")
    return found


def _no_such(name: str, tasks: Sequence[Task]) -> str:
    import difflib

    names = [task_name(task) for task in tasks]
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "'pexen list' shows what there is"
    return f"task {name!r} is not there; {hint}"


def _first(chosen: list[Selected], wanted: set[Any]) -> list[Selected]:
    """Those that are wanted, and what they can't be without, before all others."""
    tasks = [each.task for each in chosen]
    ahead = {
        identity(each.task)
        for each in select(tasks, wanted=lambda task: identity(task) in wanted)
    }
    least = min(each.meta.priority for each in chosen)
    return [
        Selected(each.task, meta_with(each.meta, priority=least - 1))
        if identity(each.task) in ahead
        else each
        for each in chosen
    ]


def _with_default(chosen: Selected, name: str, value: Any) -> Selected:
    # Not those of given(), which leaves out what is said but is the default anyway.
    if name in vars(chosen.meta):
        return chosen
    return Selected(chosen.task, meta_with(chosen.meta, **{name: value}))


def rerun_command(args: Namespace, name: str) -> str:
    """What to type to run the task of that name again."""
    return command_for(args, args.targets, [name])


def command_for(args: Namespace, targets: Sequence[str], names: Sequence[str]) -> str:
    """What to type to run the tasks of those names, of targets, in the way of the arguments."""
    import shlex

    words = ["pexen", "run"]
    if args.factory != "auto":
        words += ["--factory", args.factory]
    if args.match is not None:
        words += ["--match", args.match]
    if args.threads:
        words.append("--threads")
    if args.timeout is not None:
        words.append(f"--timeout={args.timeout:g}")
    for resource, amount in args.resource or ():
        words.append(f"--resource={resource}={amount:g}")
    words += targets
    for name in names:
        words += ["--only", name]
    return shlex.join(words)


def listed(chosen: Sequence[Selected]) -> str:
    """The tasks as `--dry-run` shows them."""
    lines = [label(task) for task, _ in chosen]
    number = "1 task" if len(lines) == 1 else f"{len(lines)} tasks"
    return "\n".join([*lines, "", f"{number} would be run"])
