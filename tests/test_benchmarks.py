"""The benchmarks can be run; what they measure is no test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parent / "bench"
PAGE = Path(__file__).resolve().parents[1] / "doc" / "explanation" / "performance.md"

SMALLEST = {
    "overhead": ["--shape=layered", "--count=120", "--process-count=10"],
    "scale": ["--most=120"],
    "memory": ["--count=120"],
    "locks": ["--count=20"],
    "prefetch": ["--quick"],
    "collect": ["--modules=2"],
    "startup": [],
    "transfer": ["--megabytes=1"],
}


def run(script: str, *arguments: str) -> str:
    command = [sys.executable, str(BENCH / f"{script}.py"), "--peers=none", "--rounds=1"]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "" or script == "all"
    return done.stdout


@pytest.mark.parametrize("script", SMALLEST)
def test_a_benchmark_prints_a_table_of_ratios(script: str) -> None:
    if script == "memory" and not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured on Linux only")
    head, rule, *rows = run(script, *SMALLEST[script]).splitlines()
    cells = [cell.strip() for cell in head.strip("|").split("|")]
    assert cells[4:] == ["ratio", "min–max", "target"]
    assert rows and all(row.count("|") == rule.count("|") == 8 for row in rows)


def test_the_page_of_all_benchmarks_keeps_its_text_and_gets_new_tables(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    text = PAGE.read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    run("all", "--only=startup", "--page", str(page))
    once = page.read_text(encoding="utf-8")
    run("all", "--only=startup", "--page", str(page))
    twice = page.read_text(encoding="utf-8")
    assert prose(once) == prose(twice) == prose(text)
    assert len(twice.splitlines()) == len(once.splitlines())
    section = twice.partition("\n## Starting\n")[2].partition("\n## ")[0]
    assert section.count("\n| `import pexen` | `python3 -c pass` |") == 1


def prose(page: str) -> list[str]:
    return [line for line in page.splitlines() if line and not line.startswith("|")]
