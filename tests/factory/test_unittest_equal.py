"""Classes run as tasks in worker processes have the outcomes that unittest gives them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "bench" / "unittest_equal.py"

pytest.importorskip("test.test_json", reason="this Python comes without its own tests")


def test_outcomes_equal_those_of_unittest_test_by_test(tmp_path: Path) -> None:
    """The script beside the benchmarks does it for some 70 modules; these are fast ones."""
    modules = ["json", "graphlib", "textwrap", "array", "contextlib"]
    command = [sys.executable, str(SCRIPT), *(f"test.test_{name}" for name in modules)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    last = done.stdout.splitlines()[-1].split(", ")
    assert (last[0], last[2]) == ("5 modules", "0 differences")
    assert int(last[1].split()[0]) > 500
