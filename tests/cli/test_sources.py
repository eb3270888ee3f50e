"""Which files a watch looks at."""

from __future__ import annotations

import os
import pathlib
import sys

import pytest

from pexen.cli.sources import Sources


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The current directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    return folder


def write(path: pathlib.Path, text: str = "", executable: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755 if executable else 0o644)


def seen(sources: Sources, folder: pathlib.Path) -> list[str]:
    return sorted(os.path.relpath(path, folder) for path in sources.look())


def test_modules_below_the_current_directory_are_seen_and_executables_below_the_targets(here):
    for name in ("a.py", "lib/b.py", "lib/tool", "tests/c.py", "tests/d.txt"):
        write(here / name, executable=name.endswith("tool"))
    write(here / "tests/smoke.sh", executable=True)
    assert seen(Sources(["tests"]), here) == ["a.py", "lib/b.py", "tests/c.py", "tests/smoke.sh"]
    assert seen(Sources(["lib"]), here) == ["a.py", "lib/b.py", "lib/tool", "tests/c.py"]


def test_what_is_hidden_or_installed_is_not_seen(here):
    for folder in (".git", "__pycache__", "lib/site-packages", "venv/bin"):
        write(here / folder / "a.py")
    write(here / ".a.py")
    write(here / "venv/pyvenv.cfg")
    assert seen(Sources(["."]), here) == []


def test_a_target_elsewhere_is_seen_with_the_package_around_it(here, tmp_path):
    for name in ("pkg/__init__.py", "pkg/x.py", "pkg/sub/__init__.py", "other.py"):
        write(tmp_path / name)
    sources = Sources([str(tmp_path / "pkg" / "sub")])
    assert seen(sources, tmp_path) == ["pkg/__init__.py", "pkg/sub/__init__.py", "pkg/x.py"]
    assert sources.starts == [str(tmp_path / "pkg" / "sub")]
    assert str(tmp_path) in sources.tops


def test_a_file_elsewhere_is_seen_with_those_beside_it(here, tmp_path):
    for name in ("tests/a.py", "tests/b.py", "c.py"):
        write(tmp_path / name)
    sources = Sources([str(tmp_path / "tests" / "a.py")])
    assert seen(sources, tmp_path) == ["tests/a.py", "tests/b.py"]


def test_a_target_may_be_the_name_of_a_module_which_is_not_imported(here, tmp_path, monkeypatch):
    for name in ("lib/pkg_seen/__init__.py", "lib/pkg_seen/x.py", "lib/other.py"):
        write(tmp_path / name, "raise AssertionError")
    monkeypatch.syspath_prepend(tmp_path / "lib")
    sources = Sources(["pkg_seen.x"])
    assert sources.starts == [str(tmp_path / "lib" / "pkg_seen" / "x.py")]
    assert seen(sources, tmp_path / "lib") == ["pkg_seen/__init__.py", "pkg_seen/x.py"]
    assert seen(Sources(["other"]), tmp_path / "lib") == ["other.py"]


@pytest.mark.parametrize("target", ["nowhere", "nowhere.x", "sys", "a..b", "pexen.nowhere"])
def test_a_target_that_is_not_there_is_nothing(here, target):
    sources = Sources([target])
    assert (sources.starts, sources.look()) == ([], {})


def test_folders_of_the_path_count_if_they_are_watched(here, tmp_path, monkeypatch):
    write(here / "src" / "x.py")
    monkeypatch.setattr(sys, "path", [str(here / "src"), str(tmp_path), "src/.."])
    assert Sources(["src/x.py"]).tops == [str(here / "src"), str(here)]


def test_linked_folders_are_followed_but_not_in_circles(here):
    write(here / "a" / "x.py")
    (here / "a" / "again").symlink_to(here / "a")
    (here / "b").symlink_to(here / "a")
    assert seen(Sources(["."]), here) == ["a/x.py", "b/x.py"]


def test_a_file_that_is_written_to_has_another_stamp_and_one_that_is_not_the_same(here):
    write(here / "a.py")
    sources = Sources(["."])
    before = sources.look()
    assert sources.look() == before
    write(here / "a.py", "x")
    assert sources.look() != before


def test_links_that_lead_nowhere_and_folders_that_are_gone_are_nothing(here):
    (here / "a.py").symlink_to(here / "nowhere")
    (here / "tests").mkdir()
    sources = Sources(["tests"])
    (here / "tests").rmdir()
    assert sources.look() == {}
