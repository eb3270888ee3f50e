"""Walking over a package and all below it."""

from __future__ import annotations

import pickle
import sys
import traceback
import unittest
import zipfile
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from pexen.factory import ModTreeFactory, get_callpath
from pexen.factory.modtree import Tree
from pexen.sched import meta

TASK = "from pexen import task\n@task\ndef {}(shared): return __name__\n"


def one(name: str) -> str:
    """A module with one task."""
    return TASK.format(name)


def test_the_package_its_modules_and_its_sub_packages_are_walked(tree: Any, places: Any) -> None:
    tree.write(
        {
            "__init__.py": one("dummy1"),
            "mod.py": one("dummy2"),
            "sub/__init__.py": one("dummy3"),
            "sub/a.py": one("dummy4"),
            "another.py": one("dummy5"),
        }
    )
    tasks = list(ModTreeFactory()(tree.load()))
    assert places(tasks) == ["dummy1", "another/dummy5", "mod/dummy2", "sub/dummy3", "sub/a/dummy4"]
    assert [task(None) for task in tasks[1:]] == [
        f"{tree.name}.{name}" for name in ("another", "mod", "sub", "sub.a")
    ]


def test_the_package_may_be_given_by_name(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "", "sub/__init__.py": one("x"), "sub/a.py": one("y")})
    assert places(ModTreeFactory()(f"{tree.name}.sub")) == ["x", "a/y"]


def test_a_package_that_is_not_there_is_an_error(tree: Any) -> None:
    tree.write({"__init__.py": "", "sub/__init__.py": "import pexen_tree_nowhere\n"})
    with pytest.raises(ModuleNotFoundError, match="module 'pexen_tree_none.x' can't be found"):
        list(ModTreeFactory()("pexen_tree_none.x"))
    with pytest.raises(ModuleNotFoundError, match="nope"):
        list(ModTreeFactory()(f"{tree.name}.nope"))
    (failing,) = ModTreeFactory()(f"{tree.name}.sub")
    assert get_callpath(failing) == ["sub"]


def test_the_callpath_starts_with_that_of_the_factory(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": one("x"), "a.py": one("y"), "b.py": "1 / 0"})
    factory = ModTreeFactory()
    factory.callpath_push("top")
    assert places(factory(tree.name)) == ["top/x", "top/a/y", "top/b"]
    assert factory.callpath == ["top"]


def test_names_match_in_every_module(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "def test_a(): pass\n", "m.py": "def test_b(): pass\n"})
    assert places(ModTreeFactory(match="test_*")(tree.name)) == ["test_a", "m/test_b"]


def test_modules_may_use_relative_imports(tree: Any, places: Any) -> None:
    tree.write(
        {
            "__init__.py": "",
            "base.py": "value = 5\n",
            "sub/__init__.py": "",
            "sub/a.py": "from ..base import value\nfrom .. import base\n" + one("x"),
        }
    )
    tasks = list(ModTreeFactory()(tree.name))
    assert places(tasks) == ["sub/a/x"]


def test_modules_are_imported_once_and_registered(tree: Any) -> None:
    tree.write(
        {
            "__init__.py": "count = []\n",
            "a.py": f"from {tree.name} import b, count\ncount.append(__name__)\n" + one("x"),
            "b.py": f"from {tree.name} import count\ncount.append(__name__)\n" + one("y"),
        }
    )
    tasks = list(ModTreeFactory()(tree.load()))
    assert sorted(tree.load().count) == [f"{tree.name}.a", f"{tree.name}.b"]
    assert sys.modules[f"{tree.name}.a"].x is tasks[0]
    assert pickle.loads(pickle.dumps(tasks)) == tasks


def test_main_modules_are_not_executed(tree: Any, places: Any) -> None:
    main = "raise SystemExit('executed')\n"
    tree.write({"__init__.py": one("x"), "__main__.py": main, "s/__init__.py": "",
                "s/__main__.py": main})  # fmt: skip
    assert places(ModTreeFactory()(tree.name)) == ["x"]


def test_re_exports_are_collected_once_where_they_are_defined(tree: Any, places: Any) -> None:
    home = "import functools\n" + one("func") + "part = task(functools.partial(print))\n"
    tree.write(
        {
            "__init__.py": "from .home import func, part\nfrom .sub.deep import other\n",
            "home.py": home,
            "sub/__init__.py": "from ..home import *\nfrom .deep import other as alias\n",
            "sub/deep.py": one("other"),
        }
    )
    assert places(ModTreeFactory()(tree.name)) == ["home/func", "home/part", "sub/deep/other"]


def test_what_two_modules_import_from_outside_is_collected_once(tree: Any, places: Any) -> None:
    line = "from textwrap import dedent as test_x\n"
    tree.write({"__init__.py": "", "a.py": line, "b.py": line})
    assert places(ModTreeFactory("test_*")(tree.name)) == ["a/test_x"]


BROKEN = [
    ("1 / 0", ZeroDivisionError),
    ("def (", SyntaxError),
    ("import pexen_tree_nowhere", ModuleNotFoundError),
    ("raise SystemExit(3)", SystemExit),
    ("raise GeneratorExit", GeneratorExit),
    ("class E(BaseException): pass\nraise E('local')", BaseException),
    ("raise __import__('unittest').SkipTest('not here')", unittest.SkipTest),
]


@pytest.mark.parametrize(("text", "error"), BROKEN)
def test_a_module_that_fails_to_import_becomes_a_failing_task(
    tree: Any, places: Any, text: str, error: type[BaseException]
) -> None:
    tree.write({"__init__.py": "", "a.py": text, "b.py": one("x")})
    tasks = list(ModTreeFactory()(tree.name))
    assert places(tasks) == ["a", "b/x"]
    for _ in range(2):
        with pytest.raises(error) as info:
            tasks[0]()
        assert len(info.traceback) < 5


def test_the_failing_task_shows_where_the_module_failed(tree: Any) -> None:
    tree.write({"__init__.py": "", "a.py": "\n\n1 / 0\n"})
    (failing,) = ModTreeFactory()(tree.name)
    with pytest.raises(ZeroDivisionError) as info:
        failing()
    assert info.traceback[-1].path == tree.folder / "a.py"
    assert "importlib" not in "".join(traceback.format_exception(info.value))
    assert repr(failing) == f"<ImportFailure of '{tree.name}.a': ZeroDivisionError>"


@pytest.mark.parametrize(("text", "error"), BROKEN)
def test_the_failing_task_can_be_pickled(
    tree: Any, text: str, error: type[BaseException]
) -> None:
    tree.write({"__init__.py": "", "a.py": text})
    (failing,) = ModTreeFactory()(tree.name)
    travelled = pickle.loads(pickle.dumps(failing))
    assert get_callpath(travelled) == ["a"]
    local = error is BaseException  # its class went away with the module
    with pytest.raises(ImportError if local else error) as info:
        travelled()
    if error is not SyntaxError:
        assert f"{tree.name}/a.py" in "".join(info.value.__notes__)


def test_a_package_that_fails_to_import_stands_for_all_below_it(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "", "p/__init__.py": "1 / 0", "p/m.py": one("x"), "q.py": one("y")})
    assert places(ModTreeFactory()(tree.name)) == ["p", "q/y"]


def test_being_interrupted_while_importing_ends_the_walk(tree: Any) -> None:
    tree.write({"__init__.py": "", "a.py": "raise KeyboardInterrupt"})
    with pytest.raises(KeyboardInterrupt):
        list(ModTreeFactory()(tree.name))


def test_a_plain_module_is_a_tree_of_one(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "", "a.py": one("x")})
    assert places(ModTreeFactory()(tree.load("a"))) == ["x"]


def test_an_object_in_place_of_a_module_has_no_tasks(tree: Any, places: Any) -> None:
    replace = "import sys\nsys.modules[__name__] = 5\n"
    tree.write({"__init__.py": "", "a.py": replace, "b.py": one("x")})
    assert places(ModTreeFactory()(tree.name)) == ["b/x"]


def test_below_a_namespace_package_folders_are_packages(tree: Any, places: Any) -> None:
    tree.write(
        {
            "a.py": one("x"),
            "sub/deep/b.py": one("y"),
            "regular/__init__.py": "",
            "regular/data/c.py": "raise SystemExit('imported')",
            "not-a-name/d.py": "raise SystemExit('imported')",
            ".hidden/e.py": "raise SystemExit('imported')",
        }
    )
    assert places(ModTreeFactory()(tree.name)) == ["a/x", "sub/deep/b/y"]


def test_a_package_in_a_zip_file_is_walked(tree: Any, places: Any) -> None:
    name = f"{tree.name}_zipped"
    archive = tree.root / "archive.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"{name}/__init__.py", one("x"))
        file.writestr(f"{name}/sub/__init__.py", "")
        file.writestr(f"{name}/sub/m.py", one("y"))
    sys.path.insert(0, str(archive))
    assert places(ModTreeFactory(executables=True)(name)) == ["x", "sub/m/y"]


def test_a_symlink_back_into_the_tree_does_not_go_round_for_ever(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "", "sub/__init__.py": one("x")})
    (tree.folder / "sub" / "again").symlink_to(tree.folder)
    assert len(places(ModTreeFactory(executables=True, follow=True)(tree.name))) < 3


RUN = "#!/bin/sh\necho here\n"


def test_executables_are_left_out_unless_asked_for(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": one("x"), "run.sh": RUN})
    assert places(ModTreeFactory()(tree.name)) == ["x"]
    assert places(ModTreeFactory(executables=True)(tree.name)) == ["x", "run.sh"]


def test_executables_are_mixed_with_modules(tree: Any, places: Any) -> None:
    tree.write(
        {
            "__init__.py": one("x"),
            "run.sh": RUN,
            "script.py": "#!/usr/bin/env python3\n" + one("y"),
            "__main__.py": "#!/usr/bin/env python3\nraise SystemExit('executed')\n",
            "ext.abi3.so": "#!not really\n",
            ".hidden.sh": RUN,
            "bin/tool": RUN,
            "bin/tool.py": RUN,  # no package, so no module
            "sub/__init__.py": "",
            "sub/run": RUN,
            "broken/__init__.py": "1 / 0",
            "broken/run": RUN,
            "broken/mod.py": RUN,
        }
    )
    (tree.folder / "ext.abi3.so").rename(tree.folder / "ext.so")
    tasks = list(ModTreeFactory(executables=True, capture_output=True)(tree.name))
    assert places(tasks)[0:2] == ["x", "run.sh"]
    assert [place for place in places(tasks)[2:] if place != "ext"] == [
        "bin/tool", "bin/tool.py", "broken", "broken/run", "script/y", "sub/run",
    ]  # fmt: skip
    assert tasks[1]().stdout == b"here\n"


def test_a_subclass_decides_what_a_module_gives(tree: Any, places: Any) -> None:
    class Counting(ModTreeFactory):
        def module_tasks(
            self,
            module: ModuleType,
            members: list[tuple[str, Any]],
            path: Sequence[str],
            tree: Tree,
        ) -> Any:
            task = meta.func_meta(lambda: (module.__name__, len(members)))
            yield self.callpath_wrap(task, "count", path)

    tree.write({"__init__.py": one("x"), "a.py": ""})
    tasks = list(Counting()(tree.name))
    assert places(tasks) == ["count", "a/count"]
    assert [task() for task in tasks] == [(tree.name, 1), (f"{tree.name}.a", 0)]


def test_two_walks_of_one_factory_may_be_interleaved(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "", "a.py": one("x"), "b.py": one("y")})
    factory = ModTreeFactory()
    pairs = list(zip(factory(tree.name), factory(tree.name), strict=True))
    assert all(one is other for one, other in pairs)
    assert len(pairs) == 2


def test_the_walk_does_not_depend_on_the_working_directory(
    tree: Any, places: Any, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: Any
) -> None:
    tree.write({"__init__.py": "", "a.py": one("x")})
    elsewhere: Path = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    assert places(ModTreeFactory()(tree.name)) == ["a/x"]
