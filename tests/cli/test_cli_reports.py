"""Files about a run: written at its end, after an interrupt, and later."""

from __future__ import annotations

import json
import os
import signal
import xml.etree.ElementTree as ET
from collections import Counter

import pytest

SUITE = """
    from pexen import task
    @task
    def a(): print("a says <hello>")
    @task(provides=["b"])
    def b(): raise ValueError("b & co")
    @task(requires=["b"])
    def c(): pass
"""

OUTCOMES = {"suite/a": "ok", "suite/b": "failed", "suite/c": "blocked"}


def check_json(text: str) -> None:
    record = json.loads(text)
    assert {task["name"]: task["outcome"] for task in record["tasks"]} == OUTCOMES
    assert record["tasks"][0]["output"] == "a says <hello>\n"
    assert "ValueError: b & co" in record["tasks"][1]["traceback"]
    assert record["interrupted"] is False and record["suite"] == "suite"


def check_junit(text: str) -> None:
    root = ET.fromstring(text)
    cases = {case.get("name"): case for case in root.iter("testcase")}
    assert len(cases) == 3 and root.tag == "testsuites"
    a, b, c = (next(case for name, case in cases.items() if name[-1] == end) for end in "abc")
    assert [len(list(each.iter("failure"))) for each in (a, b)] == [0, 1]
    assert a.find("system-out").text == "a says <hello>\n"
    assert "ValueError: b & co" in b.find("failure").text
    assert {child.tag for child in c} & {"skipped", "error", "failure"}


def check_html(text: str) -> None:
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert "suite/b" in text and "b &amp; co" in text and "<hello>" not in text


def check_tap(text: str) -> None:
    lines = text.splitlines()
    assert "1..3" in lines
    points = [line for line in lines if line.startswith(("ok", "not ok"))]
    assert Counter(line.partition("ok")[0] for line in points)["not "] >= 1
    assert len(points) == 3


def check_trace(text: str) -> None:
    found = json.loads(text)
    events = found["traceEvents"] if isinstance(found, dict) else found
    names = [event["name"] for event in events if event["ph"] == "X"]
    assert sorted(names) == ["a", "b"]


CHECKS = {
    "json": check_json,
    "junitxml": check_junit,
    "html": check_html,
    "tap": check_tap,
    "trace": check_trace,
}


@pytest.fixture
def suite(cli):
    cli.write("suite.py", SUITE)
    return cli


def all_reports() -> list[str]:
    return [f"--{name}=it.{name}" for name in CHECKS]


def test_each_report_is_written_and_nothing_else_is_left(suite):
    _, err, status = suite.run("run", *all_reports(), "suite")
    assert (err, status) == ("", 1)
    for name, check in CHECKS.items():
        check((suite.folder / f"it.{name}").read_text())
    assert {path.name for path in suite.folder.iterdir()} == {
        ".pexen", "suite.py", *(f"it.{name}" for name in CHECKS),
    }  # fmt: skip


def test_each_report_can_be_written_later_of_any_run(suite):
    suite.run("run", "suite")
    suite.run("run", "--only", "suite/a", "suite")
    _, err, status = suite.run("report", "1", *all_reports())
    assert (err, status) == ("", 0)
    for name, check in CHECKS.items():
        check((suite.folder / f"it.{name}").read_text())
    suite.run("report", "--json", "last.json")
    assert len(json.loads((suite.folder / "last.json").read_text())["tasks"]) == 1


def test_a_report_that_is_written_later_is_the_same(suite):
    suite.run("run", "--json", "it.json", "suite")
    suite.run("report", "--json", "later.json")
    both = [json.loads((suite.folder / name).read_text()) for name in ("it.json", "later.json")]
    for record in both:
        for key in ("date", "began", "elapsed", "run"):
            record.pop(key, None)
        for task in record["tasks"]:
            task.pop("rerun", None)
    for one, other in zip(*(record["tasks"] for record in both), strict=True):
        for key in ("started", "duration"):
            assert one.pop(key) == pytest.approx(other.pop(key), abs=0.1)
    assert both[0] == both[1]


def test_reports_are_written_after_an_interrupt_too(cli):
    cli.write("suite.py", """
        import signal
        from pexen import task
        @task(provides=["a"])
        def a(): pass
        @task(requires=["a"], provides=["b"])
        def b():
            print("ready", flush=True)
            signal.pause()
        @task(requires=["b"])
        def c(): pass
    """)
    process = cli.start("run", "-s", "-v", *all_reports(), "--jsonl=it.jsonl", "suite")
    while process.stdout.readline() != "ready\n":
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    cli.run("report", "--json", "later.json")
    for name in "it.json", "later.json":
        record = json.loads((cli.folder / name).read_text())
        assert [task["outcome"] for task in record["tasks"]] == ["ok", "lost", "cancelled"]
        assert record["interrupted"] is True
    assert len(list(ET.parse(cli.folder / "it.junitxml").iter("testcase"))) == 3
    assert "1..3" in (cli.folder / "it.tap").read_text()
    json.loads((cli.folder / "it.trace").read_text())
    assert "suite/b" in (cli.folder / "it.html").read_text()
    last = (cli.folder / "it.jsonl").read_text().splitlines()[-1]
    assert json.loads(last)["interrupted"] is True


def test_of_a_run_that_was_killed_there_are_reports_of_what_is_known(cli):
    cli.write("suite.py", """
        import signal
        from pexen import task
        @task(provides=["a"])
        def a(): pass
        @task(requires=["a"])
        def b():
            print("ready", flush=True)
            signal.pause()
    """)
    process = cli.start("run", "-s", "suite")
    while process.stdout.readline() != "ready\n":
        assert process.poll() is None
    process.kill()
    process.wait()
    assert cli.run("report", *all_reports())[1:] == ("", 0)
    record = json.loads((cli.folder / "it.json").read_text())
    assert [task["outcome"] for task in record["tasks"]] == ["ok", None]
    assert record["interrupted"] is True


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("no/such/it.json", "folder 'no/such' of 'no/such/it.json' doesn't exist; make it first"),
        (".", "file '.' is a folder; name a file for the record of the run"),
    ],
)
def test_a_file_that_cannot_be_is_told_of_before_anything_runs(suite, path, message):
    suite.run("run", "suite")
    for command in (["run", "suite"], ["report"]):
        out, err, status = suite.run(*command, "--json", path)
        assert (out, err, status) == ("", f"pexen: error: {message}\n", 2)


def test_a_file_that_cannot_be_written_in_the_end_does_not_keep_others_from_it(suite):
    args = ["--json", "/dev/full", "--tap", "it.tap"]
    out, err, status = suite.run("run", *args, "--only", "suite/a", "suite")
    assert "1 task: 1 ok" in out
    text = "file '/dev/full' can't be written: No space left on device"
    assert (err, status) == (f"pexen: error: {text}\n", 2)
    assert (suite.folder / "it.tap").exists()
    _, err, status = suite.run("report", *args)
    assert (err, status) == (f"pexen: error: {text}\n", 2)


def test_a_report_needs_a_format(suite):
    suite.run("run", "suite")
    _, err, status = suite.run("report")
    formats = "--json, --junitxml, --html, --tap, --trace"
    text = f"no report is asked for; there are {formats}, each with a FILE"
    assert (err, status) == (f"pexen: error: {text}\n", 2)


# -- JSON lines -------------------------------------------------------------------------------


def objects(text: str) -> list[dict[str, object]]:
    """The objects of JSON lines, of which each has to be one."""
    return [json.loads(line) for line in text.splitlines()]


def check_lines(text: str) -> None:
    first, *results, last = objects(text)
    assert (first["event"], first["tasks"]) == ("run", 3)
    named = {"/".join(each["callpath"]): each["outcome"] for each in results}
    assert named == OUTCOMES
    assert (last["event"], last["outcomes"]) == ("end", {"ok": 1, "failed": 1, "blocked": 1})


def test_lines_are_written_to_a_file_beside_what_is_shown(suite):
    out, err, status = suite.run("run", "--jsonl", "it.jsonl", "suite")
    assert "3 tasks: 1 ok, 1 failed, 1 blocked" in out and (err, status) == ("", 1)
    check_lines((suite.folder / "it.jsonl").read_text())


def test_lines_on_stdout_are_alone_there(suite):
    out, err, status = suite.run("run", "--jsonl", "-", "suite")
    check_lines(out)
    assert "3 tasks: 1 ok, 1 failed, 1 blocked" in err and status == 1


LOUD = """
    import os, subprocess
    print("imported")
    os.write(1, b"written on import\\n")
    from pexen import task
    @task
    def a():
        print("printed")
        os.write(1, b"written\\n")
        subprocess.run(["echo", "echoed"])
"""


@pytest.mark.parametrize("how", ["--processes", "--threads", "--start-method=spawn"])
@pytest.mark.parametrize("options", [(), ("-s",), ("--repeat=2",), ("-s", "--durations=3")])
def test_lines_on_stdout_are_alone_whatever_is_printed(cli, how, options):
    cli.write("suite.py", LOUD)
    out, err, status = cli.run("run", how, "--jsonl", "-", *options, "suite")
    rounds = 2 if "--repeat=2" in options else 1
    assert [each["event"] for each in objects(out)] == ["run", "result", "end"] * rounds
    assert "written on import\n" in err and "1 task: 1 ok" in err and status == 0
    if "-s" in options:
        assert "printed\n" in err and "written\n" in err and "echoed\n" in err


def test_all_rounds_are_in_the_file(suite):
    suite.run("run", "--repeat", "3", "--jsonl", "it.jsonl", "suite")
    found = objects((suite.folder / "it.jsonl").read_text())
    assert Counter(each["event"] for each in found) == {"run": 3, "result": 9, "end": 3}


def test_a_line_comes_when_its_task_has_ended(cli):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): pass
        @task(requires=["a"])
        def b(): open("fifo").read()
    """)
    os.mkfifo(cli.folder / "fifo")
    process = cli.start("run", "--jsonl", "-", "suite", stderr=None)
    first, second = (json.loads(process.stdout.readline()) for _ in range(2))
    assert (first["event"], second["callpath"]) == ("run", ["suite", "a"])
    (cli.folder / "fifo").write_text("go on")
    out, _ = process.communicate(timeout=60)
    assert [each["event"] for each in objects(out)] == ["result", "end"]


def test_a_file_of_lines_that_cannot_be_opened_is_told_of_before_anything_runs(suite):
    out, err, status = suite.run("run", "--jsonl", "no/it.jsonl", "suite")
    text = "file 'no/it.jsonl' can't be written: No such file or directory"
    assert (out, err, status) == ("", f"pexen: error: {text}\n", 2)


def test_lines_that_cannot_be_written_are_told_of_and_the_run_comes_to_its_end(suite):
    out, err, status = suite.run("run", "--jsonl", "/dev/full", "--only", "suite/a", "suite")
    assert "1 task: 1 ok" in out and status == 2
    assert err.startswith("pexen: error: JSON lines can't be written: No space left on device\n")


def test_a_pipe_of_lines_that_nobody_reads_is_told_of_and_the_run_comes_to_its_end(suite):
    reading, writing = os.pipe()
    os.close(reading)
    _, err, status = suite.run("run", "--jsonl", "-", "--only", "suite/a", "suite", stdout=writing)
    os.close(writing)
    assert "1 task: 1 ok" in err and status == 2
    assert err.endswith("pexen: error: JSON lines can't be written: Broken pipe\n")
    assert suite.run("history")[0].rstrip().endswith("1 ok")


def test_a_dry_run_leaves_the_file_of_lines_as_it_is(suite):
    suite.write("it.jsonl", "mine")
    suite.run("run", "-n", "--jsonl", "it.jsonl", "suite")
    assert (suite.folder / "it.jsonl").read_text() == "mine"


# -- what others wrote ------------------------------------------------------------------------

HOSTILE = '''
    import os
    from pexen import task
    NAME = "<script>alert(1)</script>\\x1b[2J\\x00\\udc80]]>--{}"
    class Odd(Exception):
        def __str__(self): raise RuntimeError("no text")
        __repr__ = __str__
    def make(number):
        @task
        def odd():
            os.write(1, b"\\x00\\x1b[31m\\xff\\xfe</script>]]>\\r\\n")
            if number == 1:
                raise ValueError(NAME)
            if number == 2:
                raise Odd
            if number == 3:
                os._exit(3)
        odd.__qualname__ = NAME
        return odd
    class Factory:
        def __call__(self, target):
            return [make(number) for number in range(4)]
'''


def test_names_and_texts_of_any_kind_do_no_harm(cli):
    cli.write("suite.py", HOSTILE)
    args = ["--factory", "suite:Factory", "--jsonl=it.jsonl", *all_reports(), "x"]
    process = cli.start("run", *args, text=False)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and b"Traceback" in out
    assert b"\x1b" not in out and b"\0" not in out and b"internal error" not in out
    assert b"4 tasks: 1 ok, 2 failed, 1 lost" in out
    for words in (["report", *all_reports()], ["history"], ["history", "--flaky"]):
        out, err, status = cli.run(*words)
        assert (err, status) == ("", 0) and out.isprintable() or "\x1b" not in out
        ET.parse(cli.folder / "it.junitxml")
        assert len(json.loads((cli.folder / "it.json").read_text())["tasks"]) == 4
        json.loads((cli.folder / "it.trace").read_text())
        page = (cli.folder / "it.html").read_bytes()
        assert b"<script>alert" not in page and b"\x1b" not in page and b"\0" not in page
        tap = (cli.folder / "it.tap").read_bytes()
        assert b"1..4" in tap
    assert len(objects((cli.folder / "it.jsonl").read_text())) == 6


def test_a_task_that_prints_50_mb_is_cut_in_the_state_and_all_reports(cli):
    cli.write("suite.py", """
        import sys
        from pexen import task
        @task
        def a():
            sys.stdout.write("x" * 50_000_000)
            raise ValueError("y" * 20_000_000)
    """)
    out, err, status = cli.run("run", *all_reports(), "--jsonl=it.jsonl", "suite")
    assert (err, status) == ("", 1)
    for name in CHECKS:
        assert (cli.folder / f"it.{name}").stat().st_size < 45_000_000, name


def test_reports_are_where_they_were_asked_for_wherever_tasks_go(cli):
    cli.write("x.py", "import os\ndef test_goes(): os.mkdir('sub'), os.chdir('sub')\n")
    args = ["--threads", "--match=test_*", "--json", "it.json", "--junitxml", "it.xml"]
    assert cli.run("run", *args, "x.py")[2] == 0
    assert (cli.folder / "it.json").exists() and (cli.folder / "it.xml").exists()
    assert list((cli.folder / "sub").iterdir()) == []
