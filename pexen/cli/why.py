"""`pexen why`: why a task ran, waited, was blocked or was skipped in the last run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..state.history import last_run_of
from .ending import UsageError
from .options import Parser
from .output import printable, put
from .past import document, opened, run_named
from .words import seconds

_DESCRIPTION = """\
Tell in a paragraph what became of a task in the last run that had it, and why: what it waited
for, when it began and ended, or which other task kept it from running."""

_EXAMPLES = """\
examples:
  pexen why suite/orders/add_up_orders
  pexen why --run 12 suite/orders/add_up_orders
"""

# Less than that, in seconds, isn't worth a word.
_AT_ONCE = 0.01

Task = Mapping[str, Any]


def main(argv: Sequence[str]) -> int:
    """Run the command."""
    parser = Parser("pexen why", "pexen why [--run RUN] TASK", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("task", metavar="TASK", help="its name, as 'pexen list' prints it")
    which = "the number of a run (default: the last one that has it)"
    parser.add_argument("--run", metavar="RUN", help=which)
    args = parser.parse_args(argv)
    with opened() as store:
        number = args.run
        if number is None:
            last = last_run_of(store, args.task)
            number = None if last is None else str(last)
        run = document(store, run_named(store, number))
    tasks = run["tasks"]
    found = [task for task in tasks if task["name"] == args.task]
    if not found:
        raise UsageError(_unknown(args.task, [task["name"] for task in tasks], run["run"]))
    put("\n".join(_paragraph(task, run) for task in found))
    return 0


def _paragraph(task: Task, run: Mapping[str, Any]) -> str:
    said = [f"{printable(task['name'])} in run {run['run']}:"]
    needed = [run["tasks"][number] for number in task["waits_for"]]
    if task["outcome"] is None:
        began = task["started"] is not None
        said.append("it was running" if began else "it had not begun")
        said.append("when the run broke off." if run["interrupted"] else "as far as is known.")
    elif task["outcome"] in ("blocked", "cancelled"):
        said.append(f"it was {task['outcome']}: {printable(task['reason'] or 'the run ended')}.")
    else:
        said += [*_waited(task, needed, run), *_ended(task)]
    return " ".join(said)


def _waited(task: Task, needed: Sequence[Task], run: Mapping[str, Any]) -> list[str]:
    """What it waited for: other tasks, what they had that it asks for, a worker."""
    started = task["started"]
    if started is None:
        return []
    # Of several providers any one may have been enough; those that ended later were not waited for.
    known = [(_end(each), each["name"]) for each in needed]
    ends = [(end, name) for end, name in known if end is not None and end <= started]
    ready = 0.0
    said = []
    if ends:
        ready, last = max(ends)
        others = len(needed) - 1
        more = f"the last of {others + 1} that it waited for" if others else "for which it waited"
        said.append(f"it was ready at {seconds(ready)}, when {printable(last)} ended, {more};")
    elif not needed:
        said.append("it waited for no other task;")
    free = [each for each in _in_the_way(task, run["tasks"]) if ready < each[0] <= started]
    if free and free[-1][0] - ready >= _AT_ONCE:
        ready, what, other = free[-1]
        said.append(f"until {seconds(ready)}, {printable(other)} had {what};")
    waited = started - ready
    if waited < _AT_ONCE:
        said.append("it began at once")
    else:
        said.append(f"it began {seconds(waited)} later, when a worker was free for it,")
    return [*said, f"at {seconds(started)} in {task['worker'] or 'a worker'}"]


def _in_the_way(task: Task, tasks: Sequence[Task]) -> list[tuple[float, str, str]]:
    """When other tasks ended that had what this one asks for; what that was, and their names."""
    found = []
    for other in tasks:
        end = _end(other)
        if other is not task and end is not None:
            what = _shared_by(task.get("asks_for") or (), other.get("asks_for") or ())
            if what:
                found.append((end, what, other["name"]))
    return sorted(found)


def _shared_by(some: Sequence[Sequence[Any]], others: Sequence[Sequence[Any]]) -> str:
    """What of that which one task asks for it can't have while another has what it asks for.

    So may be a resource that both take.
    """
    if any(mode == "exclusive" for mode, _ in others):
        return "all to itself"
    if any(mode == "exclusive" for mode, _ in some):
        return "begun, and it wants all"
    for mode, key in some:
        for other_mode, other_key in others:
            modes = {mode, other_mode}
            both = min(len(key), len(other_key))
            if modes == {"resources"} and key == other_key:
                return f"some of the resource {printable(key[0])}"
            if modes <= {"claims", "uses"} and modes != {"uses"} and key[:both] == other_key[:both]:
                return f"the lock {_key(other_key)}"
    return ""


def _key(parts: Sequence[str]) -> str:
    """A key as people write it."""
    return printable(parts[0] if len(parts) == 1 else f"({', '.join(parts)})")


def _ended(task: Task) -> list[str]:
    took = "" if task["duration"] is None else f" after {seconds(task['duration'])}"
    again = f", at attempt {task['attempts']}" if task["attempts"] > 1 else ""
    why = f": {printable(task['reason'])}" if task["reason"] else ""
    words = "was skipped" if task["outcome"] == "skipped" else f"ended {task['outcome']}"
    return [f"and {words}{took}{again}{why}."]


def _end(task: Task) -> float | None:
    if task.get("started") is None or task.get("duration") is None:
        return None
    end: float = task["started"] + task["duration"]
    return end


def _unknown(name: str, names: Sequence[str], run: int) -> str:
    import difflib

    close = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {close[0]!r}?" if close else "'pexen report --json' has all its tasks"
    return f"task {name!r} was not in run {run}; {hint}"
