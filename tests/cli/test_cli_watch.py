"""`pexen run --watch`, on real files."""

from __future__ import annotations

import json
import os
import re
import select
import signal

import pytest

LIMIT = 6  # seconds after which a watch counts as hung

SUITE = {
    "helper.py": "def double(x): return 2 * x\n",
    "tests/test_a.py": "from helper import double\ndef test_a(): assert double(2) == 4\n",
    "tests/test_b.py": """
        from pexen import task
        @task(requires=["db"])
        def test_b():
            from helper import double
            assert double(2) == 4
    """,
    "tests/test_c.py": "def test_c(): pass\n",
    "tests/fixtures.py": """
        from pexen import task
        @task(provides=["db"])
        def db(): pass
        @task(after=["db"], teardown=True)
        def drop(): pass
    """,
}


class Watch:
    """A watch that is under way; `read` gives what it says, without what differs each time."""

    def __init__(self, cli, *args):
        self.cli = cli
        self.process = cli.start("run", "--watch", *args)
        self.text = ""

    def read(self, last):
        """All up to the next line that begins so."""
        lines = []
        while not lines or not lines[-1].startswith(last):
            lines.append(self._line())
        return self.cli.normalised("\n".join(lines)).split("\n")

    def _line(self):
        fd = self.process.stdout.fileno()
        while "\n" not in self.text:
            assert select.select([fd], [], [], LIMIT)[0], f"nothing more after {self.text!r}"
            got = os.read(fd, 4096).decode()
            assert got, f"it ended, after {self.text!r}"
            self.text += got
        line, _, self.text = self.text.partition("\n")
        return line

    def begin(self):
        return self.read("pexen: note: waiting ")

    def round(self):
        """What the next round says: the first line, and how each task ended, sorted by name."""
        said = self.read("== ")[-1]
        if said.endswith("affected: none of the tasks"):
            return said, []
        lines = []
        while not lines or not re.match(r"\d+ tasks?: ", lines[-1]):
            lines += self.read("")
        ended = re.compile(r"(\w+) +(\S+)  ")
        tasks = [found.groups() for found in map(ended.match, lines) if found]
        return said, sorted((name, outcome) for outcome, name in tasks)

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        self.process.wait(LIMIT)
        return self.process.returncode


@pytest.fixture
def suite(cli):
    for name, text in SUITE.items():
        cli.write(name, text)
    return cli


@pytest.fixture
def watch(suite):
    watch = Watch(suite, "-j2", "--match", "test_*", "tests")
    watch.begin()
    return watch


def ok(*names):
    return [(f"tests/{name}", "ok") for name in names]


def test_the_first_run_is_an_ordinary_one(suite):
    watch = Watch(suite, "--match", "test_*", "tests")
    lines = watch.begin()
    waits = "pexen: note: waiting for any of 5 files to change; Ctrl-C ends it"
    assert lines[-3:] == ["", "5 tasks: 5 ok  in N s", waits]
    assert len(lines) == 8


def test_a_helper_affects_what_imports_it_and_what_that_requires_comes_along(watch, suite):
    suite.write("helper.py", "def double(x): return x + x\n")
    said, tasks = watch.round()
    assert said == "== 'helper.py' changed; affected: 2 of 5 tasks"
    assert tasks == ok("fixtures/db", "fixtures/drop", "test_a/test_a", "test_b/test_b")


def test_a_fixture_affects_what_requires_it(watch, suite):
    suite.write("tests/fixtures.py", SUITE["tests/fixtures.py"].replace("pass", "print()"))
    said, tasks = watch.round()
    assert said == "== 'tests/fixtures.py' changed; affected: 3 of 5 tasks"
    assert tasks == ok("fixtures/db", "fixtures/drop", "test_b/test_b")


def test_what_fails_stays_counted_until_it_is_well_or_gone(watch, suite):
    suite.write("tests/test_a.py", "def test_a(): assert 0\ndef test_a2(): assert 0\n")
    said, tasks = watch.round()
    assert said == "== 'tests/test_a.py' changed; affected: 2 of 6 tasks"
    assert tasks == [("tests/test_a/test_a", "failed"), ("tests/test_a/test_a2", "failed")]
    suite.write("tests/test_c.py", "def test_c(): print(1)\n")
    assert watch.round()[1] == ok("test_c/test_c")
    (still,) = watch.read("still")
    assert still == "still failing: tests/test_a/test_a, tests/test_a/test_a2"
    suite.write("tests/test_a.py", "def test_a(): pass\n")
    assert watch.round()[1] == ok("test_a/test_a")
    suite.write("tests/test_c.py", "def test_c(): print(2)\n")
    assert watch.round()[0].startswith("== 'tests/test_c.py' changed")


def test_a_module_that_cannot_be_parsed_is_said_and_the_watch_goes_on(watch, suite):
    suite.write("helper.py", "def double(\n")
    warned = watch.read("pexen: warning")[-1]
    told = "file 'helper.py' can't be parsed: line 1: '(' was never closed"
    assert warned == f"pexen: warning: {told}"
    assert ("tests/test_a", "failed") in watch.round()[1]
    suite.write("helper.py", SUITE["helper.py"])
    said, tasks = watch.round()
    assert said == "== 'helper.py' changed; affected: 2 of 5 tasks"
    assert tasks == ok("fixtures/db", "fixtures/drop", "test_a/test_a", "test_b/test_b")


def test_of_two_tasks_of_one_name_each_stays_counted(cli):
    for name in "a", "b", "c":
        cli.write(f"{name}/t.sh", "#!/bin/sh\nexit 1\n", executable=True)
    watch = Watch(cli, "-j2", "a/t.sh", "b/t.sh", "c")
    watch.begin()
    cli.write("b/t.sh", "#!/bin/sh\nexit 0 # well\n", executable=True)
    watch.round()
    assert watch.read("still") == ["still failing: t.sh, c/t.sh"]
    cli.write("c/t.sh", "#!/bin/sh\nexit 0 # well\n", executable=True)
    watch.round()
    assert watch.read("still") == ["still failing: t.sh"]


def test_a_round_that_ends_without_a_word_is_said_and_the_watch_goes_on(watch, suite):
    suite.write("helper.py", "import os\nos._exit(3)\n")
    assert watch.read("pexen: error")[-1] == "pexen: error: the run ended with status 3"
    suite.write("helper.py", SUITE["helper.py"])
    assert watch.round()[0] == "== 'helper.py' changed; affected: 2 of 5 tasks"


def test_what_cannot_be_put_into_an_order_is_run_when_it_can(watch, suite):
    suite.write("tests/fixtures.py", "")
    watch.read("pexen: error: ")
    suite.write("tests/test_c.py", "def test_c(): print(1)\n")
    watch.read("pexen: error: ")
    suite.write("tests/fixtures.py", SUITE["tests/fixtures.py"])
    said, tasks = watch.round()
    assert said == "== 'tests/fixtures.py' changed; affected: 4 of 5 tasks"
    assert tasks == ok("fixtures/db", "fixtures/drop", "test_b/test_b", "test_c/test_c")


def test_new_modules_are_run_and_those_that_are_gone_are_said(watch, suite):
    suite.write("tests/test_new.py", "def test_new(): assert 0\n")
    said, tasks = watch.round()
    assert said == "== 'tests/test_new.py' is new; affected: 1 of 6 tasks"
    assert tasks == [("tests/test_new/test_new", "failed")]
    (suite.folder / "tests" / "test_new.py").unlink()
    assert watch.round() == ("== 'tests/test_new.py' is gone; affected: none of the tasks", [])
    suite.write("helper.py", "def double(x): return x + x\n")
    assert len(watch.read("== ")) == 2  # nothing is said to be still failing


@pytest.mark.parametrize("how", ["-j2", "--start-method=spawn"])
def test_an_edit_of_the_same_size_in_the_same_second_counts(suite, how):
    del suite.env["PYTHONDONTWRITEBYTECODE"]
    watch = Watch(suite, "--match", "test_*", how, "tests")
    watch.begin()
    for outcome, text in [("ok", "1"), ("failed", "0"), ("ok", "1")]:
        path = suite.write("tests/test_c.py", f"def test_c(): assert {text}\n")
        now = path.stat().st_mtime_ns
        os.utime(path, ns=(now, 10**18 + now % 10**9))
        assert watch.round()[1] == [("tests/test_c/test_c", outcome)]


def test_a_change_during_a_round_makes_another_one(cli):
    cli.write("y.py", "def test_y(): pass\n")
    cli.write("x.py", "def test_x(): open('y.py', 'w').write('def test_y(): assert 1')\n")
    watch = Watch(cli, "--match", "test_*", "x.py", "y.py")
    watch.begin()
    said, tasks = watch.round()
    assert (said, tasks) == (
        "== 'y.py' changed; affected: 1 of 2 tasks", [("y/test_y", "ok")]
    )  # fmt: skip


def test_flags_hold_in_each_round(suite):
    watch = Watch(
        suite, "--threads", "-k", "not test_c", "--no-state", "--json=it.json", "--match=test_*",
        "tests",
    )  # fmt: skip
    watch.begin()
    suite.write("tests/test_c.py", "def test_c(): assert 0\n")
    _, said, note = watch.read("pexen: note: of")
    assert said == "== 'tests/test_c.py' changed; affected: 1 of 5 tasks"
    assert note == "pexen: note: of 5 tasks, none is selected; 'pexen list' shows them"
    suite.write("tests/test_a.py", "def test_a(): assert 0\n")
    assert watch.round()[1] == [("tests/test_a/test_a", "failed")]
    suite.write("tests/test_c.py", "def test_c(): pass\n")
    watch.read("pexen: note: of")  # then the round before is over
    (task,) = json.loads((suite.folder / "it.json").read_text())["tasks"]
    assert task["worker"].startswith("thread-")
    assert not (suite.folder / ".pexen").exists()


def test_what_was_left_out_after_a_failure_is_run_in_the_next_round(cli):
    cli.write("x.py", "def test_a(): assert 0\ndef test_b(): pass\n")
    cli.write("y.py", "def test_y(): pass\n")
    watch = Watch(cli, "-x", "-j1", "--match=test_*", "x.py", "y.py")
    assert any(line.startswith("cancelled ") for line in watch.begin())
    cli.write("x.py", "def test_a(): assert 1 + 1\ndef test_b(): pass\n")
    said, tasks = watch.round()
    assert said == "== 'x.py' changed; affected: 3 of 3 tasks"
    assert tasks == [("x/test_a", "ok"), ("x/test_b", "ok"), ("y/test_y", "ok")]


def test_executables_and_test_classes_are_affected_by_their_own_file(cli):
    case = "import unittest\nclass {0}(unittest.TestCase):\n  def test(self): pass\n"
    cli.write("tests/__init__.py", "")
    cli.write("tests/base.py", case.format("Base"))
    cli.write("tests/test_x.py", f"from .base import Base\n{case.format('X')}")
    cli.write("tests/test_y.py", case.format("Y"))
    cli.write("tests/smoke.sh", "#!/bin/sh\n", executable=True)
    watch = Watch(cli, "-q", "tests")
    watch.begin()
    cli.write("tests/smoke.sh", "#!/bin/sh\nexit 77\n")
    assert watch.round()[1] == [("tests/smoke.sh", "skipped")]
    cli.write("tests/base.py", case.format("Base") + "# more\n")
    assert watch.round()[1] == ok("base/Base", "test_x/X")


@pytest.mark.parametrize("package", [True, False])
def test_the_tests_of_unittest_are_affected_by_what_they_import(cli, package):
    case = "import unittest\nclass {0}(unittest.TestCase):\n  def test(self): pass\n"
    if package:
        cli.write("tests/__init__.py", "")
    cli.write("tests/base.py", "")
    imports = "from . import base" if package else "import base"
    cli.write("tests/test_x.py", f"{imports}\n{case.format('X')}")
    cli.write("tests/test_y.py", case.format("Y"))
    watch = Watch(cli, "-q", "--factory", "unittest", "tests")
    watch.begin()
    cli.write("tests/base.py", "# more\n")
    assert watch.round()[0] == "== 'tests/base.py' changed; affected: 1 of 2 tasks"


def test_a_factory_of_ones_own_affects_all_that_it_makes(cli):
    cli.write("maker.py", "import parts\ndef make(target): return [parts.one, print]\n")
    cli.write("parts.py", "def one(): pass\n")
    watch = Watch(cli, "--factory", "maker:make", "it")
    watch.begin()
    cli.write("parts.py", "def one(): print()\n")
    assert watch.round()[0] == "== 'parts.py' changed; affected: 2 of 2 tasks"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_watch_that_waits(watch, number):
    assert watch.end(number) == -number
    assert watch.text == ""


WAITS = """
    import threading
    from pexen import task
    @task(provides=["w"])
    def waits():
        print("ready", flush=True)
        threading.Event().wait()
    @task(after=["w"], teardown=True)
    def cleans(): pass
"""


@pytest.mark.parametrize(("number", "to_all"), [(signal.SIGINT, True), (signal.SIGTERM, False)])
def test_a_signal_during_a_round_ends_it_in_order_and_then_the_watch(cli, number, to_all):
    cli.write("suite.py", WAITS)
    process = cli.start("run", "--watch", "-s", "suite", start_new_session=True)
    assert process.stdout.readline() == "ready\n"
    if to_all:  # as a terminal does
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, _ = process.communicate(timeout=LIMIT)
    assert "ok        suite/cleans" in out
    assert cli.normalised(out).endswith("2 tasks: 1 ok, 1 lost  in N s")
    assert process.returncode == -number


def test_a_first_run_that_cannot_be_made_ends_the_command_as_ever(suite):
    suite.script("""
        $ pexen run --watch tests/nowhere.py
        pexen: error: path 'tests/nowhere.py' doesn't exist, seen from 'FOLDER'
        [2]
        $ pexen run --watch --only nothing --match test_* tests
        pexen: error: task 'nothing' is not there; 'pexen list' shows what there is
        [2]
        $ pexen run --watch -k nothing --match test_* tests
        pexen: error: of 5 tasks, none is selected; 'pexen list' shows them
        [5]
    """)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--resume", "--resume goes on with one run"),
        ("--dry-run", "--dry-run runs nothing"),
        ("--repeat=2", "--repeat runs everything again as well"),
    ],
)
def test_what_makes_no_sense_beside_it_is_refused(suite, option, message):
    _, err, status = suite.run("run", "--watch", option, "tests")
    assert (err, status) == (f"pexen: error: {message}; leave it out, or --watch\n", 2)


def test_a_round_that_was_interrupted_is_resumed_without_a_watch(cli):
    cli.write("suite.py", WAITS)
    process = cli.start("run", "--watch", "-s", "suite", start_new_session=True)
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=LIMIT)
    cli.write("suite.py", WAITS.replace("threading.Event().wait()", "pass"))
    out, _, status = cli.run("run", "--resume")
    assert "2 tasks: 2 ok" in out and status == 0


def test_where_nobody_reads_the_watch_ends_with_the_round(suite):
    watch = Watch(suite, "--match", "test_*", "tests")
    watch.begin()
    watch.process.stdout.close()
    watch.process.stdout = None
    suite.write("tests/test_c.py", "def test_c(): print(1)\n")
    assert watch.process.wait(LIMIT) == -signal.SIGPIPE
