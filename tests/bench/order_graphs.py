"""Task graphs to try orders on: those of the Standard Task Graph Set, and made ones with locks.

`data/stg50.txt` has the 180 graphs of 50 tasks of the Standard Task Graph Set (T. Tobita and
H. Kasahara, "A standard task graph set for fair evaluation of multiprocessor scheduling
algorithms", 2002), which is in the public domain; without the dummy tasks at both ends. Each
line is a graph: its name, the makespan known for 2, 4, 8 and 16 workers (`a-b` where it is
only known to be within), then of each task its duration, and after colons the numbers of the
tasks before it, from 1 up.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pexen import task
from pexen.sched import every

DATA = Path(__file__).parent / "data" / "stg50.txt"
WORKERS = (2, 4, 8, 16)


class Job:
    """A task that takes `seconds`, and does nothing."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> None:
        pass


@dataclass
class Instance:
    """Tasks, the workers to run them with, and what is known of the makespan.

    No run can be shorter than `least`; one of `known` has been found. 0.0: nothing is known.
    """

    name: str
    tasks: list[Job]
    workers: int
    least: float = 0.0
    known: float = 0.0
    resources: dict[str, float] = field(default_factory=dict)


def standard_set(path: Path = DATA) -> list[Instance]:
    """Each graph of a file like DATA, or of a folder of the set's own, with 2 to 16 workers."""
    if path.is_dir():
        return _folder(path)
    found = []
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, *words = line.split()
            jobs = _jobs([list(map(int, word.split(":"))) for word in words[len(WORKERS) :]])
            for workers, makespan in zip(WORKERS, words, strict=False):
                least, _, known = makespan.partition("-")
                found.append(Instance(name, jobs, workers, int(least), int(known or least)))
    return found


def _folder(path: Path) -> list[Instance]:
    """Of a folder with NAME.stg files and optimum_N.csv for N workers."""
    jobs: dict[str, list[Job]] = {}
    for file in sorted(path.glob("*.stg")):
        lines = file.read_text().partition("#")[0].splitlines()[1:]
        rows = [list(map(int, line.split())) for line in lines if line.strip()]
        # Without the dummies at both ends: a task, its duration, a count, those before it.
        jobs[file.name] = _jobs([row[1], *filter(None, row[3:])] for row in rows[1:-1])
    found = []
    for workers in WORKERS:
        for line in (path / f"optimum_{workers}.csv").read_text().splitlines():
            name, _, *makespans = line.strip().split(",")
            name = name.rpartition("/")[2]
            least, known = int(makespans[0]), int(makespans[-1])
            found.append(Instance(name, jobs[name], workers, least, known))
    return found


def _jobs(rows: Iterable[list[int]]) -> list[Job]:
    jobs = []
    for number, (seconds, *before) in enumerate(rows, 1):
        needs = [every(other) for other in before]
        jobs.append(task(Job(seconds), provides=[number], requires=needs))
    return jobs


def made_set(kind: str, count: int, size: int = 40) -> list[Instance]:
    """Random instances; the same every time. `kind` is one of KINDS."""
    return [_made(kind, number, size) for number in range(count)]


def _made(kind: str, number: int, size: int) -> Instance:
    rng = random.Random(f"{kind} {number}")
    jobs = []
    resources: dict[str, float] = {}
    if kind == "resources":  # in the way of PSPLIB: how scarce they are differs
        resources = {name: rng.randint(10, 30) for name in "abcd"}
    width = rng.choice([5, 10, 20])
    for place in range(size):
        before = range(max(0, place - width), place)
        needs = [every(n) for n in rng.sample(before, min(len(before), rng.choice([0, 1, 1, 2, 3])))]
        job = Job(rng.randint(1, 10))
        jobs.append(task(job, provides=[place], requires=needs, **KINDS[kind](rng, number)))
    # With resources, as in projects, workers are no matter.
    workers = size if kind == "resources" else rng.choice(WORKERS[:3])
    return Instance(f"{kind}-{number}", jobs, workers, resources=resources)


def _few_locks(rng: random.Random, number: int) -> dict[str, Any]:
    """Some tasks claim one of a few locks."""
    return {"claims": [rng.randrange(1 + number % 4)]} if rng.random() < 0.4 else {}


def _tree_of_locks(rng: random.Random, number: int) -> dict[str, Any]:
    """Uses and claims at all heights of a tree."""
    key = tuple(rng.randrange(1 + number % 3) for _ in range(rng.choice([1, 2, 2, 3])))
    return {rng.choice(["uses", "uses", "claims"]): [key]} if rng.random() < 0.6 else {}


def _amounts(rng: random.Random, number: int) -> dict[str, Any]:
    """Amounts of up to four resources, of more of them the higher the number."""
    names = [name for name in "abcd" if rng.random() < (1 + number % 4) / 4]
    return {"resources": {name: rng.randint(1, 10) for name in names}}


KINDS = {"locks": _few_locks, "tree of locks": _tree_of_locks, "resources": _amounts}
