"""How a run is bounded, repeated and ordered, and what is shown of it meanwhile."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import time

import pytest

FIVE = """
    from pexen import task
    @task(provides=["a"])
    def a(): raise ValueError
    @task(after=["a"], provides=["b"])
    def b(): raise ValueError
    @task(after=["b"], provides=["c"])
    def c(): pass
    @task(after=["c"], provides=["d"])
    def d(): raise ValueError
    @task(after=["d"])
    def e(): pass
"""


def outcomes(cli, *args: str) -> dict[str, str]:
    """How the tasks of a run ended."""
    cli.run("run", "-j1", "--json", "it.json", *args, "suite")
    record = json.loads((cli.folder / "it.json").read_text())
    return {task["callpath"][-1]: task["outcome"] for task in record["tasks"]}


def in_words(found: dict[str, str]) -> str:
    return " ".join(found.values())


# -- failures ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ([], "failed failed ok failed ok"),
        (["-x"], "failed cancelled cancelled cancelled cancelled"),
        (["--maxfail", "1"], "failed cancelled cancelled cancelled cancelled"),
        (["--maxfail", "2"], "failed failed cancelled cancelled cancelled"),
        (["--maxfail", "3"], "failed failed ok failed cancelled"),
        (["-x", "--maxfail", "0"], "failed failed ok failed ok"),
        (["--maxfail", "4"], "failed failed ok failed ok"),
    ],
)
def test_a_run_stops_after_as_many_failures_as_are_allowed(cli, args, expected):
    cli.write("suite.py", FIVE)
    assert in_words(outcomes(cli, *args)) == expected


def test_that_it_has_stopped_is_said(cli):
    cli.write("suite.py", FIVE)
    out, _, status = cli.run("run", "-j1", "-x", "suite")
    lines = cli.normalised(out).splitlines()
    assert lines[-2:] == [
        "stopped after 1 failed; 'pexen run --resume --maxfail 0' runs the rest",
        "5 tasks: 1 failed, 4 cancelled  in N s",
    ]
    assert status == 1


@pytest.mark.parametrize("args", [[], ["-v"], ["-q"]])
def test_those_that_were_cancelled_are_one_line_and_in_the_reports(cli, args):
    cli.write("suite.py", """
        from pexen import task
        @task(provides=["a"])
        def a(): raise ValueError("a broke")
        for number in range(1200):
            globals()[f"b{number}"] = task(after=["a"], provides=["b"])(lambda *, _=number: None)
        @task(after=["a", "b"], teardown=True)
        def z(): pass
    """)
    cli.script(f"""
        $ pexen run -j1 -x {' '.join(args)} --json=it.json --jsonl=it.jsonl suite
        failed    suite/a  N s  ValueError: a broke
        ok        suite/z  N s
        cancelled 1,200 tasks that hadn't started

        == failed: suite/a
        ...
        1202 tasks: 1 ok, 1 failed, 1200 cancelled  in N s
        [1]
    """)
    record = json.loads((cli.folder / "it.json").read_text())
    assert [task["outcome"] for task in record["tasks"]].count("cancelled") == 1200
    assert (cli.folder / "it.jsonl").read_text().count('"cancelled"') >= 1200


def test_teardown_runs_although_it_has_stopped(cli):
    cli.write("suite.py", FIVE.replace('@task(after=["d"])', '@task(after=["a"], teardown=True)'))
    assert outcomes(cli, "-x")["e"] == "ok"


# -- time -------------------------------------------------------------------------------------

WAITS = """
    import signal
    from pexen import task
    @task(provides=["a"])
    def a(): pass
    @task(requires=["a"], provides=["b"])
    def b(): signal.pause()
    @task(requires=["b"])
    def c(): pass
"""


def test_a_deadline_ends_what_runs_and_all_that_would_come(cli):
    cli.write("suite.py", WAITS)
    begun = time.monotonic()
    out, _, status = cli.run("run", "-j1", "--deadline", "0.5", "--json", "it.json", "suite")
    assert time.monotonic() - begun < 20
    assert "\ninterrupting: suite/b (0 s)\n" in out
    assert "\nthe deadline of 0.5 s has passed\ninterrupted; " in out
    assert "goes on with it\n3 tasks: 1 ok, 1 lost, 1 cancelled" in out
    assert status == 1
    assert json.loads((cli.folder / "it.json").read_text())["interrupted"] is True


@pytest.mark.parametrize("amount", ["1e300", "inf", "100"])
def test_a_deadline_that_is_far_away_is_not_felt(cli, amount):
    cli.write("suite.py", "from pexen import task\n@task\ndef a(): pass")
    for option in "--deadline", "--timeout":
        out, err, status = cli.run("run", option, amount, "suite")
        assert ("1 task: 1 ok" in out, err, status) == (True, "", 0)


@pytest.mark.parametrize("amount", ["0", "-1", "nan", "soon", ""])
def test_a_deadline_is_a_number_of_seconds(cli, amount):
    cli.write("suite.py", WAITS)
    _, err, status = cli.run("run", f"--deadline={amount}", "suite")
    assert f"'{amount}' is not a number of seconds above 0" in err and status == 2


def test_a_timeout_ends_one_task_and_not_the_run(cli):
    cli.write("suite.py", WAITS)
    assert in_words(outcomes(cli, "--timeout", "0.3")) == "ok timeout blocked"


# -- again ------------------------------------------------------------------------------------

FLAKY = """
    from pexen import task
    def body(name, times):
        with open(name, "a") as file:
            file.write("x")
        if len(open(name).read()) < times:
            raise ValueError(name)
    @task
    def third(): body("third", 3)
    @task(retries=0)
    def never(): body("never", 2)
    @task
    def well(): body("well", 1)
"""


def test_retries_are_for_tasks_that_fail_and_do_not_say_otherwise(cli):
    cli.write("suite.py", FLAKY)
    assert outcomes(cli, "--retries", "2") == {"third": "ok", "never": "failed", "well": "ok"}
    ran = {name: (cli.folder / name).stat().st_size for name in ("third", "never", "well")}
    assert ran == {"third": 3, "never": 1, "well": 1}
    record = json.loads((cli.folder / "it.json").read_text())
    assert {task["callpath"][-1]: task["attempts"] for task in record["tasks"]} == ran
    assert "  3 attempts" in cli.run("history", "suite/third")[0]


def test_retries_come_to_an_end(cli):
    cli.write("suite.py", FLAKY)
    assert outcomes(cli, "--retries", "1")["third"] == "failed"
    assert (cli.folder / "third").stat().st_size == 2


def test_each_round_is_a_run_and_the_worst_of_them_counts(cli):
    cli.write("suite.py", FLAKY)
    out, _, status = cli.run("run", "--repeat", "3", "-k", "third", "suite")
    shown = re.findall(r"== (\d of 3)|(1 task: 1 \w+)", out)
    assert ["".join(each) for each in shown] == [
        "1 of 3", "1 task: 1 failed", "2 of 3", "1 task: 1 failed", "3 of 3", "1 task: 1 ok",
    ]  # fmt: skip
    assert status == 1
    assert len(cli.run("history")[0].splitlines()) == 3


def test_rounds_end_with_the_one_that_has_stopped(cli):
    cli.write("suite.py", FLAKY)
    out, _, status = cli.run("run", "--repeat", "3", "-x", "-k", "third", "suite")
    assert (out.count("1 task: "), status) == (1, 1)


PIDS = "from pexen import task\nimport os\n" + "".join(
    f"@task\ndef t{n}():\n    global seen\n    assert 'seen' not in globals()\n    seen = 1\n"
    f"    open('pids', 'a').write(f'{{os.getpid()}}\\n')\n"
    for n in range(4)
)


@pytest.mark.parametrize("how", ["--start-method=fork", "--start-method=spawn"])
def test_isolated_tasks_have_a_process_each(cli, how):
    cli.write("suite.py", PIDS)
    out, _, status = cli.run("run", "-j2", "--isolate", how, "suite")
    assert ("4 tasks: 4 ok" in out, status) == (True, 0)
    assert len(set((cli.folder / "pids").read_text().split())) == 4


def test_others_share_processes(cli):
    cli.write("suite.py", PIDS)
    assert "3 failed" in cli.run("run", "-j1", "suite")[0]


# -- order ------------------------------------------------------------------------------------

TWENTY = "from pexen import task\n" + "".join(f"@task\ndef t{n:02}(): pass\n" for n in range(20))


def order(cli, *args: str) -> list[str]:
    out, _, _ = cli.run("run", "-j1", *args, "suite")
    return re.findall(r"^ok +suite/(\w+)", out, re.M)


def test_the_same_seed_is_the_same_order_and_another_is_another(cli):
    cli.write("suite.py", TWENTY)
    one = order(cli, "--shuffle=1")
    assert one == order(cli, "--shuffle=1")
    assert sorted(one) == sorted(order(cli, "--shuffle=2")) != one
    assert one not in (sorted(one), order(cli, "--shuffle=2"))


def test_an_order_by_chance_can_be_had_again(cli):
    cli.write("suite.py", TWENTY)
    out, _, _ = cli.run("run", "-j1", "--shuffle", "suite")
    (option,) = re.findall(r"^the order was that of (--shuffle=\d+)$", out, re.M)
    assert order(cli, option) == re.findall(r"^ok +suite/(\w+)", out, re.M)


def test_no_order_by_chance_breaks_what_is_required(cli):
    lines = "".join(
        f"@task(provides=[{n}], requires={[n - 1] if n else []})\ndef t{n}(): pass\n"
        for n in range(6)
    )
    cli.write("suite.py", f"from pexen import task\n{lines}")
    for seed in range(3):
        assert order(cli, f"--shuffle={seed}") == [f"t{n}" for n in range(6)]


# -- what is shown ----------------------------------------------------------------------------


def test_the_slowest_are_shown_the_slowest_first(cli):
    cli.write("suite.py", """
        import time
        from pexen import task
        @task
        def quick(): pass
        @task
        def slow(): time.sleep(0.2)
        @task
        def middling(): time.sleep(0.1)
    """)
    out = cli.normalised(cli.run("run", "--durations", "2", "suite")[0])
    assert "\nthe slowest:\n    N s  suite/slow\n    N s  suite/middling\n\n3 tasks" in out


@pytest.mark.parametrize(
    ("args", "env", "coloured"),
    [
        ([], {}, False),
        (["--color", "always"], {}, True),
        (["--color", "never"], {"FORCE_COLOR": "1"}, False),
        ([], {"FORCE_COLOR": "1"}, True),
        ([], {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_where_they_are_asked_for(cli, args, env, coloured):
    cli.write("suite.py", FIVE)
    out, _, _ = cli.run("run", *args, "suite", env=cli.env | env)
    assert ("\x1b[" in out) == coloured


GATED = """
    import os
    from pexen import task
    @task(provides=["a"])
    def first(): pass
    @task(requires=["a"], provides=["b"])
    def fails(): raise ValueError("no")
    @task(after=["b"])
    def waits_with_a_name_that_is_much_too_long_for_a_line_of_a_terminal_of_eighty_columns():
        open("gate").read()
"""


def on_a_terminal(cli, *args: str, until: bytes = b"") -> bytes:
    """What a run writes to a terminal of 80 columns; a gate opens when it has written `until`."""
    cli.env |= {"TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    gate = cli.folder / "gate"
    os.mkfifo(gate)
    master, slave = pty.openpty()
    process = cli.start("run", "-j1", *args, "suite", stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    written, opened = b"", False
    while select.select([master], [], [], 60)[0]:
        try:
            chunk = os.read(master, 1 << 16)
        except OSError:  # all have closed it
            break
        written += chunk
        if not opened and re.search(until, written):
            gate.write_text("open")
            opened = True
    os.close(master)
    process.wait(timeout=60)
    assert opened, written
    return written


def screen(written: bytes) -> list[str]:
    """The lines that stand on a terminal in the end, if it knows what the command writes."""
    lines = []
    for line in written.decode().split("\r\n"):
        shown = re.split(r"\r\x1b\[K", line)[-1]
        lines.append(re.sub(r"\x1b\[[\d;]*m", "", shown))
    return lines


def test_on_a_terminal_a_line_tells_how_far_the_run_is_and_is_gone_at_its_end(cli):
    cli.write("suite.py", GATED)
    written = on_a_terminal(cli, until=rb"\[2/3\] 1 failed.* \| running: ")
    drawn = re.findall(r"\r\x1b\[K(\[\d/3\][^\r\x1b]*)", written.decode())
    assert all(len(line) < 80 for line in drawn)
    assert any(line.startswith("[2/3] 1 failed") and "eighty_columns" in line for line in drawn)
    lines = screen(written)
    assert not any(line.startswith("[") for line in lines)
    assert lines[0].startswith("failed    suite/fails")
    assert lines[-2].startswith("3 tasks: 2 ok, 1 failed  in ") and lines[-1] == ""


def test_v_has_a_line_per_task_also_on_a_terminal(cli):
    cli.write("suite.py", GATED)
    lines = screen(on_a_terminal(cli, "-v", until=rb"\[2/3\] 1 failed"))
    assert [line.split()[:2] for line in lines[:2]] == [
        ["ok", "suite/first"], ["failed", "suite/fails"],
    ]  # fmt: skip


def test_a_line_is_not_drawn_where_tasks_print(cli):
    cli.write("suite.py", GATED)
    assert b"\x1b[K" not in on_a_terminal(cli, "-s", until=rb"suite/fails")


def test_a_dumb_terminal_has_lines_only(cli):
    cli.write("suite.py", GATED)
    cli.env["TERM"] = "dumb"
    start = cli.start
    cli.start = lambda *args, **options: start(*args, **options, env=cli.env | {"TERM": "dumb"})
    written = on_a_terminal(cli, until=rb"suite/fails")
    assert b"\x1b[K" not in written and b"suite/first" in written
