"""What runs all tests: that it leaves none out, and says so when one fails."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import pytest

HERE = pathlib.Path(__file__).resolve().parent


@pytest.fixture
def runner() -> ModuleType:
    spec = importlib.util.spec_from_file_location("all_tests", HERE / "all.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def said(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, codes: dict[str, int], *options: str
) -> int:
    """What it returns if pytest returns these, by the last part of a path, and else 5."""

    def run(paths: list[str], own: list[str]) -> tuple[int, str]:
        assert own == [*options]
        code = codes.get(pathlib.Path(paths[0]).name, 5)
        return code, f"code {code}"

    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(sys, "argv", ["all.py", "-j2", *options])
    returned: int = runner.main()
    return returned


def test_every_test_is_in_one_part(runner: ModuleType) -> None:
    paths = [pathlib.Path(path) for paths in runner.parts([]).values() for path in paths]
    for file in HERE.rglob("test_*.py"):
        assert len([path for path in paths if path == file or path in file.parents]) == 1, file


def test_what_is_to_be_ignored_is_given_to_no_pytest(runner: ModuleType) -> None:
    every, file = runner.parts([]), HERE / "test_all.py"
    some = runner.parts([HERE / "docs", file, HERE / "cli/test_cli_run.py"])
    assert "docs" in every and every.keys() - some.keys() == {"docs"}
    assert [*every["the rest"]].count(str(file)) == 1 and str(file) not in some["the rest"]
    assert some["cli"] == every["cli"]  # its pytest leaves out what is in there


def test_a_part_that_fails_is_named(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = {"cli": 0, "pools": 1, "sched": 0}
    assert said(runner, monkeypatch, codes, "-k", "x", f"--ignore={HERE / 'docs'}") == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "failed: pools" and "== pools\ncode 1\n" in out


def test_a_part_may_have_none_of_the_chosen_tests_but_not_all_may(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said(runner, monkeypatch, {"cli": 0}) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("passed: ")
    assert said(runner, monkeypatch, {}) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "failed: there are no such tests"


@pytest.mark.parametrize("wrong", [["-j0"], ["-j", "many"], [str(HERE / "test_all.py")]])
def test_what_it_cannot_do_is_refused(
    runner: ModuleType, wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        runner.options_of(wrong)
    assert wrong[-1].removeprefix("-j") in capsys.readouterr().err


@pytest.mark.parametrize("options", [["-k", "doc"], ["-k", "tests"], ["-m", "abandons", "-x"]])
def test_what_chooses_tests_goes_to_each_pytest_whatever_files_there_are(
    runner: ModuleType, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE.parent)
    assert runner.options_of(options)[1] == options


def test_what_a_test_leaves_behind_does_not_hold_up_its_part(
    runner: ModuleType, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "test_leaves.py"
    file.write_text(
        "import subprocess\n"
        "def test_leaves(capfd):\n"
        "    with capfd.disabled():\n"
        "        print(f'left {subprocess.Popen([\"sleep\", \"600\"]).pid}.')\n"
    )
    code, printed = runner.run([str(file)], ["-q", "-p", "no:cacheprovider", "-W", "ignore"])
    os.kill(int(printed.partition("left ")[2].partition(".")[0]), signal.SIGKILL)
    assert code == 0 and "1 passed" in printed


def test_ctrl_c_begins_no_other_part_and_shows_those_that_ran(
    runner: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begun: list[str] = []
    first, over = threading.Event(), threading.Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            over.set()
            super().shutdown(wait=wait)

    def run(paths: list[str], _: list[str]) -> tuple[int, str]:
        begun.extend(paths)
        first.set()
        assert over.wait(30)
        return 2, "interrupted"

    def interrupt(_: object) -> None:
        assert first.wait(30)
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "ThreadPoolExecutor", Pool)
    monkeypatch.setattr(runner, "run", run)
    monkeypatch.setattr(runner, "as_completed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        runner.run_all({name: [name] for name in "abc"}, [], 1)
    assert begun == ["a"]
    assert capsys.readouterr().out == "== a\ninterrupted\n"
