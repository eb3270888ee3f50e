"""The lines on what still runs."""

from __future__ import annotations

from pexen.report.still import FIRST, Still


def still() -> tuple[Still, list[str]]:
    said: list[str] = []
    return Still(said.append, 100.0), said


def test_what_runs_is_told_when_nothing_has_ended_for_long_with_the_longest_first() -> None:
    line, said = still()
    line.began("net/udp", 101.0)
    line.began("net/tcp", 100.0)
    line.tick(109.9)
    assert said == []
    line.tick(112.0)
    assert said == ["no task has ended for 12 s; still running: net/tcp (12 s), net/udp (11 s)"]


def test_the_longer_nothing_ends_the_rarer_it_is_told() -> None:
    line, said = still()
    line.began("a", 100.0)
    times = []
    for moment in range(100, 100 + 1000):
        line.tick(float(moment))
        if len(said) > len(times):
            times.append(moment - 100)
    assert times == [10, 30, 60, 120, 240, 480, 960]
    assert said[-1] == "no task has ended for 16 min 0 s; still running: a (16 min 0 s)"


def test_an_end_begins_it_anew() -> None:
    line, said = still()
    line.began("a", 100.0)
    line.began("b", 100.0)
    line.tick(140.0)
    line.ended("b", "ok", 145.0)
    line.tick(154.9)
    assert len(said) == 1
    line.tick(145.0 + FIRST)
    assert said[1] == "no task has ended for 10 s; still running: a (55 s)"


def test_nothing_is_told_while_nothing_runs() -> None:
    line, said = still()
    line.ended("blocked", "blocked", 101.0)
    line.tick(111.0)
    assert said == []
    line.began("a", 111.0)
    line.tick(112.0)
    assert said == ["no task has ended for 11 s; still running: a (1 s)"]


def test_an_attempt_that_follows_another_counts_from_its_own_beginning() -> None:
    line, said = still()
    line.began("a", 100.0)
    line.began("a", 120.0)
    line.tick(4000.0)
    assert said == ["no task has ended for 1 h 5 min; still running: a (1 h 4 min)"]


def test_of_very_many_tasks_those_that_run_longest_are_named() -> None:
    line, said = still()
    for number in range(1000, 0, -1):
        line.began(str(number), 100.0 + number / 1000)
    line.tick(120.0)
    assert said[0].endswith("5 (19 s), 6 (19 s), 7 (19 s), 8 (19 s) and 992 more")


def test_tasks_of_the_same_name_are_told_apart_by_their_keys() -> None:
    line, said = still()
    line.began("t.sh", 100.0, key=1)
    line.began("t.sh", 101.0, key=2)
    line.ended("t.sh", "ok", 102.0, key=2)
    line.tick(112.0)
    assert said == ["no task has ended for 10 s; still running: t.sh (12 s)"]


def test_a_task_that_waits_for_another_attempt_does_not_run() -> None:
    line, said = still()
    line.began("a", 100.0)
    line.began("b", 100.0)
    line.waits("a", 101.0)
    line.tick(112.0)
    assert said == ["no task has ended for 12 s; still running: b (12 s)"]
    line.began("a", 120.0)
    line.tick(131.0)
    assert said[1].endswith("still running: b (31 s), a (11 s)")


def busy(line: Still, said: list[str], seconds: int) -> list[int]:
    """When something was said in a run in which another task ends each second."""
    times = []
    for moment in range(1, seconds):
        line.ended(f"short/{moment}", "ok", 100.0 + moment)
        before = len(said)
        line.tick(100.0 + moment + 0.5)
        times += [moment] * (len(said) - before)
    return times


def test_a_task_that_runs_for_long_is_named_also_while_others_end() -> None:
    line, said = still()
    line.began("busy/hang", 100.0)
    assert busy(line, said, 600) == [30, 60, 120, 240, 480]
    assert said[0] == "still running: busy/hang (30 s)"
    assert said[1] == "still running: busy/hang (1 min 0 s)"


def test_a_task_that_is_known_to_take_long_is_named_at_three_times_of_that() -> None:
    said: list[str] = []
    line = Still(said.append, 100.0, {"long": 40.0, "short": 1.0})
    line.began("long", 100.0)
    line.began("short", 100.0)
    assert busy(line, said, 300) == [30, 60, 120, 240]
    assert said == [
        "still running: short (30 s)",
        "still running: short (1 min 0 s)",
        "still running: long (2 min 0 s), short (2 min 0 s)",
        "still running: long (4 min 0 s), short (4 min 0 s)",
    ]


def test_what_was_named_as_nothing_ended_is_not_named_again_at_once() -> None:
    line, said = still()
    line.began("a", 90.0)
    line.tick(121.0)
    line.ended("b", "ok", 121.5)
    line.tick(122.0)
    line.tick(131.0)
    assert said == ["no task has ended for 21 s; still running: a (31 s)"]


def test_each_attempt_has_to_run_for_long_by_itself() -> None:
    line, said = still()
    line.began("a", 100.0)
    line.tick(100.0)
    line.waits("a", 125.0)
    line.ended("b", "ok", 130.0)
    line.tick(135.0)
    line.began("a", 136.0)
    line.ended("b", "ok", 160.0)
    line.tick(165.0)
    assert said == []
    line.tick(166.0)
    assert said == ["still running: a (30 s)"]
