"""Targets: several at once, what is taken from them, and names of all sorts."""

from __future__ import annotations

import os


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
