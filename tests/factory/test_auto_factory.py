"""The factory that takes whatever a target holds."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pexen.factory import AutoFactory, get_callpath
from pexen.factory.unittest import UnittestTask

RUN = "#!/bin/sh\necho here\n"
CASE = "import unittest\nclass {}(unittest.TestCase):\n    def test(self): pass\n"


def one(name: str) -> str:
    """A module with one task."""
    return f"from pexen import task\n@task\ndef {name}(shared): return __name__\n"


MIXED = {
    "__init__.py": "",
    "mod.py": one("func"),
    "test_cases.py": CASE.format("Cases") + one("beside"),
    "run.sh": RUN,
    "sub/__init__.py": "",
    "sub/a.py": "from .. import mod\n" + one("deep"),
    "data/tool": RUN,
}
FOUND = [
    "run.sh", "data/tool", "mod/func", "sub/a/deep", "test_cases/beside", "test_cases/Cases",
]  # fmt: skip


@pytest.fixture
def bare(tree: Any) -> Any:
    """A tree that isn't on sys.path."""
    sys.path.remove(str(tree.root))
    return tree


def test_a_folder_gives_all_kinds_of_tasks(bare: Any, places: Any) -> None:
    bare.write(MIXED)
    tasks = list(AutoFactory(stdout=subprocess.PIPE)(bare.folder))
    assert places(tasks) == [f"{bare.name}/{place}" for place in FOUND]
    assert tasks[0]().stdout == b"here\n"
    assert tasks[3](None) == f"{bare.name}.sub.a"
    assert isinstance(tasks[5], UnittestTask)
    assert tasks[5]().successful
    assert sys.path[0] == str(bare.root)


def test_the_same_is_found_by_name(tree: Any, places: Any) -> None:
    tree.write(MIXED)
    assert places(AutoFactory()(tree.name)) == [f"{tree.name}/{place}" for place in FOUND]
    assert places(AutoFactory()(tree.load())) == [f"{tree.name}/{place}" for place in FOUND]
    assert places(AutoFactory()(f"{tree.name}.sub")) == ["sub/a/deep"]


def test_a_folder_within_a_package_is_imported_under_its_full_name(bare: Any, places: Any) -> None:
    bare.write(MIXED)
    (task,) = AutoFactory()(bare.folder / "sub")
    assert get_callpath(task) == ["sub", "a", "deep"]
    assert task(None) == f"{bare.name}.sub.a"
    assert sys.path[0] == str(bare.root)


def test_the_top_folder_is_put_on_the_path_once(bare: Any) -> None:
    bare.write(MIXED)
    for _ in range(3):
        list(AutoFactory()(bare.folder))
        list(AutoFactory()(bare.folder / "mod.py"))
    assert sys.path.count(str(bare.root)) == 1


@pytest.mark.parametrize("name", ["sub/a.py", "sub/../sub/a.py"])
def test_a_module_file_gives_what_is_in_the_module(bare: Any, name: str) -> None:
    bare.write(MIXED)
    (task,) = AutoFactory()(str(bare.folder / name))
    assert get_callpath(task) == ["a", "deep"]
    assert task(None) == f"{bare.name}.sub.a"


def test_the_file_of_a_package_is_not_its_tree(bare: Any, places: Any) -> None:
    bare.write({"__init__.py": one("x"), "a.py": one("y"), "run": RUN})
    assert places(AutoFactory()(bare.folder / "__init__.py")) == [f"{bare.name}/x"]


def test_a_module_file_outside_of_a_package_is_top_level(bare: Any) -> None:
    name = f"{bare.name}_alone"
    folder = bare.write({f"{name}.py": f"import {name}_x\n" + one("x"), f"{name}_x.py": ""})
    (task,) = AutoFactory()(folder / f"{name}.py")
    assert get_callpath(task) == [name, "x"]
    assert task(None) == name


def test_an_executable_file_is_one_task(bare: Any, places: Any) -> None:
    bare.write(MIXED)
    assert places(AutoFactory()(bare.folder / "run.sh")) == ["run.sh"]


def test_a_folder_without_init_is_a_namespace_package(bare: Any, places: Any) -> None:
    bare.write({"a.py": "from .sub import b\n" + one("x"), "sub/b.py": one("y"), "run": RUN})
    tasks = list(AutoFactory()(bare.folder))
    assert places(tasks) == [f"{bare.name}/{x}" for x in ("run", "a/x", "sub/b/y")]
    assert tasks[2](None) == f"{bare.name}.sub.b"


@pytest.mark.parametrize("folder", ["not-a-name", "test"])
def test_a_folder_that_can_not_be_a_package_has_top_level_modules(
    bare: Any, places: Any, folder: str
) -> None:
    """There is a package `test` in the standard library, which would be imported instead."""
    a, b = f"{bare.name}_a", f"{bare.name}_b"
    files = {f"{a}.py": f"from {b} import y\n" + one("x"), f"{b}.py": one("y"), "bin/run": RUN}
    root = bare.write(files, bare.root / folder)
    tasks = list(AutoFactory()(root))
    assert places(tasks) == [f"{folder}/{x}" for x in ("bin/run", f"{a}/x", f"{b}/y")]
    assert sys.path[0] == str(root)
    assert str(bare.root) not in sys.path


def test_two_folders_of_one_name_do_not_mix(bare: Any, places: Any) -> None:
    files = {"a.py": one("x")}
    one_, other = (bare.write(files, bare.root / side / bare.name) for side in ("l", "r"))
    assert places(AutoFactory()(one_)) == [f"{bare.name}/a/x"]
    (hidden,) = AutoFactory()(other)
    with pytest.raises(ImportError, match=f"module '{bare.name}.a' of .*/r/.* is hidden by"):
        hidden()


def test_a_package_hidden_by_another_one_fails(bare: Any) -> None:
    files = {"__init__.py": one("x")}
    one_, other = (bare.write(files, bare.root / side / bare.name) for side in ("l", "r"))
    list(AutoFactory()(one_))
    (hidden,) = AutoFactory()(other)
    with pytest.raises(ImportError, match="is hidden by the one imported from .*/l/"):
        hidden()


def test_what_fails_to_import_fails_and_the_rest_is_found(bare: Any, places: Any) -> None:
    bare.write({"__init__.py": "", "bad.py": "1 / 0", "good.py": one("x")})
    assert places(AutoFactory()(bare.folder)) == [f"{bare.name}/bad", f"{bare.name}/good/x"]
    (failing,) = AutoFactory()(bare.folder / "bad.py")
    assert get_callpath(failing) == ["bad"]
    with pytest.raises(ZeroDivisionError):
        failing()


def test_executables_of_a_package_that_fails_to_import_are_found(bare: Any, places: Any) -> None:
    bare.write({"__init__.py": "1 / 0", "sub/run": RUN, "mod.py": RUN})
    assert places(AutoFactory()(bare.folder)) == [bare.name, f"{bare.name}/sub/run"]


def test_names_match(bare: Any, places: Any) -> None:
    bare.write({"__init__.py": "", "a.py": "def check_it(): pass\n" + one("x")})
    found = places(AutoFactory("check_*")(bare.folder))
    assert found == [f"{bare.name}/a/check_it", f"{bare.name}/a/x"]


def test_a_unittest_class_with_metadata_is_collected_once(bare: Any, places: Any) -> None:
    text = CASE.format("Cases").replace("class", "from pexen import task\n@task\nclass")
    bare.write({"__init__.py": "", "a.py": text, "b.py": "from .a import Cases\n"})
    (task,) = AutoFactory("*Cases")(bare.folder)
    assert get_callpath(task) == [bare.name, "a", "Cases"]
    assert isinstance(task, UnittestTask)


def test_load_tests_of_a_package_speaks_for_all_below_it(bare: Any, places: Any) -> None:
    load = (
        "import os\ndef load_tests(loader, tests, pattern):\n"
        "    tests.addTests(loader.discover(os.path.dirname(__file__), pattern))\n"
        "    return tests\n"
    )
    files = {
        "__init__.py": "",
        "p/__init__.py": load + CASE.format("A"),
        "p/test_b.py": CASE.format("B") + one("x"),
        "p/not_discovered.py": CASE.format("C"),
        "q/__init__.py": "",
        "q/d.py": CASE.format("D"),
    }
    bare.write(files)
    found = places(AutoFactory()(bare.folder))
    assert found == [f"{bare.name}/{x}" for x in ("p/A", "p/test_b/B", "p/test_b/x", "q/d/D")]


def test_load_tests_of_a_module_is_honoured(bare: Any, places: Any) -> None:
    load = "def load_tests(loader, tests, pattern):\n"
    load += "    return unittest.TestSuite([unittest.FunctionTestCase(print)])\n"
    bare.write({"__init__.py": "", "a.py": CASE.format("A") + load})
    found = places(AutoFactory()(bare.folder))
    assert found == [f"{bare.name}/a/unittest.case.FunctionTestCase"]


def test_the_status_for_skipped_reaches_the_executables(bare: Any) -> None:
    bare.write({"run": "#!/bin/sh\nexit 77\n"})
    from pexen.sched import TaskSkip

    (task,) = AutoFactory(skip_status=77)(bare.folder)
    with pytest.raises(TaskSkip):
        task()


def test_following_symlinks_reaches_the_executables(bare: Any, places: Any) -> None:
    bare.write({"__init__.py": "", "x/run": RUN})
    (bare.folder / "link").symlink_to(bare.folder / "x")
    assert len(places(AutoFactory()(bare.folder))) == 1
    assert len(places(AutoFactory(follow=True)(bare.folder))) == 2


@pytest.mark.parametrize("target", ["nowhere/at/all", "nowhere.py"])
def test_a_path_that_does_not_exist_is_an_error(target: str) -> None:
    with pytest.raises(FileNotFoundError, match=f"path '{target}' doesn't exist"):
        list(AutoFactory()(target))


@pytest.mark.parametrize("target", ["pexen_tree_none", "pexen_tree_none.sub", "json.nope"])
def test_a_name_that_is_nothing_is_an_error(target: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=f"target '{target}' is neither a path"):
        list(AutoFactory()(target))


def test_a_target_without_tasks_is_an_error(bare: Any) -> None:
    bare.write({"__init__.py": "", "a.py": "def func(): pass\n"})
    with pytest.raises(FileNotFoundError, match="has no tasks; annotate a callable"):
        list(AutoFactory()(bare.folder))
    with pytest.raises(ModuleNotFoundError, match=f"module '{bare.name}.a' has no tasks"):
        list(AutoFactory()(f"{bare.name}.a"))


def test_a_file_that_is_no_task_is_an_error(bare: Any) -> None:
    bare.write({"data.txt": "", "__main__.py": "raise SystemExit(1)", "a.b.py": ""})
    with pytest.raises(PermissionError, match="data.txt' isn't executable; chmod"):
        list(AutoFactory()(bare.folder / "data.txt"))
    for name in ("__main__", "a.b"):
        with pytest.raises(ModuleNotFoundError, match=f"as '{name}' is no name for a module"):
            list(AutoFactory()(bare.folder / f"{name}.py"))


def test_the_callpath_starts_with_that_of_the_factory(bare: Any, places: Any) -> None:
    bare.write(MIXED)
    factory = AutoFactory()
    factory.callpath_push("top")
    assert places(factory(bare.folder)) == [f"top/{bare.name}/{place}" for place in FOUND]
    assert places(factory(bare.folder / "sub" / "a.py")) == ["top/a/deep"]


def test_a_path_is_seen_from_the_working_directory(
    bare: Any, places: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder: Path = bare.write(MIXED)
    monkeypatch.chdir(folder)
    assert places(AutoFactory()("sub")) == ["sub/a/deep"]
    assert places(AutoFactory()(".")) == [f"{bare.name}/{place}" for place in FOUND]
    assert places(AutoFactory()(os.curdir + os.sep + "run.sh")) == ["run.sh"]
