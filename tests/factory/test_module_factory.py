"""What ModuleFactory takes for a task of a module."""

from __future__ import annotations

import functools
import pickle
from typing import Any

import pytest

from pexen.factory import ModuleFactory, get_callpath
from pexen.sched import meta

ANNOTATED = """
    from pexen import task

    @task
    def annotated(shared):
        pass

    def plain():
        pass

    def test_plain():
        pass
"""


def names(tasks: Any) -> list[str]:
    return [get_callpath(task)[-1] for task in tasks]


def test_callables_with_metadata_are_tasks(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": ANNOTATED})
    tasks = list(ModuleFactory()(tree.load()))
    assert places(tasks) == ["annotated"]
    assert tasks == [tree.load().annotated]


def test_so_are_those_whose_name_matches(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": ANNOTATED})
    assert places(ModuleFactory("test_*")(tree.load())) == ["annotated", "test_plain"]


def test_the_module_may_be_given_by_name(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": "", "sub/__init__.py": ANNOTATED})
    assert places(ModuleFactory()(f"{tree.name}.sub")) == ["annotated"]


def test_a_module_given_by_name_that_fails_to_import_raises(tree: Any) -> None:
    tree.write({"__init__.py": "1 / 0"})
    with pytest.raises(ZeroDivisionError):
        list(ModuleFactory()(tree.name))


def test_the_callpath_starts_with_that_of_the_factory(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": ANNOTATED})
    factory = ModuleFactory()
    factory.callpath_push("top")
    assert places(factory(tree.load())) == ["top/annotated"]


def test_tasks_come_sorted_by_name(tree: Any) -> None:
    tree.write({"__init__.py": "def b(): pass\ndef c(): pass\ndef a(): pass\n"})
    assert names(ModuleFactory("?")(tree.load())) == ["a", "b", "c"]


def test_all_kinds_of_callables_are_tasks(tree: Any) -> None:
    tree.write(
        {
            "__init__.py": """
            import functools

            class Machine:
                def start(self):
                    return "started"

                def __call__(self):
                    return "called"

            x_bound = Machine().start
            x_class = Machine
            x_builtin = len
            x_instance = Machine()
            x_lambda = lambda: None
            x_partial = functools.partial(print, "hello")
            x_number = 1
            """
        }
    )
    tasks = {get_callpath(task)[-1]: task for task in ModuleFactory("x_*")(tree.load())}
    assert sorted(tasks) == [
        "x_bound", "x_builtin", "x_class", "x_instance", "x_lambda", "x_partial",
    ]  # fmt: skip
    assert tasks["x_bound"]() == "started"
    assert isinstance(tasks["x_bound"], functools.partial)
    assert meta.has_meta(tasks["x_builtin"])
    assert tasks["x_instance"] is tree.load().x_instance


def test_what_is_placed_into_globals_counts_under_the_name_of_the_global(tree: Any) -> None:
    tree.write(
        {
            "__init__.py": "",
            "maker.py": "def make():\n    def inner(): pass\n    return inner\n",
            "user.py": """
            from .maker import make

            for number in range(3):
                globals()[f"test_{number}"] = make()
            """,
        }
    )
    assert names(ModuleFactory("test_*")(tree.load("user"))) == ["test_0", "test_1", "test_2"]


def test_one_object_under_two_names_is_one_task_under_its_own_name(tree: Any) -> None:
    tree.write({"__init__.py": "def test_m(): pass\ntest_a = test_z = test_m\n"})
    assert names(ModuleFactory("test_*")(tree.load())) == ["test_m"]


REEXPORTS = {
    "__init__.py": "",
    "home.py": """
    import functools
    from pexen import task

    @task
    def function(): pass

    @task
    class Class: pass

    class Callable:
        def __call__(self): pass

    instance = task(Callable())
    partial = task(functools.partial(print))
    anonymous = task(lambda: None)
    """,
}


@pytest.mark.parametrize(
    "line",
    [
        "from .home import Class, anonymous, function, instance, partial",
        "from .home import *",
        "from .home import function as f, partial as p, instance as i, anonymous as a, Class as C",
        "if True:\n    from .between import partial, instance, anonymous",
    ],
)
def test_what_is_imported_from_the_same_package_is_left_to_its_home(tree: Any, line: str) -> None:
    between = "from .home import *\n"
    tree.write({**REEXPORTS, "between.py": between, "other.py": f"{line}\n"})
    assert names(ModuleFactory()(tree.load("other"))) == []
    assert names(ModuleFactory()(tree.load("home"))) == [
        "Class", "anonymous", "function", "instance", "partial",
    ]  # fmt: skip


def test_what_is_imported_from_another_package_counts(tree: Any) -> None:
    tree.write({"__init__.py": "from textwrap import dedent\nfrom os import getcwd\n"})
    tasks = list(ModuleFactory("*")(tree.load()))
    assert names(tasks) == ["dedent", "getcwd"]


def test_a_pattern_for_everything_leaves_out_what_python_put_there(tree: Any) -> None:
    tree.write({"__init__.py": "def __getattr__(name): raise AttributeError(name)\n"})
    assert names(ModuleFactory("*")(tree.load())) == []


def test_objects_that_answer_to_every_name_are_not_taken_for_tasks(tree: Any) -> None:
    tree.write(
        {
            "__init__.py": """
            from unittest import mock
            from unittest.mock import call

            anything = mock.MagicMock()

            class Refuses:
                def __call__(self): pass
                def __getattribute__(self, name): raise RuntimeError(name)

            refuses = Refuses()
            """
        }
    )
    assert names(ModuleFactory()(tree.load())) == []
    assert names(ModuleFactory("r*")(tree.load())) == ["refuses"]


def test_tasks_travel_by_reference(tree: Any) -> None:
    tree.write({"__init__.py": ANNOTATED})
    (found,) = ModuleFactory()(tree.load())
    assert pickle.loads(pickle.dumps(found)) is found


def test_a_callable_may_stand_for_several_tasks(tree: Any, places: Any) -> None:
    tree.write(
        {
            "__init__.py": """
            from pexen import task

            @task(priority=3)
            def b(*, size):
                return size

            b.pexen_factory_cases_ = [("[2]", {"size": 2}), ("[1]", {"size": 1})]

            @task
            def a():
                pass

            a.pexen_factory_cases_ = None

            @task
            def c():
                pass

            c.pexen_factory_cases_ = []
            """
        }
    )
    tasks = list(ModuleFactory()(tree.load()))
    assert places(tasks) == ["a", "b[2]", "b[1]"]
    assert [task() for task in tasks] == [None, 2, 1]
    assert [meta.get_priority(task) for task in tasks] == [0, 3, 3]
