"""Targets: several at once, what is taken from them, and names of all sorts."""

from __future__ import annotations

import os

import pytest


def test_functions_without_metadata_are_taken_if_they_match(cli):
    cli.write("suite.py", "def test_a(): pass\ndef test_b(): pass\ndef helper(): pass")
    cli.script("""
        $ pexen run -j1 --match 'test_*' suite.py
        ok        suite/test_a  N s
        ok        suite/test_b  N s

        2 tasks: 2 ok  in N s
    """)


def test_several_targets_are_one_run(cli):
    cli.write("one.py", "from pexen import task\n@task(provides=['x'])\ndef a(): pass")
    cli.write("two.py", "from pexen import task\n@task(requires=['x'])\ndef b(): pass")
    cli.script("""
        $ pexen run two one
        ok        one/a  N s
        ok        two/b  N s

        2 tasks: 2 ok  in N s
    """)


def test_a_target_without_tasks_beside_others_is_warned_about(cli):
    cli.write("one.py", "from pexen import task\n@task\ndef a(): pass")
    cli.write("none.py", "")
    cli.script("""
        $ pexen run --factory modtree one none
        pexen: warning: target 'none' has no tasks; annotate a callable with pexen.task, ...
        ok        a  N s

        1 task: 1 ok  in N s
    """)


def test_names_with_control_characters_stay_in_their_line(cli):
    cli.write("dir/a\nb \x1b[31m.sh", "#!/bin/sh\n", executable=True)
    cli.script(r"""
        $ pexen run dir
        ok        dir/a\nb \x1b[31m.sh  N s

        1 task: 1 ok  in N s
    """)


def test_names_that_are_no_text_are_shown(cli):
    cli.write("dir/x", "#!/bin/sh\n", executable=True)
    os.rename(cli.folder / "dir/x", os.fsencode(cli.folder) + b"/dir/\xff.sh")
    cli.script(r"""
        $ pexen run dir
        ok        dir/\udcff.sh  N s

        1 task: 1 ok  in N s
    """)


@pytest.mark.parametrize(
    ("targets", "folder", "proposed"),
    [
        ("p/t.py", ".", "p --only p/t"),
        ("p.t", ".", "p --only p/t"),
        ("p/deep/", ".", "p --only p/deep"),
        ("deep/t.py", "p", ". --only p/deep/t"),
        ("p/t.py p.deep", ".", "p --only p/t --only p/deep"),
    ],
)
def test_who_runs_a_part_of_a_package_learns_how_to_have_what_it_needs_of_the_rest(
    cli, targets, folder, proposed
):
    test = "from pexen import task\n@task(requires=['db'])\ndef test(): pass\n"
    cli.write("p/__init__.py", "")
    cli.write("p/fixtures.py", test.replace("requires", "provides").replace("test", "setup"))
    cli.write("p/t.py", test)
    cli.write("p/deep/__init__.py", "")
    cli.write("p/deep/t.py", test)
    where = {"cwd": cli.folder / folder}
    _, err, status = cli.run("run", "--no-state", *targets.split(), **where)
    said, _, command = err.rstrip().partition("; if another part of the package provides that: ")
    assert status == 2 and "nothing provides 'db'" in said
    assert command == f"pexen run {proposed}"
    out, _, status = cli.run(*command.split()[1:], "--no-state", **where)
    assert status == 0 and "p/fixtures/setup" in out


def test_the_command_that_is_proposed_for_the_rest_of_a_package_has_the_other_options(cli):
    test = "from pexen import task\n@task(requires=['db', 'net'])\ndef test(): pass\n"
    cli.write("p/__init__.py", "")
    cli.write("p/t.py", test)
    options = ["--match", "test*", "--threads", "--timeout=5", "--resource=memory=2"]
    _, err, status = cli.run("run", *options, "p/t.py")
    said, _, command = err.rstrip().partition("; if another part of the package provides that: ")
    assert status == 2 and "nothing provides 'db'" in said and "'net'" in said
    assert command == (
        "pexen run --match 'test*' --threads --timeout=5 --resource=memory=2 p --only p/t"
    )


@pytest.mark.parametrize("target", ["alone.py", "p", "p/t.py alone.py"])
def test_where_no_more_of_a_package_would_help_none_is_proposed(cli, target):
    test = "from pexen import task\n@task(requires=['db'])\ndef test(): pass\n"
    cli.write("alone.py", test)
    cli.write("p/__init__.py", "")
    cli.write("p/t.py", test)
    _, err, status = cli.run("run", *target.split())
    assert status == 2 and err.rstrip().endswith(("needs", "need"))
