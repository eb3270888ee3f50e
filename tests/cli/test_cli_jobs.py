"""How many tasks run at a time."""

from __future__ import annotations

import json
import os

import pytest

from pexen.cli.options import job_count, spell_out_jobs, usable_cpus

# Each of two tasks opens one end of a named pipe, which waits for the other end.
MEETING = """
    from pexen import task
    @task(timeout=LIMIT)
    def reads(): open("fifo").read()
    @task(timeout=LIMIT)
    def writes(): open("fifo", "w").close()
"""


@pytest.mark.parametrize("args", [("-j", "2"), ("-j2",), ("--jobs=2",), ("--jobs", "2")])
def test_with_two_jobs_two_tasks_run_at_a_time(cli, args):
    os.mkfifo(cli.folder / "fifo")
    cli.write("suite.py", MEETING.replace("LIMIT", "30"))
    out, err, status = cli.run("run", *args, "suite")
    assert "2 tasks: 2 ok  in" in out
    assert (err, status) == ("", 0)


def test_the_environment_gives_the_default(cli):
    os.mkfifo(cli.folder / "fifo")
    cli.write("suite.py", MEETING.replace("LIMIT", "30"))
    cli.env["PEXEN_JOBS"] = "2"
    assert cli.run("run", "suite")[2] == 0
    cli.env["PEXEN_JOBS"] = "1"
    assert cli.run("run", "-j2", "suite")[2] == 0


def test_with_one_job_one_task_runs_at_a_time(cli):
    os.mkfifo(cli.folder / "fifo")
    cli.write("suite.py", MEETING.replace("LIMIT", "0.05"))
    out, _, status = cli.run("run", "-j1", "suite")
    assert "2 tasks: 2 timeout  in" in out
    assert status == 1


def test_a_bare_j_takes_no_target_for_its_number(cli):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    cli.script("""
        $ pexen run -j suite
        ok        suite/a  N s

        1 task: 1 ok  in N s
        $ pexen run suite -j
        ok        suite/a  N s

        1 task: 1 ok  in N s
        $ pexen run --jobs -q suite
        ok        suite/a  N s

        1 task: 1 ok  in N s
    """)


def test_a_bare_j_is_the_usable_cpus():
    assert usable_cpus() == len(os.sched_getaffinity(0))
    assert spell_out_jobs(["-j", "suite"]) == ["-jauto", "suite"]
    assert spell_out_jobs(["suite", "-j"]) == ["suite", "-jauto"]
    assert spell_out_jobs(["--jobs", "suite"]) == ["--jobs=auto", "suite"]
    assert spell_out_jobs(["-j", "3", "suite"]) == ["-j", "3", "suite"]
    assert spell_out_jobs(["-j3", "--", "-j"]) == ["-j3", "--", "-j"]
    assert job_count("auto") == usable_cpus()


def test_there_are_no_more_workers_than_tasks(cli):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    cli.run("run", "-j", "1000000", "--json", "it.json", "suite")
    assert json.loads((cli.folder / "it.json").read_text())["tasks"][0]["worker"] == "process-1"


def test_a_number_that_is_none_is_refused(cli):
    cli.script("""
        $ pexen run -j 0 suite
        pexen: error: argument -j/--jobs: '0' is not a number of jobs; give 1 or more; ...
        [2]
        $ pexen run -j -1 suite
        pexen: error: argument -j/--jobs: '-1' is not a number of jobs; give 1 or more; ...
        [2]
        $ pexen run -j1.5 suite
        pexen: error: argument -j/--jobs: '1.5' is not a number of jobs; give 1 or more; ...
        [2]
        $ PEXEN_JOBS=many pexen run suite
        pexen: error: PEXEN_JOBS: 'many' is not a number of jobs; give 1 or more
        [2]
    """)


def test_an_empty_environment_variable_says_nothing(cli):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    cli.env["PEXEN_JOBS"] = ""
    assert cli.run("run", "suite")[2] == 0


def test_the_habit_of_xdist_is_told_the_right_option(cli):
    cli.script("""
        $ pexen run -n 4 suite
        pexen: error: -n is no number of jobs; did you mean -j 4?
        [2]
        $ pexen run -n4 suite
        pexen: error: -n is no number of jobs; did you mean -j 4?
        [2]
        $ pexen run -n auto suite
        pexen: error: -n is no number of jobs; did you mean -j auto?
        [2]
    """)
