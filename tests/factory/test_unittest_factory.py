"""Tests written for unittest, one task for each class."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import unittest
import warnings
from pathlib import Path
from typing import Any

import pytest

from pexen import PexenWarning, Sched
from pexen.factory import UnittestFactory, get_callpath
from pexen.factory.testresult import TestClassResult, warnings_shown
from pexen.factory.unittest import class_tasks, source_of
from pexen.sched import TaskFailError, TaskSkip, meta

ALL_OUTCOMES = """
    import unittest

    class All(unittest.TestCase):
        def test_ok(self): pass
        def test_failure(self): self.fail("no good")
        def test_error(self): 1 / 0
        @unittest.skip("because")
        def test_skipped(self): pass
        @unittest.expectedFailure
        def test_expected(self): self.fail()
        @unittest.expectedFailure
        def test_unexpected(self): pass
        def test_subtests(self):
            for i in range(5):
                with self.subTest(i=i):
                    if i == 1: self.fail("one")
                    if i == 2: 1 / 0
                    if i == 3: self.skipTest("three")
        def test_good_subtests(self):
            with self.subTest("fine"): pass
        def tearDown(self):
            if "failure" in self.id(): raise ValueError("in tearDown")
"""

PASS = "import unittest\nclass {}(unittest.TestCase):\n    def test(self): pass\n"


def run(task: Any) -> TestClassResult:
    """The result of a task, however it ended."""
    try:
        result = task()
    except (TaskFailError, TaskSkip) as exc:
        result = exc.ret
    assert isinstance(result, TestClassResult)
    return result


def ran_by_unittest(name: str) -> int:
    """How many tests unittest says to have run; whether skipped ones count has changed."""
    result = unittest.TestResult()
    unittest.TestLoader().loadTestsFromName(name).run(result)
    return result.testsRun


def outcomes(task: Any) -> list[tuple[str, str]]:
    return [(entry.name, entry.outcome) for entry in run(task).results]


def collect(target: Any, **kwargs: Any) -> dict[str, Any]:
    return {"/".join(get_callpath(task)): task for task in UnittestFactory(**kwargs)(str(target))}


def test_each_class_of_a_module_is_a_task(tree: Any) -> None:
    tree.write({"__init__.py": "", "a.py": PASS.format("B") + PASS.format("A")})
    tasks = collect(f"{tree.name}.a")
    assert list(tasks) == [f"{tree.name}/a/A", f"{tree.name}/a/B"]
    assert outcomes(tasks[f"{tree.name}/a/A"]) == [("test", "ok")]
    assert repr(tasks[f"{tree.name}/a/A"]) == f"<UnittestTask {tree.name}.a.A, 1 tests>"


def test_the_callpath_starts_with_that_of_the_factory(tree: Any, places: Any) -> None:
    tree.write({"__init__.py": PASS.format("A")})
    factory = UnittestFactory()
    factory.callpath_push("top")
    assert places(factory(tree.name)) == [f"top/{tree.name}/A"]


def test_collecting_does_not_import_the_tests_here(tree: Any) -> None:
    tree.write({"__init__.py": PASS.format("A")})
    collect(tree.name)
    assert tree.name not in sys.modules
    collect(tree.name, isolated=False)
    assert tree.name in sys.modules


def test_every_outcome_is_told_as_unittest_tells_it(tree: Any) -> None:
    tree.write({"__init__.py": ALL_OUTCOMES})
    (task,) = UnittestFactory()(tree.name)
    result = run(task)
    assert [(entry.name, entry.outcome) for entry in result.results] == [
        ("test_error", "error"),
        ("test_expected", "expected failure"),
        ("test_failure", "failure"),
        ("test_failure", "error"),
        ("test_good_subtests", "ok"),
        ("test_ok", "ok"),
        ("test_skipped", "skipped"),
        ("test_subtests (i=1)", "failure"),
        ("test_subtests (i=2)", "error"),
        ("test_subtests (i=3)", "skipped"),
        ("test_unexpected", "unexpected success"),
    ]
    notes = {entry.name: entry.note for entry in result.results}
    assert "ZeroDivisionError" in notes["test_error"]
    assert notes["test_skipped"] == "because"
    assert notes["test_subtests (i=3)"] == "three"
    assert (result.ran, result.successful) == (ran_by_unittest(tree.name), False)


def test_a_class_that_failed_raises_a_controlled_failure(tree: Any) -> None:
    tree.write({"__init__.py": ALL_OUTCOMES})
    (task,) = UnittestFactory()(tree.name)
    with pytest.raises(TaskFailError) as info:
        task()
    assert (info.value.deps_ok, info.value.locks_ok) == (False, True)
    assert str(info.value) == (
        f"tests run: {info.value.ret.ran}; "
        "test_error: error, test_failure: failure, test_failure: error, "
        "test_subtests (i=1): failure, test_subtests (i=2): error, and 1 more"
    )
    assert "no good" in "".join(info.value.__notes__)
    again = pickle.loads(pickle.dumps(info.value))
    assert again.ret == info.value.ret


def test_a_class_is_successful_if_some_tests_were_skipped(tree: Any) -> None:
    text = "    @unittest.skip('x')\n    def test_s(self): pass\n"
    tree.write({"__init__.py": PASS.format("A") + text})
    (task,) = UnittestFactory()(tree.name)
    assert task().successful


@pytest.mark.parametrize(
    "text",
    [
        "@unittest.skip('why')\nclass A(unittest.TestCase):\n    def test(self): pass",
        "class A(unittest.TestCase):\n    def test(self): self.skipTest('why')",
        "class A(unittest.TestCase):\n    def test(self): pass\n    @classmethod\n"
        "    def setUpClass(cls): raise unittest.SkipTest('why')",
    ],
)
def test_a_class_is_skipped_if_every_test_was(tree: Any, text: str) -> None:
    tree.write({"__init__.py": f"import unittest\n{text}\n"})
    (task,) = UnittestFactory()(tree.name)
    with pytest.raises(TaskSkip, match="why") as info:
        task()
    assert not info.value.deps_ok
    assert [entry.outcome for entry in info.value.ret.results] == ["skipped"]


FIXTURES = """
    import unittest
    log = []
    def setUpModule(): log.append("module up")
    def tearDownModule(): log.append("module down")
    class A(unittest.TestCase):
        @classmethod
        def setUpClass(cls): log.append("class up")
        @classmethod
        def tearDownClass(cls): log.append("class down")
        def test_b(self): log.append("b")
        def test_a(self): log.append("a")
    class B(unittest.TestCase):
        @classmethod
        def setUpClass(cls): 1 / 0
        def test_never(self): log.append("never")
"""


def test_fixtures_of_class_and_module_are_honoured(tree: Any) -> None:
    tree.write({"__init__.py": FIXTURES})
    tasks = collect(tree.name)
    tasks[f"{tree.name}/A"]()
    assert tree.load().log == ["module up", "class up", "a", "b", "class down", "module down"]
    assert outcomes(tasks[f"{tree.name}/B"]) == [(f"setUpClass ({tree.name}.B)", "error")]


def test_classes_of_a_module_with_fixtures_claim_it(tree: Any) -> None:
    tree.write({"__init__.py": FIXTURES, "plain.py": PASS.format("C")})
    for task in UnittestFactory()(tree.name):
        assert meta.get_claims(task) == {("unittest", tree.name)}
    (plain,) = UnittestFactory()(f"{tree.name}.plain")
    assert meta.get_claims(plain) == set()


def test_the_metadata_of_a_class_is_handed_to_its_task(tree: Any) -> None:
    text = "from pexen import task\nimport unittest\n@task(requires=['db'], claims=['x'])\n"
    text += "class A(unittest.TestCase):\n    def test(self): pass\ndef setUpModule(): pass\n"
    tree.write({"__init__.py": text})
    (task,) = UnittestFactory(isolated=False)(tree.name)
    assert meta.get_requires(task) == {"db"}
    assert meta.get_claims(task) == {"x", ("unittest", tree.name)}
    assert meta.get_claims(tree.load().A) == {"x"}


def test_tests_of_a_package_are_discovered(tree: Any) -> None:
    tree.write(
        {
            "__init__.py": PASS.format("Top"),
            "test_a.py": PASS.format("A"),
            "other.py": PASS.format("NotDiscovered"),
            "sub/__init__.py": "",
            "sub/test_b.py": "from ..test_a import A as Base\n" + PASS.format("B"),
            "no_package/test_c.py": "1 / 0",
        }
    )
    name = tree.name
    tasks = collect(name)
    assert sorted(tasks) == [f"{name}/Top", f"{name}/sub/test_b/B", f"{name}/test_a/A"]
    assert outcomes(tasks[f"{name}/test_a/A"]) == [("test", "ok")] * 2  # imported: as unittest
    assert sorted(collect(tree.folder)) == sorted(tasks)
    assert f"{name}/other/NotDiscovered" in collect(name, pattern="*.py")


def test_a_folder_that_is_no_package_has_top_level_modules(tree: Any) -> None:
    module = f"{tree.name}_test"
    tree.write({f"{module}.py": PASS.format("A")})
    tasks = collect(tree.folder, pattern="pexen_tree*")
    assert list(tasks) == [f"{module}/A"]
    assert outcomes(tasks[f"{module}/A"]) == [("test", "ok")]


def test_a_target_may_be_a_file(tree: Any) -> None:
    tree.write({"__init__.py": "", "sub/__init__.py": "", "sub/a.py": PASS.format("A")})
    tasks = collect(tree.folder / "sub" / "a.py")
    assert list(tasks) == [f"{tree.name}/sub/a/A"]


def test_load_tests_is_honoured(tree: Any) -> None:
    tree.write(
        {
            "__init__.py": PASS.format("A")
            + "class Around(unittest.TestSuite):\n"
            "    def run(self, result, debug=False):\n"
            "        around.append('in')\n"
            "        super().run(result, debug)\n"
            "        around.append('out')\n"
            "around = []\n"
            "def free(): around.append('free')\n"
            "def load_tests(loader, tests, pattern):\n"
            "    import doctest, sys\n"
            "    here = sys.modules[__name__]\n"
            "    return unittest.TestSuite([Around([tests, unittest.FunctionTestCase(free)]),\n"
            "                               doctest.DocTestSuite(here)])\n"
            "def documented():\n"
            "    '''\n    >>> documented()\n    5\n    '''\n"
            "    return 5\n"
        }
    )
    tasks = collect(tree.name)
    assert list(tasks) == [
        f"{tree.name}/A",
        f"{tree.name}/unittest.case.FunctionTestCase",
        f"{tree.name}/doctest.DocTestCase",
    ]
    assert outcomes(tasks[f"{tree.name}/doctest.DocTestCase"]) == [
        (f"{tree.name}.documented", "ok")
    ]
    assert tree.load().around == []
    run(tasks[f"{tree.name}/A"])
    assert tree.load().around == ["in", "out"]
    run(tasks[f"{tree.name}/unittest.case.FunctionTestCase"])
    assert tree.load().around == ["in", "out", "in", "free", "out"]


def test_modules_of_a_package_that_fail_to_import_fail(tree: Any) -> None:
    tree.write({"__init__.py": "", "test_a.py": "1 / 0", "test_b.py": PASS.format("B")})
    tasks = collect(tree.name)
    failed = tasks[f"{tree.name}/unittest.loader._FailedTest"]
    assert [outcome for _, outcome in outcomes(failed)] == ["error"]
    assert outcomes(tasks[f"{tree.name}/test_b/B"]) == [("test", "ok")]


def test_a_target_that_fails_to_import_is_a_failing_task(tree: Any) -> None:
    tree.write({"__init__.py": "1 / 0"})
    tasks = collect(tree.name)
    with pytest.raises(ZeroDivisionError):
        tasks[tree.name]()


def test_a_target_that_ends_the_process_is_a_failing_task(tree: Any) -> None:
    tree.write({"__init__.py": "import os\nos._exit(4)"})
    with pytest.raises(ChildProcessError, match="exit status 4"):
        collect(tree.name)[tree.name]()


def test_two_modules_of_one_name_are_a_failing_task(tree: Any) -> None:
    module = f"test_{tree.name}"
    one, other = (tree.write({f"{module}.py": "x = 1"}, tree.root / side) for side in "ab")
    assert collect(one) == {}
    sys.path.insert(0, str(one))
    __import__(module)
    try:
        (failing,) = UnittestFactory()(other)
    finally:
        del sys.modules[module]
    assert get_callpath(failing) == ["b"]
    with pytest.raises(ImportError, match="incorrectly imported"):
        failing()


@pytest.mark.parametrize("isolated", [True, False])
def test_a_target_that_is_not_there_is_an_error(isolated: bool) -> None:
    with pytest.raises(ModuleNotFoundError, match="module 'pexen_tree_none' can't be found"):
        collect("pexen_tree_none", isolated=isolated)
    with pytest.raises(FileNotFoundError, match="path 'no/where.py' doesn't exist"):
        collect("no/where.py", isolated=isolated)


def test_a_task_can_be_run_again(tree: Any) -> None:
    once = "    done = []\n    def test_once(self): self.done.append(1); self.x = len(vars(self))\n"
    tree.write({"__init__.py": PASS.format("A") + once})
    (task,) = UnittestFactory(isolated=False)(tree.name)
    assert run(task) == run(task) == run(task)
    assert tree.load().A.done == [1, 1, 1]


def test_the_classes_of_a_module_are_loaded_once_in_a_process(tree: Any) -> None:
    text = PASS.format("A") + PASS.format("B") + PASS.format("C")
    text += "loads = []\ndef load_tests(loader, tests, pattern):\n"
    text += "    loads.append(1)\n    return tests\n"
    tree.write({"__init__.py": text})
    for task in list(UnittestFactory()(tree.name)):
        run(task)
    assert tree.load().loads == [1]


def test_a_subset_of_the_tests_can_be_run(tree: Any) -> None:
    tree.write({"__init__.py": ALL_OUTCOMES})
    task: Any
    (task,) = UnittestFactory()(tree.name)
    task.ids = tuple(name for name in task.ids if name.endswith("ok"))
    assert outcomes(task) == [("test_ok", "ok")]


def test_a_test_that_is_gone_when_loaded_again_is_an_error(tree: Any) -> None:
    tree.write({"__init__.py": PASS.format("A")})
    task: Any
    (task,) = UnittestFactory()(tree.name)
    task.ids += (f"{tree.name}.A.gone",)
    assert outcomes(task) == [("test", "ok"), (f"{tree.name}.A.gone", "error")]


def test_a_task_travels_to_a_process_that_knows_nothing(tree: Any) -> None:
    tree.write({"__init__.py": "", "test_a.py": ALL_OUTCOMES})
    (task,) = UnittestFactory()(tree.name)
    code = (
        "import pickle, sys\ntask = pickle.load(sys.stdin.buffer)\n"
        "try:\n    task()\nexcept Exception as exc:\n    sys.stdout.buffer.write(pickle.dumps(exc))"
    )
    path = [entry for entry in sys.path if entry != str(tree.root)]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, input=pickle.dumps(task), env=env, capture_output=True)
    result = pickle.loads(done.stdout).ret
    assert result.ran == ran_by_unittest(f"{tree.name}.test_a"), done.stderr.decode()


def test_a_run_has_the_result_of_a_class_that_failed_too(tree: Any) -> None:
    tree.write({"__init__.py": "", "test_a.py": ALL_OUTCOMES, "test_b.py": PASS.format("B")})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PexenWarning)
        results = list(Sched(UnittestFactory()(tree.name)).run())
    ran = ran_by_unittest(f"{tree.name}.test_a")
    assert {res.ret.ran: str(res.outcome) for res in results} == {ran: "failed", 1: "ok"}


def test_warnings_are_shown_while_a_class_runs(tree: Any) -> None:
    text = "    def test_filter(self):\n        import warnings\n"
    text += "        self.assertEqual(warnings.filters[0][0], 'default')\n"
    tree.write({"__init__.py": PASS.format("A") + text})
    (task,) = UnittestFactory()(tree.name)
    before = list(warnings.filters)
    expected = "failure" if sys.warnoptions else "ok"
    assert outcomes(task)[1] == ("test_filter", expected)
    assert warnings.filters == before


@pytest.mark.skipif(bool(sys.warnoptions), reason="filters stay as -W says")
def test_filters_are_put_back_when_the_last_of_several_threads_ends() -> None:
    before = list(warnings.filters)
    first, second = warnings_shown(), warnings_shown()
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert warnings.filters[0][0] == "default"
    second.__exit__(None, None, None)
    assert warnings.filters == before


def test_what_tests_print_is_not_swallowed(tree: Any, capsys: pytest.CaptureFixture[str]) -> None:
    tree.write({"__init__.py": PASS.format("A") + "    def test_p(self): print('hello')\n"})
    for task in UnittestFactory()(tree.name):
        run(task)
    out, err = capsys.readouterr()
    assert (out, err) == ("hello\n", "")


def test_the_tests_of_one_imported_module_can_be_had_alone(tree: Any) -> None:
    tree.write({"__init__.py": PASS.format("A"), "test_b.py": PASS.format("B")})
    found = list(class_tasks(source_of(tree.load())))
    assert [place for place, _ in found] == [["A"]]


def test_importing_pexen_does_not_import_unittest(tmp_path: Path) -> None:
    code = "import pexen, sys; assert 'unittest' not in sys.modules; pexen.factory.UnittestFactory"
    code += "; pexen.factory.unittest.Source; assert 'unittest' in sys.modules"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code], env=env, cwd=tmp_path, check=True)
