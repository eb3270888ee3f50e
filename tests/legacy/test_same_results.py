"""300 random task sets give the same results with pexen 0.0.3 and with ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from legacy_sets import KINDS, SetData, task_sets
from legacy_versions import OURS, Version

SECONDS = 60  # for all sets; they take about two

Answer = dict[str, Any]


@dataclass(frozen=True)
class Compared:
    """One task set, and what each version made of it."""

    data: SetData
    old: Answer
    ours: Answer


@pytest.fixture(scope="module")
def compared(old: Version, tmp_path_factory: pytest.TempPathFactory) -> list[Compared]:
    """The same script, run over the same sets by both versions at the same time."""
    sets = task_sets()
    path = tmp_path_factory.mktemp("sets") / "sets.json"
    path.write_text(json.dumps(sets))
    scripts = [version.start("run_sets.py", str(path)) for version in (old, OURS)]
    endings = [script.finish(SECONDS) for script in scripts]
    answers = []
    for which, ending in zip(("0.0.3", "ours"), endings):
        answers.append([json.loads(line) for line in ending.stdout.splitlines()])
        if len(answers[-1]) < len(sets):
            stopped = sets[len(answers[-1])]
            name = f"{stopped['kind']} {stopped['seed']}"
            pytest.fail(f"{which} doesn't get through {name}\n{ending.stderr[-4000:]}")
    return [Compared(*trio) for trio in zip(sets, *answers)]


def comparable(answer: Answer) -> Answer:
    """Without the one number that 0.0.3 has wrong: it counts tags, not the tasks skipped."""
    total, numbers = answer["warnings"]
    return answer | {"warnings": [total, numbers | {"skipped": len(numbers["skipped"])}]}


def differences(pair: Compared) -> Iterator[str]:
    old, ours = comparable(pair.old), comparable(pair.ours)
    for what in old:
        if what != "results" and old[what] != ours[what]:
            yield f"{what}: {old[what]} with 0.0.3, {ours[what]} with ours"
    if old["results"] != ours["results"]:
        for before, now in zip(old["results"], ours["results"]):
            if before != now:
                yield f"result: {before} with 0.0.3, {now} with ours"


@pytest.mark.parametrize("kind", KINDS)
def test_random_sets_give_the_same_results(compared: list[Compared], kind: str) -> None:
    of_kind = [pair for pair in compared if pair.data["kind"] == kind]
    assert len(of_kind) == KINDS[kind][0]
    found = [f"seed {p.data['seed']}: {text}" for p in of_kind for text in differences(p)]
    assert not found, "\n".join(found[:10])


def test_skipped_tasks_are_counted_one_by_one(compared: list[Compared]) -> None:
    for pair in compared:
        ended_well = {
            res["task"]
            for res in pair.ours["results"]
            if res["excinfo"] is None or res["excinfo"][0] in ("TaskFailError", "Careful")
        }
        tags = {
            json.dumps(tag)
            for task in pair.data["tasks"]
            if task["name"] in ended_well
            for tag in task["meta"].get("provides", [])
        }
        skipped = sum(
            any(json.dumps(tag) not in tags for tag in task["meta"].get("requires", []))
            for task in pair.data["tasks"]
        )
        _, numbers = pair.ours["warnings"]
        assert numbers["skipped"] == ([skipped] if skipped else []), pair.data["seed"]


def test_the_sets_have_in_them_what_they_are_to_compare(compared: list[Compared]) -> None:
    results = [res for pair in compared for res in pair.old["results"]]
    ends = [res["excinfo"][0] if res["excinfo"] else "ok" for res in results]
    for end in "ok", "TaskFailError", "Careful", "ValueError", "FileNotFoundError", "TypeError":
        assert ends.count(end) > 10, end
    ran = [count for pair in compared for count in pair.old["ran"].values()]
    assert set(ran) == {0, 1}
    assert ran.count(0) > 200
    said = [pair.old["warnings"][1] for pair in compared]
    assert sum(bool(numbers["skipped"]) for numbers in said) > 50
    assert sum(bool(numbers["held"]) for numbers in said) > 50
    blocked_by_locks = [
        pair.old["ran"][task["name"]] == 0 and "requires" not in task["meta"]
        for pair in compared
        for task in pair.data["tasks"]
    ]
    assert sum(blocked_by_locks) > 20
