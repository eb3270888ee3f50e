"""Which modules a change of others affects, as far as their source tells."""

from __future__ import annotations

import pytest

from pexen.factory.importgraph import ImportGraph


class Project:
    """Modules in memory, below a folder that top-level modules are found in."""

    def __init__(self, **sources: str) -> None:
        self.sources = {f"/p/{path}": text for path, text in sources.items()}
        self.graph = ImportGraph(["/p"], self._read)
        self.graph.changed(self.sources)

    def _read(self, path: str) -> bytes:
        if path not in self.sources:
            raise FileNotFoundError(path)
        return self.sources[path].encode()

    def affected(self, *paths: str) -> set[str]:
        return self._relative(self.graph.changed(f"/p/{path}" for path in paths))

    def _relative(self, paths: set[str]) -> set[str]:
        return {path.removeprefix("/p/") for path in paths}

    def write(self, path: str, text: str) -> set[str]:
        self.sources[f"/p/{path}"] = text
        return self.affected(path)

    def remove(self, path: str) -> set[str]:
        del self.sources[f"/p/{path}"]
        return self._relative(self.graph.changed([], [f"/p/{path}"]))


@pytest.mark.parametrize(
    "statement",
    [
        "import helper",
        "import os, helper as h",
        "from helper import double",
        "from helper import *",
        "def f():\n    import helper",
        "if x:\n    pass\nelif y:\n    import helper",
        "try:\n    pass\nexcept OSError:\n    from helper import x",
        "match x:\n    case 1:\n        import helper",
        "async def f():\n    with x:\n        import helper",
    ],
)
def test_who_imports_a_module_is_affected_by_it(statement):
    project = Project(**{"helper.py": "", "other.py": "", "test_a.py": statement})
    assert project.affected("helper.py") == {"helper.py", "test_a.py"}
    assert project.affected("other.py") == {"other.py"}


def test_imports_are_followed_through_others_and_around_a_circle():
    project = Project(**{
        "a.py": "import b", "b.py": "import c", "c.py": "import b", "d.py": "import a", "e.py": "",
    })  # fmt: skip
    assert project.affected("c.py") == {"a.py", "b.py", "c.py", "d.py"}
    assert project.affected("d.py") == {"d.py"}


def test_a_module_taken_from_a_package_is_imported():
    sources = {"pkg/__init__.py": "", "pkg/x.py": "", "pkg/y.py": "", "t.py": "from pkg import x"}
    project = Project(**sources)
    assert project.affected("pkg/x.py") == {"pkg/x.py", "t.py"}
    assert project.affected("pkg/y.py") == {"pkg/y.py"}


def test_a_star_takes_every_module_of_a_package():
    sources = {"pkg/__init__.py": "", "pkg/x.py": "", "pkg/sub/__init__.py": "", "t.py": ""}
    project = Project(**sources)
    project.write("t.py", "from pkg import *")
    assert "t.py" in project.affected("pkg/x.py")
    assert "t.py" in project.affected("pkg/sub/__init__.py")


def test_a_package_is_imported_before_what_is_in_it():
    sources = {"pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/sub/x.py": "", "t.py": ""}
    project = Project(**sources)
    affected = project.affected("pkg/__init__.py")
    assert affected == {"pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/x.py"}
    project.write("t.py", "import pkg.sub.x")
    for path in ("pkg/__init__.py", "pkg/sub/__init__.py", "pkg/sub/x.py"):
        assert "t.py" in project.affected(path)


@pytest.mark.parametrize(
    ("place", "statement"),
    [
        ("pkg/a.py", "from . import x"),
        ("pkg/a.py", "from .x import y"),
        ("pkg/a.py", "from .x import *"),
        ("pkg/__init__.py", "from . import x"),
        ("pkg/sub/a.py", "from .. import x"),
        ("pkg/sub/a.py", "from ..x import y"),
        ("pkg/sub/__init__.py", "from ..x import y"),
    ],
)
def test_dots_lead_to_the_packages_around(place, statement):
    sources = {"pkg/__init__.py": "", "pkg/sub/__init__.py": "", "pkg/x.py": "", "x.py": ""}
    project = Project(**sources | {place: statement})
    assert place in project.affected("pkg/x.py")
    assert place not in project.affected("x.py")


def test_folders_without_init_are_packages_too():
    project = Project(**{"a/b/x.py": "", "t.py": "from a.b import x", "u.py": "import a.b.x"})
    assert project.affected("a/b/x.py") == {"a/b/x.py", "t.py", "u.py"}


def test_a_package_hides_a_module_of_its_name_and_a_module_a_mere_folder():
    sources = {"x/__init__.py": "", "x.py": "", "y/z.py": "", "y.py": "", "t.py": "import x, y"}
    project = Project(**sources)
    assert "t.py" in project.affected("x/__init__.py") and "t.py" in project.affected("y.py")
    assert "t.py" not in project.affected("x.py")


def test_a_module_beside_the_importing_one_counts():
    project = Project(**{"bin/helper.py": "", "bin/tool.py": "import helper"})
    assert project.affected("bin/helper.py") == {"bin/helper.py", "bin/tool.py"}


def test_what_is_not_of_the_project_is_nothing():
    project = Project(**{"t.py": "import os.path, nowhere.x\nfrom ....far import y"})
    assert project.affected("t.py") == {"t.py"}


def test_a_module_that_is_gone_affects_who_imported_it_also_when_it_comes_back():
    project = Project(**{"helper.py": "", "t.py": "import helper"})
    assert project.remove("helper.py") == {"helper.py", "t.py"}
    assert project.affected("t.py") == {"t.py"}
    assert project.write("helper.py", "") == {"helper.py", "t.py"}


def test_a_module_that_cannot_be_read_is_there_all_the_same():
    project = Project(**{"x.py": "", "t.py": "import x"})
    del project.sources["/p/x.py"]
    assert project.affected("x.py") == {"x.py", "t.py"}
    graph = ImportGraph(["/p"], project._read)
    graph.changed(["/p/x.py", "/p/t.py"])
    assert graph.changed([], ["/p/x.py"]) == {"/p/x.py", "/p/t.py"}


def test_a_new_module_that_hides_another_affects_who_imports_the_name():
    project = Project(**{"x.py": "", "t.py": "import x"})
    assert project.write("x/__init__.py", "") == {"x/__init__.py", "t.py"}


def test_who_does_not_import_a_module_any_more_is_not_affected_by_it():
    project = Project(**{"x.py": "", "t.py": "import x"})
    project.write("t.py", "")
    assert project.affected("x.py") == {"x.py"}


@pytest.mark.parametrize(
    ("source", "why"),
    [("import x\ndef f(", "line 2: '(' was never closed"), ("\0", "null bytes")],
)
def test_a_module_that_cannot_be_parsed_is_a_problem_and_keeps_its_imports(source, why):
    project = Project(**{"x.py": "", "t.py": "import x"})
    assert project.write("t.py", source) == {"t.py"}
    assert why in project.graph.problems["/p/t.py"]
    assert project.affected("x.py") == {"x.py", "t.py"}
    project.write("t.py", "")
    assert project.graph.problems == {}
    assert project.affected("x.py") == {"x.py"}


def test_a_very_long_chain_of_elif_is_no_problem():
    chain = "if x == 0: pass\n" + "".join(f"elif x == {n}: pass\n" for n in range(1200))
    project = Project(**{"x.py": "", "t.py": f"{chain}else:\n  import x"})
    assert project.graph.problems == {}
    assert project.affected("x.py") == {"x.py", "t.py"}


def test_a_module_is_found_by_its_full_name():
    graph = Project(**{"pkg/__init__.py": "", "pkg/x.py": "", "space/y.py": ""}).graph
    assert graph.file_of("pkg") == "/p/pkg/__init__.py"
    assert graph.file_of("pkg.x") == "/p/pkg/x.py"
    assert graph.file_of("space.y") == "/p/space/y.py"
    assert [graph.file_of(name) for name in ("space", "pkg.z", "os", "pkg.x.z")] == [None] * 4


def test_names_lead_to_the_deepest_module():
    graph = Project(**{"pkg/__init__.py": "", "pkg/x.py": "", "pkg/sub/y.py": ""}).graph
    assert graph.deepest("/p/pkg", ["x", "test"]) == "/p/pkg/x.py"
    assert graph.deepest("/p/pkg", ["sub", "y", "Class", "test"]) == "/p/pkg/sub/y.py"
    assert graph.deepest("/p/pkg", ["test"]) == "/p/pkg/__init__.py"
    assert graph.deepest("/p", ["test"]) is None
