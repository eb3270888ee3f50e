"""Seeded graphs whose outcomes and results don't depend on the order in which tasks run."""

from __future__ import annotations

import os
import pathlib
import random
import warnings
from typing import Any

from pexen import PexenWarning, Sched, task
from pexen.sched import TaskFailError, every

_LOCKS = ["disk", "net", "printer", "mail"]


class Step:
    """A task that adds up what its providers left, and may fail under control.

    In its folder it leaves a mark of each time it begins. What it claims it holds as a file,
    which nobody else can make meanwhile.
    """

    def __init__(self, number: int, folder: pathlib.Path, claims: list[str], fails: bool) -> None:
        self.number = number
        self.folder = folder
        self.claims = claims
        self.fails = fails

    def __repr__(self) -> str:
        return f"step-{self.number}"

    def __call__(self, shared: dict[str, Any]) -> int:
        with open(self.folder / f"{self!r}", "a") as mark:
            mark.write(f"{os.getpid()}\n")
        held = [self.folder / lock for lock in self.claims]
        for path in held:
            path.touch(exist_ok=False)
        total = sum(shared.values())
        shared[repr(self)] = self.number
        for path in held:
            path.unlink()
        if self.fails:
            raise TaskFailError("on purpose", deps_ok=False)
        return total


def seeded_graph(seed: int, size: int, folder: pathlib.Path) -> list[Step]:
    """Steps that need earlier ones, and lock something; about one in thirty fails."""
    rng = random.Random(f"seeded graph {seed}")
    steps = []
    needs = [
        {rng.randrange(number) for _ in range(rng.choice([0, 1, 2])) if number}
        for number in range(size)
    ]
    needed = set().union(*needs)
    for number in range(size):
        locks = rng.sample(_LOCKS, rng.choice([0, 0, 1, 2]))
        cut = rng.randint(0, len(locks))
        step = Step(number, folder, locks[:cut], rng.random() < 1 / 30)
        task(
            step,
            requires={every(tag) for tag in needs[number]},
            provides={number} & needed,
            claims=locks[:cut],
            uses=locks[cut:],
            priority=rng.choice([0, 0, 1]),
        )
        steps.append(step)
    return steps


def run_graph(steps: list[Step], pool: Any) -> dict[str, Any]:
    """What a run gives, by the task's name: the outcome, what it returned, its shared dict."""
    sched = Sched(steps)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".* tasks skipped due to unmet deps", PexenWarning)
        told = {repr(res.task): (res.outcome, res.ret, res.shared) for res in sched.run(pool)}
    never = {repr(step): (outcome,) for step, outcome in sched.outcomes.items()}
    return {**never, **told}


def beginnings(step: Step) -> list[int]:
    """The process ids under which a step began."""
    path = step.folder / repr(step)
    return [int(line) for line in path.read_text().split()] if path.exists() else []
