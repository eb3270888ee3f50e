"""What `pexen plan` tells of a run that isn't made, and the files that it takes durations from."""

from __future__ import annotations

import json

import pytest

from pexen.cli.words import seconds
from pexen.state import Store

SUITE = """
    from pexen import task

    @task(provides=["disk"])
    def find(): raise AssertionError("it was run")

    @task(requires=["disk"], provides=["files"])
    def format(): raise AssertionError("it was run")

    @task(requires=["files"])
    def fill(): pass

    @task(claims=["tape"])
    def one(): pass

    @task(claims=["tape"])
    def two(): pass
"""

SECONDS = {"s/find": 1, "s/format": 2.5, "s/fill": 3, "s/one": 5, "s/two": 5}


@pytest.fixture
def suite(cli):
    cli.write("s.py", SUITE)
    cli.write("seconds.json", json.dumps(SECONDS))
    return cli


def plan(cli, *args: str) -> str:
    out, err, status = cli.run("plan", *args)
    assert (err, status) == ("", 0)
    return out


def test_a_table_and_what_is_in_the_way(suite):
    assert plan(suite, "-j", "1,2,4", "--durations", "seconds.json", "s") == """\
5 tasks, 16.50 s of work

workers  makespan  speed-up  busy  at least  because of
      1   16.50 s      1.00  100%   16.50 s  the workers
      2   10.00 s      1.65   82%   10.00 s  the lock 'tape'
      4   10.00 s      1.65   41%   10.00 s  the lock 'tape'

With 4 workers, the lock 'tape' is in the way: let fewer tasks need it, or for a shorter time.
2 workers would do nearly as well: 10.00 s.
the lock 'tape': 2 tasks, 10.00 s at least; without it the run would be 3.50 s shorter.

The critical path with 4 workers:
    0.00 s      5.00 s  s/one  starts at once
    5.00 s      5.00 s  s/two  waits for the lock 'tape'
"""


def test_without_durations_each_task_counts_as_a_second_and_that_is_said(suite):
    out = plan(suite, "s")
    assert out.startswith("5 tasks, each counted as 1 second: no durations are known")
    assert [line.split()[0] for line in out.splitlines()[3:7]] == ["1", "2", "4", "8"]
    assert "With 8 workers, the longest path is in the way: make its tasks shorter" in out
    assert "    2.00 s      1.00 s  s/fill  requires 'files'\n" in out


def test_where_the_workers_are_busy_no_path_is_shown(suite):
    assert plan(suite, "-j1", "s").endswith(
        "\n\nWith 1 worker, the workers are in the way: they are busy 100% of the time.\n"
    )


def test_a_task_of_unknown_duration_counts_as_the_median(suite):
    suite.write("few.json", '{"s/one": 4, "s/find": 2}')
    out = plan(suite, "--durations", "few.json", "s")
    assert out.startswith("5 tasks, 15.00 s of work; 3 of unknown duration, counted as the median\n")


def test_the_record_of_a_run_gives_durations(suite):
    record = {
        "format": 1,
        "tasks": [
            {"callpath": ["s", "one"], "outcome": "ok", "duration": 3},
            {"callpath": ["s", "two"], "outcome": "failed", "duration": 900},
            {"callpath": ["s", "fill"], "outcome": "blocked", "duration": None},
            {"callpath": ["s", "gone"], "outcome": "ok", "duration": 70},
        ],
    }
    suite.write("last.json", json.dumps(record))
    out = plan(suite, "-j1", "--durations", "last.json", "s")
    assert out.startswith("5 tasks, 15.00 s of work; 4 of unknown duration")


def test_a_run_can_be_planned_after_it_was_made(cli):
    cli.write("s.py", """
        import time
        from pexen import task
        @task
        def a(): time.sleep(0.02)
    """)
    assert cli.run("run", "--threads", "--json", "last.json", "s")[2] == 0
    taken = json.loads((cli.folder / "last.json").read_text())["tasks"][0]["duration"]
    out = plan(cli, "-j", "1", "--durations", "last.json", "s")
    assert out.startswith(f"1 task, {seconds(taken)} of work\n")


def test_earlier_runs_give_durations(cli):
    cli.write("t.py", TWO)
    assert cli.run("run", "--threads", "t.py")[2] == 0
    with Store(cli.folder / ".pexen") as store, store.writing() as database:
        database.execute("UPDATE seconds SET mean = 4")
    assert plan(cli, "-j", "1", "t.py").startswith("2 tasks, 8.00 s of work\n")
    cli.write("last.json", json.dumps({"t/one": 3, "t/other": 3}))
    assert "6.00 s of work" in plan(cli, "-j", "1", "--durations", "last.json", "t.py")


def test_a_state_that_cannot_be_read_is_warned_of_and_the_plan_made(cli):
    cli.write("t.py", TWO)
    (cli.folder / ".pexen").mkdir()
    (cli.folder / ".pexen" / "state.db").write_text("no database")
    out, err, status = cli.run("plan", "-j", "1", "t.py")
    assert status == 0 and "each counted as 1 second" in out
    assert "the plan is made without it" in err
    assert (cli.folder / ".pexen" / "state.db").read_text() == "no database"


TWO = """
    from pexen import task

    @task
    def one(): pass

    @task
    def other(): pass
"""


def test_several_causes_are_counted(cli):
    cli.write("s.py", """
        from pexen import task
        for name, claims in {"a": "xy", "b": "yz", "c": "xz"}.items():
            globals()[name] = task(lambda: None, claims=list(claims))
    """)
    out = plan(cli, "-j", "3", "s")
    assert (
        "With 3 workers, several things are in the way: of the 3 steps of the critical path, "
        "1 waited for the lock 'y', 1 waited for the lock 'z'.\n"
    ) in out
    assert "Another order might save up to 33%; --search 64 looks for one.\n" in out


def test_the_plan_is_the_same_every_time(cli):
    cli.write("s.py", """
        from pexen import task
        tags = [f"tag{n}" for n in range(9)]
        a = task(lambda: None, provides=tags)
        b, c = (task(lambda: None, requires=tags, claims=tags[n:]) for n in (0, 1))
    """)
    shown = set()
    for seed in "1", "2", "3":
        cli.env["PYTHONHASHSEED"] = seed
        shown.add(plan(cli, "-j", "3", "--search", "9", "s"))
    assert len(shown) == 1 and "s/b  requires 'tag0'" in shown.pop()


def test_a_search_finds_a_shorter_run(cli):
    cli.write("s.py", "\n".join(
        ["from pexen import task", *[f"{n} = task(lambda: None)" for n in "abcde"]]
    ))
    lengths = zip("abcde", (6, 5, 4, 4, 3), strict=True)
    cli.write("seconds.json", json.dumps({f"s/{name}": length for name, length in lengths}))
    args = ["-j", "2", "--durations", "seconds.json", "s"]
    assert "      2   12.00 s" in plan(cli, *args)
    assert "      2   11.00 s" in plan(cli, "--search", "64", *args)


def test_of_a_long_path_only_the_longest_steps_are_shown(cli):
    cli.write("s.py", """
        from pexen import task
        for n in range(30):
            needs, gives = {n} - {0}, {n + 1} - {30}
            globals()[f"t{n:02}"] = task(lambda: None, requires=needs, provides=gives)
    """)
    cli.write("seconds.json", json.dumps({f"s/t{n:02}": n for n in range(30)}))
    out = plan(cli, "-j", "2", "--durations", "seconds.json", "s")
    assert out.count("  requires ") == 20 and "s/t09" not in out and "s/t10" in out
    assert out.endswith("\nand 10 shorter ones between them\n")


def test_how_much_there_is_of_a_resource_is_given_as_to_run(cli):
    cli.write("s.py", """
        from pexen import task
        for n in range(4):
            globals()[f"t{n}"] = task(lambda: None, resources={"gpu": 1})
    """)
    assert "      8    2.00 s" in plan(cli, "--resource", "gpu=2", "s")
    cli.script("""
        $ pexen plan s
        pexen: error: task 's/t0' can never run: resource 'gpu' is asked for but not declared; declared are: none; resources are given by --resource NAME=AMOUNT
        [2]
    """)


def test_names_are_taken_as_they_are_listed(cli):
    cli.write("dir/a\nb", "#!/bin/sh\n", executable=True)
    listed = cli.run("list", "dir")[0].split()[0]
    cli.write("seconds.json", json.dumps({listed: 7}))
    assert plan(cli, "-j1", "--durations", "seconds.json", "dir").startswith("1 task, 7.00 s of")


def test_a_name_that_no_task_has_is_told(suite):
    suite.write("odd.json", '{"s/fnid": 1, "s/one": 2}')
    out, err, status = suite.run("plan", "-j1", "--durations", "odd.json", "s")
    assert err == "pexen: warning: file 'odd.json' knows tasks that aren't there: 's/fnid'\n"
    assert (out[:7], status) == ("5 tasks", 0)


def test_a_file_without_durations_is_2(suite):
    suite.write("list.json", "[]")
    suite.write("text.json", "s/one 3")
    suite.write("word.json", '{"s/one": "3"}')
    suite.write("negative.json", '{"s/one": -3}')
    suite.write("nan.json", '{"s/one": NaN}')
    suite.write("true.json", '{"s/one": true}')
    suite.write("large.json", '{"s/one": 1' + "0" * 400 + "}")
    suite.write("newer.json", '{"format": 2, "tasks": []}')
    suite.script("""
        $ pexen plan --durations nowhere.json s
        pexen: error: file 'nowhere.json' can't be read: No such file or directory
        [2]
        $ pexen plan --durations list.json s
        pexen: error: file 'list.json' has no durations; write an object from names of tasks to seconds, as in {"pkg/task": 1.5}
        [2]
        $ pexen plan --durations text.json s
        pexen: error: file 'text.json' has no durations, it is not even JSON: ...
        [2]
        $ pexen plan --durations word.json s
        pexen: error: file 'word.json' says '3' of 's/one'; give seconds, a number of 0 or above
        [2]
        $ pexen plan --durations negative.json s
        pexen: error: file 'negative.json' says -3 of 's/one'; give seconds, a number of 0 or above
        [2]
        $ pexen plan --durations nan.json s
        pexen: error: file 'nan.json' says nan of 's/one'; give seconds, a number of 0 or above
        [2]
        $ pexen plan --durations true.json s
        pexen: error: file 'true.json' says True of 's/one'; give seconds, a number of 0 or above
        [2]
        $ pexen plan --durations large.json s
        pexen: error: file 'large.json' says ...
        [2]
        $ pexen plan --durations newer.json s
        pexen: error: file 'newer.json' has format 2; this pexen reads format 1
        [2]
    """)


def test_wrong_options_are_2(suite):
    suite.script("""
        $ pexen plan -j 0 s
        pexen: error: argument -j/--jobs: '0' is not a number of jobs; give 1 or more; see 'pexen plan -h'
        [2]
        $ pexen plan -j 1,,2 s
        pexen: error: argument -j/--jobs: '' is not a number of jobs; give 1 or more; see 'pexen plan -h'
        [2]
        $ pexen plan --search few s
        pexen: error: argument --search: 'few' is not a number of runs; give 0 or more; see 'pexen plan -h'
        [2]
    """)


def test_tasks_that_cannot_run_are_2(cli):
    cli.write("s.py", "from pexen import task\n@task(requires=['gone'])\ndef a(): pass")
    out, err, status = cli.run("plan", "s")
    assert (out, status) == ("", 2)
    assert err.startswith("pexen: error: ") and "nothing provides 'gone'" in err


def test_what_modules_print_is_no_part_of_the_plan(cli):
    cli.write("s.py", "print('imported')\nfrom pexen import task\n@task\ndef a(): pass")
    out, err, status = cli.run("plan", "-j1", "s")
    assert (err, status) == ("imported\n", 0) and out.startswith("1 task")
