"""What the factories of pexen 0.0.3 do wrong: shown with 0.0.3, and done right by ours."""

from __future__ import annotations

import json
from typing import Any

import pytest
from legacy_versions import OURS, Version

SECONDS = 60  # a script takes a fraction of one


def answer(version: Version, question: str) -> Any:
    """What the version's script printed, or the last line of its traceback."""
    ending = version.start("run_tree.py", question, options=[]).finish(SECONDS)
    if ending.code == 0:
        return json.loads(ending.stdout.splitlines()[-1])
    assert ending.code is not None, "it hangs"
    return ending.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("question", "right"),
    [
        ("relative_import", True),
        ("imported_once", 1),
        ("main_module", False),
        ("re_export", 1),
        ("broken_module", True),
        ("pickled_by_reference", True),
    ],
)
def test_a_tree_that_the_old_one_gets_wrong_is_collected(
    old: Version, question: str, right: Any
) -> None:
    assert answer(OURS, question) == right
    assert answer(old, question) != right
