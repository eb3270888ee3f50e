"""What users see of a run: order, results, outcomes and reasons; in virtual time."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pexen import PexenWarning, Sched, task
from pexen.sched import (
    DepcheckError,
    MutexError,
    Outcome,
    SchedulerError,
    TaskFailError,
    TaskRes,
    TaskSkip,
    events,
    every,
    unique,
)
from pexen.sched.common import PoolError
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.sched.pool.spare import Spare
from pexen.testing import VirtualPool


def make(name: str, body: Callable[..., Any] | None = None, **fields: Any) -> Callable[..., Any]:
    """A task with a name; it does nothing unless told otherwise."""

    def default() -> str:
        return name

    function = body or default
    function.__qualname__ = function.__name__ = name
    return task(function, **fields)


def fails(name: str, error: BaseException | None = None, **fields: Any) -> Callable[..., Any]:
    def raises() -> None:
        raise error if error is not None else ValueError(name)

    return make(name, raises, **fields)


def order(sched: Sched, pool: VirtualPool | None = None) -> list[str]:
    return [res.task.__name__ for res in sched.run(pool or VirtualPool())]


# -- order ----------------------------------------------------------------------------------


def test_a_run_of_nothing_yields_nothing() -> None:
    assert list(Sched([]).run()) == [] and list(Sched().run()) == []


def test_equals_run_in_the_order_in_which_they_were_added() -> None:
    tasks = [make(f"t{n}") for n in range(50)]
    assert order(Sched(tasks)) == [f"t{n}" for n in range(50)]


def test_lower_priorities_run_first() -> None:
    tasks = [make(f"p{p}", priority=p) for p in (3, -1, 0.5, 2)]
    assert order(Sched(tasks)) == ["p-1", "p0.5", "p2", "p3"]


def test_the_longest_remaining_path_runs_first_by_known_durations() -> None:
    tasks = [
        make("short"),
        make("first", provides=["a"]),
        make("long", requires=["a"]),
        make("single"),
    ]
    durations = {tasks[2]: 5.0, tasks[3]: 4.0, tasks[0]: 1.0}
    assert order(Sched(tasks, durations=durations)) == ["first", "long", "single", "short"]
    depth_only = Sched(tasks)
    assert order(depth_only) == ["first", "short", "long", "single"]


def test_of_equal_paths_the_one_with_more_dependents_runs_first() -> None:
    tasks = [
        make("one", provides=["a"]),
        make("two", provides=["b"]),
        make("of one", requires=["a"]),
        make("of two", requires=["b"]),
        make("more of two", after=["b"]),
    ]
    assert order(Sched(tasks))[:2] == ["two", "one"]


def test_claims_of_one_lock_count_as_a_path() -> None:
    tasks = [
        make("long", provides=["a"]),
        make("longer", requires=["a"]),
        *[make(f"claim{n}", claims=["x"] if n < 3 else [("x",)]) for n in range(4)],
        make("single"),
    ]
    expected = ["claim0", "claim1", "long", "claim2", "longer", "claim3", "single"]
    assert order(Sched(tasks)) == expected


def test_an_unknown_duration_counts_as_the_median_of_the_known() -> None:
    tasks = [make("one"), make("unknown"), make("nine"), make("five")]
    known = {"one": 1, "nine": 9, "five": 5.0}
    durations = lambda t: known.get(t.__name__)  # noqa: E731
    assert order(Sched(tasks, durations=durations)) == ["nine", "unknown", "five", "one"]


def test_a_senseless_duration_is_refused() -> None:
    sched = Sched([make("t")], durations=lambda t: -1)
    with pytest.raises(SchedulerError, match="the duration of 't' is -1"):
        list(sched.run(VirtualPool()))


def test_any_provider_meets_a_plain_tag_and_all_meet_every() -> None:
    quick = make("quick", provides=["x"])
    slow = make("slow", provides=["x"])
    tasks = [
        quick,
        slow,
        make("any", requires=["x"]),
        make("all", requires=[every("x")]),
        make("ended", after=["x"]),
    ]
    pool = VirtualPool(workers=3, durations={quick: 1, slow: 5})
    list(Sched(tasks).run(pool))
    starts = {t.__name__: now for now, what, t in pool.log if what == "start"}
    assert starts == {"quick": 0, "slow": 0, "any": 1, "all": 5, "ended": 5}


def test_after_waits_for_the_end_whatever_it_is() -> None:
    tasks = [fails("bad", provides=["x"]), make("cleanup", after=["x"])]
    assert order(Sched(tasks)) == ["bad", "cleanup"]


def test_many_tasks_that_become_ready_at_once_are_told_of_in_order() -> None:
    heard: list[object] = []

    def hear(event: events.Event) -> None:
        if isinstance(event, events.Queued):
            heard.append(event.task)

    first = make("first", provides=["x"])
    others = [make(f"other {n}", requires=["x"]) for n in range(40)]
    list(Sched([first, *others], listeners=[hear]).run())
    assert heard == [first, *others]


def test_a_second_provider_is_welcome_after_a_unique_one_was_refused() -> None:
    sched = Sched([make("one", provides=["x"]), make("needs", requires=["x"])])
    with pytest.raises(DepcheckError):
        sched.add_tasks([make("unique", provides=[unique("x")])])
    two = make("two", provides=["x"])
    sched.add_tasks([two])
    assert two in [res.task for res in sched.run()]


def test_tasks_with_a_senseless_place_in_the_order_are_not_added() -> None:
    one, late = make("one", provides=["x"]), make("late", requires=["x"])
    sched = Sched([one, make("two", requires=["x"])])
    results = sched.run(order={late: "x"})  # type: ignore[dict-item]
    next(results)
    with pytest.raises(SchedulerError, match="order of 'late' is 'x'"):
        sched.add_tasks([late])
    assert len(list(results)) == 1 and late not in sched.outcomes


def test_an_urgent_task_passes_those_handed_in_ahead() -> None:
    """With one worker and a spare of one, the urgent task is at most one task late."""
    gate, log = threading.Event(), []
    first = make("first", lambda: gate.wait(30))
    ahead = make("ahead", lambda: log.append("ahead"))
    urgent = make("urgent", lambda: log.append("urgent"), priority=-1)
    sched = Sched([first, ahead])

    def add_when_ahead(event: events.Event) -> None:
        if isinstance(event, events.Queued) and event.task is ahead:
            threading.Thread(target=add).start()

    def add() -> None:
        while len(sched.snapshot().running) != 1:
            pass
        sched.add_tasks([urgent])
        while not any(w.task is ahead and w.state == "ready" for w in sched.snapshot().waiting):
            pass
        gate.set()

    sched._announcer._listeners.append(add_when_ahead)
    list(sched.run(ThreadWorkerPool(workers=1, spare=1)))
    assert log == ["urgent", "ahead"]


# -- shared state ------------------------------------------------------------------------------


def test_a_task_gets_the_presets_and_what_its_providers_left() -> None:
    def first(shared: dict[str, Any]) -> None:
        shared["from"] = "first"

    def second(shared: dict[str, Any]) -> dict[str, Any]:
        return dict(shared)

    sched = Sched([make("a", first, provides=["x"]), make("b", second, requires=["x"])])
    sched.add_shared(preset=1)
    results = list(sched.run(VirtualPool()))
    assert results[1].ret == {"preset": 1, "from": "first"}


def test_the_provider_that_completed_last_wins_across_tags() -> None:
    def writes(value: int) -> Callable[..., None]:
        return lambda shared: shared.update(value=value)

    one = make("one", writes(1), provides=["x"])
    two = make("two", writes(2), provides=["y"])
    last = make("last", lambda shared: shared["value"], requires=[every("x"), "y"])
    for durations, expected in (({one: 1, two: 2}, 2), ({one: 2, two: 1}, 1)):
        results = list(Sched([one, two, last]).run(VirtualPool(2, durations)))
        assert results[-1].ret == expected


class Bulk(VirtualPool):
    """Delivers all results at a time, as pools do of very short tasks."""

    def _start(self) -> None:
        super()._start()
        self._spare = Spare(self.workers, None)
        self._spare.depth, self._spare.low = 256, 128

    def _collect(self, timeout: float | None) -> list[TaskRes]:
        got = super()._collect(timeout)
        while self._at_work:
            got += super()._collect(None)
        return got


def begun_after_each(consuming: float) -> list[int]:
    """How many tasks that each require one of ten others have begun when each of these is consumed.

    All are short, and each of the ten is consumed for so many seconds.
    """
    firsts = [make(f"first {n}", provides=[n]) for n in range(10)]
    pool = Bulk(workers=2, durations=lambda task: 0.0)
    begun = []
    for res in Sched([*firsts, *(make("next", requires=[n]) for n in range(10))]).run(pool):
        if res.task in firsts:
            started = [task for _, what, task in pool.log if what == "start"]
            begun.append(len(set(started) - set(firsts)))
            pool.now += consuming
    return begun


def test_of_short_tasks_all_results_at_hand_are_consumed_before_more_are_handed_out() -> None:
    assert begun_after_each(0) == [0] * 10


def test_a_slow_consumer_keeps_no_worker_waiting_for_more_short_tasks() -> None:
    assert begun_after_each(0.01) == [0, 1] + [2] * 8  # as many as there are workers


def test_the_consumer_may_change_the_dict_before_it_is_passed_on() -> None:
    seen = make("seen", lambda shared: dict(shared), requires=["x"])
    sched = Sched([make("provider", provides=["x"]), seen])
    for res in sched.run():
        if res.task is not seen:
            res.shared["added"] = True
    assert res.ret == {"added": True}


def test_each_attempt_gets_a_fresh_copy_of_the_first_dict() -> None:
    attempts = []

    def flaky(shared: dict[str, Any]) -> None:
        attempts.append(dict(shared))
        shared["dirt"] = True
        if len(attempts) < 3:
            raise ValueError

    sched = Sched([make("flaky", flaky, retries=5)])
    sched.add_shared(n=1)
    (res,) = sched.run(VirtualPool())
    assert attempts == [{"n": 1}] * 3
    assert res.attempts == 3 and [e.type for e in res.errors] == [ValueError, ValueError]


# -- outcomes ------------------------------------------------------------------------------------


def test_dependents_of_a_failed_task_are_blocked_and_know_by_whom() -> None:
    bad = fails("bad", provides=["a"])
    middle = make("middle", requires=["a"], provides=["b"])
    last = make("last", requires=[every("b")])
    sched = Sched([bad, middle, last, make("fine")])
    with pytest.warns(PexenWarning, match="2 tasks skipped due to unmet deps"):
        assert order(sched) == ["bad", "fine"]
    assert dict(sched.outcomes) == {bad: "failed", middle: "blocked", last: "blocked"} | {
        t: "ok" for t in sched.outcomes if t.__name__ == "fine"
    }
    assert str(sched.blocked[last]) == "requires 'b', but 'bad' ended failed"
    assert sched.blocked[last].culprits == (bad,) and sched.blocked[last].key == "b"


def test_another_provider_keeps_dependents_alive() -> None:
    tasks = [fails("bad", provides=["x"]), make("good", provides=["x"]), make("t", requires=["x"])]
    assert order(Sched(tasks)) == ["bad", "good", "t"]


def test_every_is_blocked_by_one_failure_among_its_providers() -> None:
    tasks = [
        fails("bad", provides=["x"]),
        make("good", provides=["x"]),
        make("t", requires=[every("x")]),
    ]
    sched = Sched(tasks)
    with pytest.warns(PexenWarning, match="1 tasks skipped"):
        assert order(sched) == ["bad", "good"]
    assert sched.outcomes[tasks[2]] is Outcome.BLOCKED


def test_a_skipped_task_provides_nothing_unless_it_says_so() -> None:
    import unittest

    for error, ran in (
        (TaskSkip("not here"), False),
        (unittest.SkipTest("not here"), False),
        (TaskSkip("done already", deps_ok=True), True),
    ):
        skipped = fails("skipped", error, provides=["x"], claims=["lock"])
        t = make("t", requires=["x"])
        other = make("other", claims=["lock"])
        sched = Sched([skipped, t, other])
        if ran:
            names = order(sched)
        else:
            with pytest.warns(PexenWarning, match="1 tasks skipped"):
                names = order(sched)
            assert str(sched.blocked[t]) == "requires 'x', but 'skipped' ended skipped"
        assert ("t" in names) == ran and "other" in names
        assert sched.outcomes[skipped] is Outcome.SKIPPED


def test_a_failure_out_of_control_keeps_its_locks_and_says_whom_it_blocks() -> None:
    bad = fails("bad", claims=["disk"])
    t = make("t", uses=["disk"])
    sched = Sched([bad, t])
    with pytest.warns(PexenWarning, match="1 locks still held at exit, left by 'bad'"):
        assert order(sched) == ["bad"]
    reason = sched.blocked[t]
    assert (reason.kind, reason.key, reason.culprits) == ("lock", "disk", (bad,))
    assert str(reason) == "waited for the lock 'disk', left held by 'bad' (it ended failed)"


def test_a_teardown_may_have_the_locks_and_releases_them_for_all() -> None:
    bad = fails("bad", claims=["disk"], provides=["disk user"])
    repair = make("repair", claims=["disk"], after=["disk user"], teardown=True)
    t = make("t", claims=["disk"])
    assert order(Sched([bad, t, repair])) == ["bad", "repair", "t"]


def test_a_teardown_after_blocked_users_still_releases_for_the_others() -> None:
    """The users behind the lock are given up first, as the teardown waits for their end."""
    bad = fails("bad", claims=["disk"], provides=["disk user"])
    user = make("user", claims=["disk"], provides=["disk user"])
    other = make("other", claims=["disk"])
    repair = make("repair", claims=["disk"], after=["disk user"], teardown=True)
    sched = Sched([bad, user, other, repair])
    assert order(sched) == ["bad", "repair", "other"]
    assert sched.blocked[user].kind == "lock"


def test_a_controlled_failure_says_what_follows() -> None:
    for deps_ok in (True, False):
        for locks_ok in (True, False):
            error = TaskFailError("x", deps_ok=deps_ok, locks_ok=locks_ok, ret=7)
            bad = fails("bad", error, provides=["x"], claims=["lock"])
            tasks = [bad, make("dep", requires=["x"]), make("lock", claims=["lock"])]
            sched = Sched(tasks)
            import warnings

            with warnings.catch_warnings():
                warnings.simplefilter("ignore", PexenWarning)
                results = list(sched.run(VirtualPool()))
            ran = {res.task.__name__ for res in results}
            assert ("dep" in ran, "lock" in ran) == (deps_ok, locks_ok)
            assert results[0].ret == 7 and results[0].outcome is Outcome.FAILED


def test_a_provider_added_in_place_of_a_failed_one_saves_the_dependents() -> None:
    bad = fails("bad", provides=["x"])
    t = make("t", requires=["x"])
    sched = Sched([bad, t])
    names = []
    for res in sched.run(VirtualPool()):
        names.append(res.task.__name__)
        if res.task is bad:
            sched.add_tasks([make("substitute", provides=["x"])])
    assert names == ["bad", "substitute", "t"]


def test_a_second_run_runs_everything_afresh() -> None:
    counts: list[str] = []
    tasks = [
        make("a", lambda: counts.append("a"), provides=["x"]),
        make("b", lambda: counts.append("b"), requires=["x"]),
    ]
    sched = Sched(tasks)
    list(sched.run(VirtualPool()))
    sched.add_tasks([make("c", lambda: counts.append("c"), requires=["x"])])
    list(sched.run(VirtualPool()))
    assert counts == ["a", "b", "a", "b", "c"]


# -- adding on the way ------------------------------------------------------------------------------


def test_tasks_added_on_the_way_run_also_if_they_require_what_is_provided() -> None:
    sched = Sched([make("a", provides=["x"]), make("b", requires=["x"])])
    names = []
    for res in sched.run(VirtualPool()):
        names.append(res.task.__name__)
        if res.task.__name__ == "b":
            sched.add_tasks([make("late", requires=["x", every("x")], after=["x"])])
    assert names == ["a", "b", "late"]


def test_a_batch_that_cannot_run_changes_nothing() -> None:
    sched = Sched([make("a", provides=["x"]), make("b", requires=["x"])])
    for res in sched.run(VirtualPool()):
        if res.task.__name__ == "a":
            with pytest.raises(DepcheckError, match="nothing provides 'xx'"):
                sched.add_tasks([make("fine", requires=["x"]), make("bad", requires=["xx"])])
    assert len(sched.outcomes) == 2
    assert order(sched) == ["a", "b"]


def test_a_late_task_that_requires_what_failed_is_blocked() -> None:
    bad = fails("bad", provides=["x"])
    sched = Sched([bad, make("b", requires=["x"]), make("c")])
    late = make("late", requires=["x"])
    with pytest.warns(PexenWarning, match="2 tasks skipped"):
        for res in sched.run(VirtualPool()):
            if res.task.__name__ == "c":
                sched.add_tasks([late])
    assert sched.outcomes[late] is Outcome.BLOCKED


# -- refusals -------------------------------------------------------------------------------------


def test_a_cycle_is_printed_whole_with_its_tags() -> None:
    a = make("a", requires=["y"], provides=["x"])
    b = make("b", requires=["x"], provides=["y"])
    with pytest.raises(DepcheckError) as found:
        Sched([a, b])
    assert "Unsatisfied requires remain: ['y', 'x']" in str(found.value)
    assert "cycle: a -> b -> a (a needs 'y' of b, b needs 'x' of a)" in str(found.value)
    assert found.value.remain == {"y": [a], "x": [b]}


def test_an_unmet_tag_names_who_needs_it_and_the_closest_known_one() -> None:
    tasks = [make("a", provides=["database"]), make("b", requires=["databse"])]
    with pytest.raises(DepcheckError) as found:
        Sched(tasks)
    text = "nothing provides 'databse', which 'b' needs (the closest known tag is 'database')"
    assert text in str(found.value)


def test_a_misspelt_after_is_an_error_rather_than_a_teardown_that_runs_first() -> None:
    with pytest.raises(DepcheckError, match="nothing provides 'databse'"):
        Sched([make("a", provides=["database"]), make("stop", after=["databse"], teardown=True)])


def test_a_cycle_that_came_about_between_batches_is_found_when_the_run_starts() -> None:
    with pytest.warns(PexenWarning, match="Dep 'x' provided by 'a'"):
        sched = Sched([make("b", provides=["y"]), make("a", requires=[every("y")], provides=["x"])])
    sched.add_tasks([make("c", requires=["x"], provides=["y"])])
    with pytest.raises(DepcheckError, match="cycle: a -> c -> a"):
        list(sched.run(VirtualPool()))


def test_two_providers_of_a_unique_tag_are_an_error() -> None:
    for second in ("lib", unique("lib")):
        with pytest.raises(DepcheckError, match="tag 'lib' is to be unique but provided by 'a', 'b'"):
            Sched([make("a", provides=[unique("lib")]), make("b", provides=[second])])
    assert order(Sched([make("a", provides=[unique("lib")]), make("b", requires=["lib"])]))


def test_a_task_that_provides_a_tag_both_ways_makes_it_unique() -> None:
    # Many tags, as the order of the two in their set is another in each.
    for number in range(20):
        tag = f"lib{number}"
        sched = Sched([make("needs", requires=[tag]), make("a", provides=[tag])])
        with pytest.raises(DepcheckError, match="is to be unique but provided by 'a', 'b'"):
            sched.add_tasks([make("b", provides=[tag, unique(tag)])])
        sched.add_tasks([make("c", provides=[tag])])  # which it isn't, as that was refused
        assert sorted(order(sched)) == ["a", "c", "needs"]



def test_a_tag_that_nobody_requires_is_warned_of_once_for_all() -> None:
    with pytest.warns(PexenWarning) as found:
        sched = Sched([make("a", provides=["one", "two"]), make("b", provides=["one"])])
        assert len(order(sched)) == 2
    assert [str(warning.message) for warning in found] == [
        "Dep 'one' provided by 'a', 'b', 'two' provided by 'a', but not required by any task"
    ]


def test_requests_that_can_never_be_granted_are_refused_at_once() -> None:
    with pytest.raises(MutexError, match="has {2, 3} in both claims and uses"):
        Sched([make("t", uses=[1, 2, 3], claims=[2, 3])])
    with pytest.raises(MutexError, match="in both claims and uses"):
        Sched([make("t", uses=["k"], claims=[("k",)])])
    with pytest.raises(MutexError, match="asked for 5, more than all of it: 4"):
        Sched([make("t", resources={"cpu": 5})], resources={"cpu": 4})
    with pytest.raises(MutexError, match="'gpu' is asked for but not declared; declared are: 'cpu'"):
        Sched([make("t", resources={"gpu": 1})], resources={"cpu": 4})


def test_what_is_not_callable_is_no_task() -> None:
    with pytest.raises(TypeError, match="task 5 is not callable"):
        Sched([5])  # type: ignore[list-item]


# -- retries ----------------------------------------------------------------------------------------


def test_a_retry_waits_without_worker_or_lock_and_then_goes_last() -> None:
    def flaky() -> None:
        if not tried.append("x") and len(tried) == 1:
            raise ValueError

    tried: list[str] = []
    tasks = [make("flaky", flaky, claims=["l"], retries=1, retry_delay=1.5)]
    tasks += [make(f"t{n}", claims=["l"]) for n in range(3)]
    pool = VirtualPool()
    assert order(Sched(tasks), pool) == ["t0", "t1", "t2", "flaky"]
    assert pool.now == 5.0


def test_a_task_that_fails_each_time_fails_for_good_and_keeps_its_locks() -> None:
    bad = fails("bad", claims=["l"], retries=2, retry_delay=10)
    sched = Sched([bad])
    with pytest.warns(PexenWarning, match="1 locks still held"):
        (res,) = sched.run(VirtualPool())
    assert (res.outcome, res.attempts, len(res.errors)) == ("failed", 3, 2)


def test_a_timeout_in_virtual_time_is_retried_too() -> None:
    slow = make("slow", timeout=2, retries=1)
    sched = Sched([slow])
    (res,) = sched.run(VirtualPool(durations={slow: 9}))
    assert (res.outcome, res.attempts) == ("timeout", 2)


# -- stopping ---------------------------------------------------------------------------------------


def stopped_after(count: int, how: str, tasks: list[Any], workers: int = 1) -> tuple[Any, Any]:
    sched = Sched(tasks)
    names = []
    for res in sched.run(VirtualPool(workers)):
        names.append(f"{res.task.__name__} {res.outcome}")
        if len(names) == count:
            getattr(sched, how)()
    return sched, names


def fixture_tasks() -> list[Any]:
    return [
        make("setup", provides=["up"], priority=-1),
        *(make(f"test{n}", requires=["up"]) for n in range(5)),
        make("teardown", after=["up"], teardown=True, priority=1),
        make("unused", after=["never"], teardown=True),
        make("never", requires=["up"], provides=["never"], priority=9),
    ]


def test_stop_lets_what_runs_end_and_tears_down_what_was_set_up() -> None:
    sched, names = stopped_after(2, "stop", fixture_tasks(), workers=2)
    assert names == ["setup ok", "test0 ok", "test1 ok", "teardown ok"]
    cancelled = [t.__name__ for t, o in sched.outcomes.items() if o == "cancelled"]
    assert "never" in cancelled and "unused" in cancelled and len(sched.outcomes) == 9
    assert "the run was stopped before it started" in str(sched.blocked[fixture(sched, "never")])


def fixture(sched: Sched, name: str) -> Any:
    return next(t for t in sched.outcomes if t.__name__ == name)


def test_abort_ends_what_runs_as_lost_and_still_tears_down() -> None:
    sched, names = stopped_after(2, "abort", fixture_tasks(), workers=3)
    assert "teardown ok" in names and any(name.endswith(" lost") for name in names)


def test_leaving_the_loop_is_abort_with_teardown_and_listeners_hear_of_it() -> None:
    heard: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Finished):
            heard.append(f"{event.task.__name__} {event.outcome}")

    sched = Sched(fixture_tasks(), listeners=[listen])
    for _ in sched.run(VirtualPool()):
        break
    assert "teardown ok" in heard and len(heard) == len(sched.outcomes) == 9


def test_stop_while_a_retry_is_waited_for_ends_with_the_last_result() -> None:
    bad = fails("bad", retries=3, retry_delay=100)
    sched = Sched([bad, make("t"), make("u")])
    results = []
    for res in sched.run(VirtualPool()):
        results.append((res.task.__name__, res.outcome, res.attempts))
        sched.stop()
    assert results == [("t", "ok", 1), ("bad", "failed", 1)]


def test_a_deadline_bounds_the_whole_run() -> None:
    tasks = [make(f"t{n}") for n in range(10)]
    pool = VirtualPool()
    results = list(Sched(tasks).run(pool, deadline=3.5))
    assert [res.outcome for res in results] == ["ok"] * 3 + ["lost"] and pool.now == 3.5


def test_stopping_before_or_after_a_run_does_nothing() -> None:
    sched = Sched([make("t")])
    sched.stop()
    assert order(sched) == ["t"]
    sched.abort()
    assert order(sched) == ["t"]


# -- events, snapshots, concurrency --------------------------------------------------------------------


def test_listeners_hear_of_everything_in_order() -> None:
    heard: list[str] = []
    bad = fails("bad", provides=["x"], retries=1)
    t = make("t", requires=["x"])
    sched = Sched([bad, t], listeners=[lambda e: heard.append(type(e).__name__)])
    with pytest.warns(PexenWarning):
        list(sched.run(VirtualPool()))
    assert [name for name in heard if name != "Checkpoint"] == [
        *("Queued", "Started", "Retried", "Started", "Finished"),
        *("Blocked", "Finished"),
    ]


@pytest.mark.parametrize("pool", [VirtualPool(2), ThreadWorkerPool(2)], ids=["virtual", "threads"])
def test_all_that_a_task_follows_from_was_told_before_a_checkpoint(pool: WorkerPool) -> None:
    count, told, written, early = 60, set(), set(), set()

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Checkpoint):
            written.update(told)
        elif isinstance(event, events.Finished):
            told.add(event.task.__name__)

    def checking(number: int) -> Callable[..., Any]:
        needs = {f"t{need}" for need in range(max(0, number - 3), number)}

        def body() -> None:
            early.update(needs - written)

        return make(f"t{number}", body, requires=needs, provides=[f"t{number}"])

    last = make("last", requires=[f"t{count - 1}"])
    tasks = [*map(checking, range(count)), last]
    assert len(list(Sched(tasks, listeners=[listen]).run(pool))) == count + 1
    assert not early and len(told) == count + 1


def test_what_no_listener_needs_is_not_told() -> None:
    told: list[str] = []

    @events.hears(events.Finished)
    def ends(event: events.Event) -> None:
        told.append(type(event).__name__)

    @events.hears(events.Queued, events.Finished)
    def queued_and_ends(event: events.Event) -> None:
        pass

    list(Sched([make("a")], listeners=[ends]).run())
    assert told == ["Finished"]
    told.clear()
    list(Sched([make("a")], listeners=[ends, queued_and_ends]).run())
    assert told == ["Queued", "Finished"]


class Hears:
    """Has something else of the name by which listeners say what they need."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def hears(self) -> None:
        raise AssertionError("it isn't asked")

    def __call__(self, event: events.Event) -> None:
        self.told.append(type(event).__name__)


def test_who_needs_every_event_or_says_nothing_of_that_kind_is_told_all() -> None:
    told: list[str] = []

    @events.hears(events.Event)
    def all_of_them(event: events.Event) -> None:
        told.append(type(event).__name__)

    other = Hears()
    list(Sched([make("a")], listeners=[all_of_them]).run(VirtualPool()))
    list(Sched([make("a")], listeners=[other]).run(VirtualPool()))
    assert told == other.told and {"Queued", "Started", "Finished", "Checkpoint"} <= set(told)


def test_a_listener_that_raises_is_reported_once_and_harms_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard = []

    def bad(event: events.Event) -> None:
        raise RuntimeError("listener")

    sched = Sched([make("a"), make("b")], listeners=[bad, heard.append])
    assert order(sched) == ["a", "b"]
    assert len(caplog.records) == 1
    assert len([event for event in heard if not isinstance(event, events.Checkpoint)]) == 6


def test_a_snapshot_says_what_runs_what_is_held_and_what_waits_for_what() -> None:
    gate, ready = threading.Event(), threading.Event()

    def holds() -> None:
        ready.set()
        gate.wait(30)

    holder = make("holder", holds, claims=[("proc", "sys")], provides=["x"])
    waiter = make("waiter", uses=["proc"])
    needer = make("needer", requires=["x"])
    sched = Sched([holder, waiter, needer])
    taken: list[Any] = []

    def look() -> None:
        ready.wait(30)
        taken.append(sched.snapshot())
        gate.set()

    looker = threading.Thread(target=look)
    looker.start()
    list(sched.run())
    looker.join()
    (seen,) = taken
    assert [r.task for r in seen.running] == [holder] and seen.running[0].worker == "thread-1"
    assert seen.running[0].since <= seen.time
    assert [(lock.key, lock.mode, lock.tasks) for lock in seen.locks] == [
        (("proc", "sys"), "claims", (holder,))
    ]
    assert [(w.task, w.waits_for) for w in seen.waiting] == [
        (waiter, ("lock 'proc'",)),
        (needer, ("tag 'x'",)),
    ]
    assert sched.snapshot().running == ()


def test_a_run_can_be_stopped_from_another_thread_while_it_waits() -> None:
    started, gate = threading.Event(), threading.Event()

    def holds() -> None:
        started.set()
        gate.wait(30)

    sched = Sched([make("holds", holds), make("next")])

    def stop() -> None:
        started.wait(30)
        sched.stop()
        gate.set()

    stopper = threading.Thread(target=stop)
    stopper.start()
    results = list(sched.run(ThreadWorkerPool(workers=1, spare=0)))
    stopper.join()
    assert [res.task.__name__ for res in results] == ["holds"]


def test_a_sched_that_runs_and_a_pool_that_runs_are_not_run_again() -> None:
    pool = VirtualPool()
    sched = Sched([make("a"), make("b")])
    running = sched.run(pool)
    next(running)
    with pytest.raises(SchedulerError, match="running already"):
        next(sched.run(VirtualPool()))
    with pytest.raises(SchedulerError, match="Cannot"):
        next(Sched([make("c")]).run(pool))
    assert len(list(running)) == 1


@pytest.mark.parametrize("kind", [ThreadWorkerPool, ProcessWorkerPool])
@pytest.mark.parametrize("holds", [False, True], ids=["", "others wait for a lock"])
def test_a_run_whose_pool_is_ended_by_the_consumer_says_so(
    kind: type[ThreadWorkerPool | ProcessWorkerPool], holds: bool
) -> None:
    claims = ["lock"] if holds else []
    first = make("first", provides=["tag"])
    others = [make(f"other {n}", requires=["tag"], claims=claims) for n in range(2)]
    last = make("last", requires=["tag"])
    sched, pool = Sched([first, last, *others]), kind(2, spare=0)
    ended = []
    with pytest.raises(PoolError, match="pool"):
        for res in sched.run(pool):
            ended.append(res.task)
            if len(ended) == 2:
                pool.terminate()
    assert len(ended) == 2 and not pool.alive()
    left = {sched.outcomes[each] for each in (last, *others) if each not in ended}
    assert left <= {Outcome.LOST, Outcome.CANCELLED}


def test_tasks_that_join_a_run_without_tags_wait_for_what_they_need() -> None:
    plain = [make(f"plain {n}") for n in range(3)]
    late = [
        make("all", requires=[every("tag")]),
        make("after", after=["tag"]),
        make("one", provides=["tag"]),
        fails("other", TaskFailError(deps_ok=True), provides=["tag"]),
    ]
    sched, seen = Sched(plain), []
    for res in sched.run(VirtualPool()):
        seen.append(res.task.__name__)
        if len(seen) == 2:
            sched.add_tasks(late)
    place = {name: n for n, name in enumerate(seen)}
    assert len(seen) == len(place) == 7
    assert min(place["after"], place["all"]) > max(place["one"], place["other"])


def test_both_names_of_the_pool_argument_work() -> None:
    sched = Sched([make("a")])
    assert len(list(sched.run(pool=VirtualPool()))) == 1
    assert len(list(sched.run(poolinst=VirtualPool()))) == 1
    with pytest.raises(TypeError, match="old name"):
        sched.run(VirtualPool(), poolinst=VirtualPool())


def test_unhashable_tasks_and_methods_are_tasks() -> None:
    class Unhashable:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return True

        def __call__(self) -> str:
            return "called"

        def method(self) -> str:
            return "method"

    one, two = Unhashable(), Unhashable()
    sched = Sched([one, two, one, one.method, one.method])
    assert [res.ret for res in sched.run()] == ["called", "called", "method"]
    assert sched.outcomes[one.method] is Outcome.OK


def test_results_are_compared_as_their_four_fields() -> None:
    t = make("t")
    (res,) = Sched([t]).run()
    assert res == TaskRes(t, {}, "t") and list(Sched([t]).run()) == [TaskRes(t, ret="t")]
    assert pickle.loads(pickle.dumps(TaskRes(len)))._fields == ("task", "shared", "ret", "excinfo")
    assert copy.copy(res).worker == res.worker
