"""What a task is called, and how long it took, as people read it."""

from __future__ import annotations

from ..sched.common import Task, task_name
from .output import printable


def label(task: Task) -> str:
    """The task's callpath with slashes, or what else it is called."""
    return printable(task_name(task))


def seconds(amount: float) -> str:
    """A duration as people read it."""
    if amount < 60:
        return f"{amount:.2f} s"
    minutes, rest = divmod(round(amount), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min {rest} s" if hours else f"{minutes} min {rest} s"
