"""What `pexen list` and its JSON say of tasks."""

from __future__ import annotations

import json
import subprocess

SUITE = """
    from pexen import task
    from pexen.sched import every, unique

    print("imported")

    @task(provides=[unique("image"), ("disk", 2), 10, 9, "b", "a"])
    def build(): pass

    @task(
        requires=["b", every("a"), every(("disk", 2))],
        after=[None],
        uses=[("proc", "sys")], claims=[frozenset()],
        resources={"gpu": 1, "cpu": 0.5},
        exclusive=True, priority=-1, timeout=5, retries=2, retry_delay=0.25,
        kwargs={"names": {"y", "x"}, "how": print},
    )
    def use(names, how): pass

    @task(provides=[None], teardown=True, priority=0)
    def clean(): pass
"""


def test_a_line_has_the_callpath_and_what_was_given(cli):
    cli.write("pkg/__init__.py", "")
    cli.write("pkg/mod.py", SUITE)
    imported, *lines = cli.run("list", "pkg", stderr=subprocess.STDOUT)[0].splitlines()
    assert imported == "imported"
    assert lines[0] == (
        "pkg/mod/build  provides={9, 10, 'a', 'b', ('disk', 2), unique('image')}"
    )
    assert lines[1] == "pkg/mod/clean  provides={None} teardown=True"
    assert lines[2] == (
        "pkg/mod/use  requires={'b', every('a'), every(('disk', 2))} after={None} "
        "uses={('proc', 'sys')} claims={frozenset()} resources={'gpu': 1, 'cpu': 0.5} "
        "exclusive=True priority=-1 "
        "kwargs={'names': {'x', 'y'}, 'how': <built-in function print>} "
        "timeout=5 retries=2 retry_delay=0.25"
    )


def test_json_is_one_document_whatever_modules_print(cli):
    cli.write("suite.py", SUITE)
    out, err, status = cli.run("list", "--json", "suite")
    assert (err, status) == ("imported\n", 0)
    build, clean, use = json.loads(out)
    assert build == {
        "callpath": ["suite", "build"],
        "name": "suite/build",
        "provides": [9, 10, "a", "b", ["disk", 2], {"unique": "image"}],
    }
    assert clean == {
        "callpath": ["suite", "clean"],
        "name": "suite/clean",
        "provides": [None],
        "teardown": True,
    }
    assert use == {
        "callpath": ["suite", "use"],
        "name": "suite/use",
        "requires": ["b", {"every": "a"}, {"every": ["disk", 2]}],
        "after": [None],
        "uses": [["proc", "sys"]],
        "claims": [{"repr": "frozenset()"}],
        "resources": {"gpu": 1, "cpu": 0.5},
        "exclusive": True,
        "priority": -1,
        "kwargs": {"names": ["x", "y"], "how": {"repr": "<built-in function print>"}},
        "timeout": 5,
        "retries": 2,
        "retry_delay": 0.25,
    }


def test_the_list_is_the_same_every_time(cli):
    tags = ", ".join(repr(f"tag{n}") for n in range(20))
    cli.write("suite.py", f"from pexen import task\n@task(provides=[{tags}])\ndef a(): pass")
    shown = set()
    for seed in "1", "2", "3":
        cli.env["PYTHONHASHSEED"] = seed
        shown.add(cli.run("list", "suite")[0] + cli.run("graph", "suite")[0])
    assert len(shown) == 1


def test_tasks_that_cannot_run_are_listed_all_the_same(cli):
    cli.write("suite.py", "from pexen import task\n@task(requires=['nothing'])\ndef a(): pass")
    cli.script("""
        $ pexen list suite
        suite/a  requires={'nothing'}
    """)


def test_each_task_is_listed_once(cli):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    cli.script("""
        $ pexen list suite suite
        suite/a
    """)


def test_a_task_without_callpath_goes_by_its_name(cli):
    cli.write("fac.py", "def factory(target): return [print]")
    cli.script("""
        $ pexen list --factory fac:factory x
        print
    """)
    shown = json.loads(cli.run("list", "--json", "--factory", "fac:factory", "x")[0])
    assert shown == [{"callpath": [], "name": "print"}]
