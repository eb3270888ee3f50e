"""What `pexen graph` draws, and the record that gives it its colours."""

from __future__ import annotations

import json
import re

import pytest

GREEN, RED, ORANGE, GREY = "#b7e4a8", "#f08080", "#ffbf66", "#d0d0d0"


class Drawing:
    """A dot document, taken apart as far as the tests need it."""

    def __init__(self, text: str) -> None:
        assert text.startswith("digraph pexen {\n") and text.endswith("}\n")
        self.nodes: dict[str, dict[str, str]] = {}  # label -> attributes
        labels: dict[str, str] = {}
        edges = []
        for line in text.splitlines():
            name, arrow, target, attributes = re.fullmatch(
                r" *(\w*)(?: (->) (\w+))?(?: \[(.*)\])?.*", line
            ).groups()
            if arrow:
                edges.append((name, target, parsed(attributes)))
            elif re.fullmatch(r"[tg]\d+", name):
                labels[name] = parsed(attributes)["label"]
                self.nodes[labels[name]] = parsed(attributes)
        self.edges = {(labels[a], labels[b]): given for a, b, given in edges}
        assert len(self.edges) == len(edges) and len(self.nodes) == len(labels)

    def styles(self) -> dict[tuple[str, str], str]:
        return {ends: given.get("style", "") for ends, given in self.edges.items()}


def parsed(attributes: str | None) -> dict[str, str]:
    """The attributes as Graphviz would show their values."""
    pairs = re.findall(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^",\s]+))', attributes or "")
    return {name: shown(quoted) if quoted else plain for name, quoted, plain in pairs}


def shown(quoted: str) -> str:
    return re.sub(r"\\(.)", r"\1", quoted).replace("&amp;", "&")


def drawing(cli, *args: str) -> Drawing:
    out, err, status = cli.run("graph", *args)
    assert (err, status) == ("", 0)
    return Drawing(out)


def test_an_edge_leads_to_what_waits_and_shows_how(cli):
    cli.write("s.py", """
        from pexen import task
        from pexen.sched import every
        @task(provides=["x"])
        def a(): pass
        @task(requires=["x"], provides=["y"])
        def b(): pass
        @task(requires=[every("y")])
        def c(): pass
        @task(after=["y"])
        def d(): pass
        @task
        def e(): pass
    """)
    got = drawing(cli, "s")
    assert list(got.nodes) == ["s/a", "s/b", "s/c", "s/d", "s/e"]
    assert got.styles() == {
        ("s/a", "s/b"): "solid",
        ("s/b", "s/c"): "bold",
        ("s/b", "s/d"): "dashed",
    }
    assert got.edges["s/a", "s/b"]["label"] == "'x'"


def test_all_to_all_costs_a_node_and_not_the_product(cli):
    cli.write("s.py", """
        from pexen import task
        from pexen.sched import every
        for n in range(30):
            globals()[f"p{n}"] = task(lambda: None, provides=["all"])
        for n in range(10):
            globals()[f"any{n}"] = task(lambda: None, requires=["all"])
            globals()[f"every{n}"] = task(lambda: None, requires=[every("all")])
            globals()[f"after{n}"] = task(lambda: None, after=["all"])
    """)
    got = drawing(cli, "s")
    assert len(got.nodes) == 61 and len(got.edges) == 60
    assert got.edges["s/p0", "'all'"]["arrowhead"] == "none"
    styles = got.styles()
    assert styles["'all'", "s/any0"] == "solid"
    assert styles["'all'", "s/every0"] == "bold"
    assert styles["'all'", "s/after0"] == "dashed"


def test_a_tag_that_nothing_provides_is_drawn_and_told(cli):
    cli.write("s.py", "from pexen import task\n@task(requires=['gone'])\ndef a(): pass")
    out, err, status = cli.run("graph", "s")
    got = Drawing(out)
    assert got.nodes["'gone'"]["color"] == "red"
    assert list(got.edges) == [("'gone'", "s/a")]
    assert err.startswith("pexen: error: ") and "nothing provides 'gone'" in err
    assert status == 2


def test_a_cycle_is_drawn_and_told(cli):
    cli.write("s.py", """
        from pexen import task
        @task(requires=["x"], provides=["y"])
        def a(): pass
        @task(requires=["y"], provides=["x"])
        def b(): pass
    """)
    out, err, status = cli.run("graph", "s")
    assert set(Drawing(out).edges) == {("s/a", "s/b"), ("s/b", "s/a")}
    assert "cycle: s/a -> s/b -> s/a" in err
    assert status == 2


def test_how_much_there_is_of_a_resource_does_not_matter(cli):
    cli.write("s.py", "from pexen import task\n@task(resources={'gpu': 3})\ndef a(): pass")
    assert list(drawing(cli, "s").nodes) == ["s/a"]


@pytest.mark.parametrize(
    "name", ['say "hi"', "back\\slash", "end\\", "new\\nline", "R&D", "&amp;", "a < b > c", "\\N"]
)
def test_names_are_shown_as_they_are(cli, name):
    cli.write("fac.py", """
        from pexen import task
        def factory(name):
            for tags in {"provides": [name]}, {"requires": [name]}:
                made = task(lambda: None, **tags)
                made.pexen_factory_callpath_ = [name, next(iter(tags))]
                yield made
    """)
    got = drawing(cli, "--factory", "fac:factory", name)
    assert list(got.nodes) == [f"{name}/provides", f"{name}/requires"]
    assert [given["label"] for given in got.edges.values()] == [repr(name)]


def test_control_characters_are_shown_as_escapes(cli):
    cli.write("dir/a\nb", "#!/bin/sh\n", executable=True)
    assert list(drawing(cli, "dir").nodes) == ["dir/a\\nb"]


RUN = """
    import unittest
    from pexen import task
    @task(provides=["x"])
    def a_fails(): raise ValueError("not so")
    @task(requires=["x"])
    def b_blocked(): pass
    @task
    def c_skips(): raise unittest.SkipTest("not here")
    @task
    def d_works(): pass
"""


def test_a_run_gives_colours_and_reasons(cli):
    cli.write("s.py", RUN)
    assert cli.run("run", "--json", "it.json", "s")[2] == 1
    cli.write("t.py", "from pexen import task\n@task\ndef new(): pass")
    nodes = drawing(cli, "--run", "it.json", "s", "t").nodes
    assert {name: given.get("fillcolor") for name, given in nodes.items()} == {
        "s/a_fails": RED,
        "s/b_blocked": ORANGE,
        "s/c_skips": GREY,
        "s/d_works": GREEN,
        "t/new": None,
    }
    assert nodes["s/a_fails"]["tooltip"] == "failed: ValueError: not so"
    assert nodes["s/b_blocked"]["tooltip"].startswith("blocked: requires 'x', but")


def test_the_record_says_all_of_each_task(cli):
    cli.write("s.py", RUN)
    cli.run("run", "-j1", "--json", "it.json", "s")
    record = json.loads((cli.folder / "it.json").read_text())
    assert set(record) == {
        "format", "suite", "pexen", "python", "host", "argv", "date", "began", "elapsed",
        "interrupted", "tasks",
    }  # fmt: skip
    assert (record["suite"], record["argv"][:2]) == ("s", ["-j1", "--json"])
    assert record["format"] == 1 and record["interrupted"] is False
    failed, blocked, skipped, ok = record["tasks"]
    assert 0 <= failed.pop("started") <= record["elapsed"]
    assert 0 <= failed.pop("duration") <= record["elapsed"]
    assert failed.pop("traceback").endswith("\nValueError: not so")
    assert failed == {
        "callpath": ["s", "a_fails"],
        "name": "s/a_fails",
        "file": str(cli.folder / "s.py"),
        "line": 3,
        "waits_for": [],
        "asks_for": [],
        "outcome": "failed",
        "verdict": "failed",
        "attempts": 1,
        "worker": "process-1",
        "reason": "ValueError: not so",
        "output": None,
        "results": [],
        "attachments": [],
        "rerun": "pexen run s --only s/a_fails",
    }
    assert blocked == {
        "callpath": ["s", "b_blocked"],
        "name": "s/b_blocked",
        "file": str(cli.folder / "s.py"),
        "line": 5,
        "waits_for": [0],
        "asks_for": [],
        "outcome": "blocked",
        "verdict": "blocked",
        "started": None,
        "duration": None,
        "attempts": 0,
        "worker": None,
        "reason": "requires 'x', but 's/a_fails' ended failed",
        "traceback": None,
        "output": None,
        "results": [],
        "attachments": [],
        "rerun": "pexen run s --only s/b_blocked",
    }
    assert (skipped["reason"], skipped["traceback"]) == ("not here", None)
    assert (ok["reason"], ok["traceback"], ok["outcome"]) == (None, None, "ok")


def test_the_record_has_the_tests_of_a_unittest_class(cli):
    cli.write("s.py", """
        import unittest
        class TestIt(unittest.TestCase):
            def test_a(self): pass
            def test_b(self): self.fail("not so")
    """)
    cli.run("run", "--json", "it.json", "s")
    record = json.loads((cli.folder / "it.json").read_text())
    ok, failed = record["tasks"][0]["results"]
    assert ok == {"name": "test_a", "outcome": "ok", "note": ""}
    assert failed.pop("note").endswith("AssertionError: not so\n")
    assert failed == {"name": "test_b", "outcome": "failure"}


def test_tasks_of_the_same_callpath_match_in_their_order(cli):
    cli.write("fac.py", """
        def factory(target):
            def one(): pass
            def two(): raise ValueError
            for task in one, two:
                task.pexen_factory_callpath_ = ["same"]
            return [one, two]
    """)
    cli.run("run", "--json", "it.json", "--factory", "fac:factory", "x")
    out, _, status = cli.run("graph", "--run", "it.json", "--factory", "fac:factory", "x")
    assert status == 0
    assert re.findall(r'fillcolor="(.*?)"', out) == [GREEN, RED]


def test_a_file_that_is_no_record_is_2(cli):
    cli.write("s.py", RUN)
    cli.write("list.json", "[]")
    cli.write("text.json", "no JSON")
    cli.write("newer.json", '{"format": 2, "tasks": []}')
    cli.script("""
        $ pexen graph --run nowhere.json s
        pexen: error: file 'nowhere.json' can't be read: No such file or directory
        [2]
        $ pexen graph --run list.json s
        pexen: error: file 'list.json' is no record of a run; 'pexen run --json' writes one
        [2]
        $ pexen graph --run text.json s
        pexen: error: file 'text.json' is no record of a run, not even JSON: ...
        [2]
        $ pexen graph --run newer.json s
        pexen: error: file 'newer.json' has format 2; this pexen reads format 1
        [2]
    """)


def test_a_record_that_cannot_be_written_is_told_before_the_run(cli):
    cli.write("s.py", RUN)
    cli.script("""
        $ pexen run --json nowhere/it.json s
        pexen: error: folder 'nowhere' of 'nowhere/it.json' doesn't exist; make it first
        [2]
        $ pexen run --json . s
        pexen: error: file '.' is a folder; name a file for the record of the run
        [2]
    """)


def test_a_record_may_go_to_a_device(cli):
    cli.write("s.py", "from pexen import task\n@task\ndef a(): pass")
    out, err, status = cli.run("run", "--json", "/dev/stderr", "s")
    assert json.loads(err)["tasks"][0]["outcome"] == "ok"
    assert status == 0
