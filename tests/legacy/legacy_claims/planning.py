"""pexen.sched: Sched, what it refuses and what it warns of."""

from __future__ import annotations

import os
import threading
from typing import Any

from pexen.sched import DepcheckError, MutexError, Sched, TaskRes
from pexen.sched.meta import assign_val
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool

from . import about, claim, fail, heard, make, names, ours_only, raises


# -- adding and running -------------------------------------------------------------------


@claim
def tasks_are_given_by_keyword_or_position_as_any_iterable() -> None:
    a, b = make("a"), make("b")
    for tasks in ([a, b], {a, b}, (a, b), frozenset([a, b]), iter([a, b])):
        assert sorted(names(Sched(tasks=tasks).run())) == ["a", "b"]
    assert sorted(names(Sched([a, b]).run())) == ["a", "b"]


@claim
def tasks_are_added_to_an_empty_scheduler() -> None:
    sched = Sched()
    sched.add_tasks(make(name) for name in "ab")
    sched.add_tasks([make("c")])
    assert sorted(names(sched.run())) == ["a", "b", "c"]


@claim
def a_task_given_twice_runs_once() -> None:
    a = make("a")
    sched = Sched([a, a])
    sched.add_tasks([a])
    assert list(sched.run()) == [TaskRes(a)]


@claim
def a_scheduler_without_tasks_yields_nothing() -> None:
    assert list(Sched([]).run()) == []
    assert list(Sched().run()) == []


@claim
def add_shared_presets_the_dict_of_every_task() -> None:
    sched = Sched([make("a"), make("b")])
    sched.add_shared(one=1, two=2)
    sched.add_shared(two=3)
    assert [res.shared for res in sched.run()] == [{"one": 1, "two": 3}] * 2


@claim
def the_pool_is_given_by_position_or_as_poolinst() -> None:
    def where() -> int:
        return os.getpid()

    sched = Sched([where])
    for results in sched.run(ProcessWorkerPool()), sched.run(poolinst=ProcessWorkerPool()):
        assert [res.ret for res in results] != [os.getpid()]


@claim
@ours_only("the keyword is only poolinst")
def the_pool_is_given_as_pool() -> None:
    def where() -> int:
        return os.getpid()

    (res,) = Sched([where]).run(pool=ProcessWorkerPool())
    assert res.ret != os.getpid()


@claim
def the_default_pool_is_one_thread() -> None:
    def where() -> tuple[int, int]:
        return os.getpid(), threading.get_ident()

    results = list(Sched([lambda: where(), lambda: where()]).run())
    assert len({res.ret for res in results}) == 1
    assert results[0].ret[0] == os.getpid()
    assert results[0].ret[1] != threading.get_ident()


@claim
def a_pool_serves_several_runs_one_after_the_other() -> None:
    a = make("a")
    for pool in ThreadWorkerPool(workers=2), ProcessWorkerPool(workers=2):
        sched = Sched([a])
        assert list(sched.run(pool)) == list(sched.run(pool)) == [TaskRes(a)]


@claim
def each_run_executes_all_tasks_afresh() -> None:
    counts = {"a": 0, "b": 0}

    def count(name: str) -> None:
        counts[name] += 1

    sched = Sched([make("a", lambda: count("a"))])
    assert names(sched.run()) == ["a"]
    sched.add_tasks([make("b", lambda: count("b"))])
    assert sorted(names(sched.run())) == ["a", "b"]
    assert counts == {"a": 2, "b": 1}


@claim
def a_task_runs_after_those_that_provide_what_it_requires() -> None:
    tasks = [make("c", requires=["b"]), make("b", requires=["a"], provides=["b"])]
    tasks.append(make("a", provides=["a"]))
    assert names(Sched(tasks).run(ThreadWorkerPool(workers=3))) == ["a", "b", "c"]


@claim
def a_lower_priority_is_sooner() -> None:
    tasks = [make(str(n), priority=n) for n in (3, -1, 2, 0, 1)]
    assert names(Sched(tasks).run()) == ["-1", "0", "1", "2", "3"]


@claim
def uses_run_together() -> None:
    together = threading.Barrier(2, timeout=10)
    tasks = [make(name, together.wait, uses=["lock"]) for name in "ab"]
    results = list(Sched(tasks).run(ThreadWorkerPool(workers=2)))
    assert [res.excinfo for res in results] == [None, None]


def beside(first: dict[str, Any], second: dict[str, Any], later: bool = False) -> bool:
    """Whether two tasks with these locks run at the same time; `later`: given after adding."""
    over = threading.Event()
    a = make("a", lambda: over.wait(10), priority=1)
    b = make("b", lambda: not over.is_set(), priority=2)
    end = make("end", over.set, priority=3)  # lets `a` end, when `b` has had its chance
    if later:
        sched = Sched([a, b, end])
    assign_val(a, **first)
    assign_val(b, **second)
    if not later:
        sched = Sched([a, b, end])
    results = {res.task: res.ret for res in sched.run(ThreadWorkerPool(workers=2))}
    return bool(results[b])


@claim
def nothing_that_has_the_lock_runs_beside_a_claim() -> None:
    assert beside({}, {})
    assert beside({"claims": [1]}, {"claims": [2]})
    assert beside({"uses": [1]}, {"uses": [1]})
    assert not beside({"claims": [1]}, {"claims": [2, 1]})
    assert not beside({"claims": [1]}, {"uses": [1, 3]})
    assert not beside({"uses": [1]}, {"claims": [1]})


@claim
def priority_and_kwargs_count_as_they_are_when_the_run_begins() -> None:
    def takes(shared: dict[str, Any], key: int = 1) -> int:
        return key

    sched = Sched([make("a", priority=1), make("b", priority=2), takes])
    assign_val(takes, priority=-1, kwargs={"key": 2})
    assert names(sched.run()) == ["takes", "a", "b"]
    assign_val(takes, priority=3, kwargs={"key": 3})
    results = list(sched.run())
    assert names(results) == ["a", "b", "takes"]
    assert results[2].ret == 3


@claim
def locks_count_as_they_are_when_the_run_begins() -> None:
    assert beside({}, {}, later=True)
    assert not beside({"claims": [1]}, {"claims": [1]}, later=True)
    assert not beside({"uses": [1]}, {"claims": [1]}, later=True)


# -- what is refused ----------------------------------------------------------------------


@claim
def an_unmet_requirement_is_a_depcheck_error_with_the_tags() -> None:
    task = make("a", requires=["one"])
    text = "Unsatisfied requires remain: ['one']"
    with raises(DepcheckError, text) as caught:
        Sched([task])
    assert caught[0].remain
    sched = Sched()
    with raises(DepcheckError, text) as caught:
        sched.add_tasks([task])
    assert caught[0].remain


@claim
def a_cycle_is_a_depcheck_error_with_the_tags() -> None:
    tasks = [make("a", requires=["two"], provides=["one"])]
    tasks.append(make("b", requires=["one"], provides=["two"]))
    with raises(DepcheckError, "Unsatisfied requires remain: [", "'one'", "'two'") as caught:
        Sched(tasks)
    assert caught[0].remain


@claim
def a_key_in_both_uses_and_claims_is_a_mutex_error() -> None:
    task = make("a", uses=[1, 2, 3], claims=[2, 3])
    with raises(MutexError, "has {2, 3} in both claims and uses") as caught:
        Sched([task])
    assert caught[0].task is task
    with raises(MutexError, "has {2, 3} in both claims and uses"):
        Sched().add_tasks([task])


# -- warnings -----------------------------------------------------------------------------


@claim
def a_tag_that_nobody_requires_is_warned_of() -> None:
    with heard() as texts:
        Sched([make("a", provides=["one"])])
    (text,) = texts
    assert "Dep 'one' provided by" in text
    assert "but not required by any task" in text


@claim
@ours_only("it is said again during the run")
def a_tag_that_nobody_requires_is_warned_of_only_once() -> None:
    with heard() as texts:
        sched = Sched([make("a", provides=["one"])])
        list(sched.run())
        list(sched.run())
    assert len(texts) == 1


@claim
def a_run_in_which_all_goes_well_warns_of_nothing() -> None:
    tasks = [make("a", provides=["one"], claims=["lock"])]
    tasks.append(make("b", requires=["one"], uses=["lock"]))
    with heard() as texts:
        list(Sched(tasks).run())
    assert texts == []


@claim
def tasks_that_depend_on_a_failed_one_are_skipped_and_warned_of() -> None:
    tasks = [make("a", fail, provides=["one"]), make("b", requires=["one"])]
    with heard() as texts:
        results = list(Sched(tasks).run())
    assert names(results) == ["a"]
    assert len(texts) == 1
    assert about("1 tasks skipped due to unmet deps", texts)


@claim
@ours_only("it counts the tags that are unmet")
def the_number_of_tasks_skipped_is_that_of_the_tasks() -> None:
    tasks = [make("a", fail, provides=["one"]), make("d", requires=["two"])]
    tasks += [make("b", requires=["one"], provides=["two"]), make("c", requires=["one"])]
    with heard() as texts:
        list(Sched(tasks).run())
    assert about("3 tasks skipped due to unmet deps", texts)


@claim
def locks_of_a_failed_task_stay_held_and_are_warned_of() -> None:
    tasks = [make("a", fail, claims=["lock"], priority=-1), make("b", claims=["lock"])]
    with heard() as texts:
        assert names(Sched(tasks).run()) == ["a"]
    assert len(texts) == 1
    assert about("1 locks still held at exit", texts)


@claim
def the_number_of_locks_still_held_is_that_of_the_locks() -> None:
    tasks = [make("a", fail, claims=["p"], uses=["q", "r"]), make("b", fail, uses=["q", "s"])]
    with heard() as texts:
        list(Sched(tasks).run())
    assert len(texts) == 1
    assert about("4 locks still held at exit", texts)


@claim
def there_are_at_most_two_warnings_at_the_end_of_a_run() -> None:
    tasks = [make(f"a{n}", fail, provides=[n], uses=["lock"]) for n in range(3)]
    tasks += [make(f"b{n}", requires=[n]) for n in range(3)]
    with heard() as texts:
        list(Sched(tasks).run())
    assert len(texts) == 2
    assert about("3 tasks skipped due to unmet deps", texts)
    assert about("1 locks still held at exit", texts)
