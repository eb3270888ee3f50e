"""Tasks that raise: what arrives of an exception, however badly it travels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import fault_exceptions as tasks
import pytest
from fault_runs import Account, faulty, make_pool, run_through

from pexen.sched.common import Task


def failures(kind: str, *failing: Task) -> Account:
    return run_through(make_pool(kind), dict.fromkeys(failing, "failed"))


def value_of(account: Account, each: Task) -> Any:
    info = account.results[each].excinfo
    assert info is not None
    return info.val


def type_of(account: Account, each: Task) -> Any:
    info = account.results[each].excinfo
    assert info is not None
    return info.type


ENDS_OF_PROGRAMS = [SystemExit, KeyboardInterrupt, GeneratorExit, tasks.OwnBaseException]


def test_what_would_end_a_program_only_fails_its_task(kind: str) -> None:
    raises = {faulty(tasks.raise_type, each, "on purpose"): each for each in ENDS_OF_PROGRAMS}
    account = failures(kind, *raises)
    for each, expected in raises.items():
        assert type_of(account, each) is expected
        assert "in raise_type" in account.text_of(each)
        assert f"{expected.__name__}: on purpose" in account.text_of(each)


def test_an_exception_arrives_although_its_init_wants_more(kind: str) -> None:
    two, keyword = faulty(tasks.raise_needs_two), faulty(tasks.raise_needs_keyword)
    account = failures(kind, two, keyword)
    assert type_of(account, two) is tasks.NeedsTwo
    assert "in raise_needs_two" in account.text_of(two)
    assert "NeedsTwo: one and two" in account.text_of(two)
    assert str(value_of(account, two)) == "one and two" and value_of(account, two).second == "two"
    assert type_of(account, keyword) is tasks.NeedsKeyword
    assert value_of(account, keyword).reason == "because"
    assert "in raise_needs_keyword" in account.text_of(keyword)


def test_of_a_class_that_stays_its_nearest_base_arrives(start_method: str) -> None:
    local = faulty(tasks.raise_local_class)
    account = failures(start_method, local)
    assert type_of(account, local) is tasks.NeedsTwo
    assert "Local: one and two" in account.text_of(local)


def test_an_exception_that_cannot_travel_as_a_whole_is_told_by_type_and_text(kind: str) -> None:
    lock, argument = faulty(tasks.raise_with_lock), faulty(tasks.raise_with_argument_that_stays)
    account = failures(kind, lock, argument)
    assert type_of(account, lock) is ValueError and type_of(account, argument) is ValueError
    assert (value_of(account, lock) is None) == (kind != "threads")
    assert "ValueError: has a lock" in account.text_of(lock)
    assert "ValueError: ('has a lambda', <function " in account.text_of(argument)


def test_the_chain_of_an_exception_is_told_even_if_it_cannot_travel(kind: str) -> None:
    cause, context = (
        faulty(tasks.raise_from_cause_that_stays),
        faulty(tasks.raise_in_context_that_stays),
    )
    account = failures(kind, cause, context)
    assert type_of(account, cause) is ValueError and type_of(account, context) is KeyError
    text = account.text_of(cause)
    assert "LocalCause: the deep reason" in text and "ValueError: the outcome" in text
    assert "The above exception was the direct cause of the following exception" in text
    text = account.text_of(context)
    assert "ValueError: has a lock" in text and "KeyError: 'while at it'" in text
    assert "During handling of the above exception, another exception occurred" in text
    assert str(value_of(account, context).__context__) == "has a lock"


def test_groups_and_notes_arrive(kind: str) -> None:
    group, noted = faulty(tasks.raise_group), faulty(tasks.raise_with_notes)
    account = failures(kind, group, noted)
    assert type_of(account, group) is ExceptionGroup
    for part in ("NeedsTwo: one and two", "FileNotFoundError: [Errno 2] no such thing"):
        assert part in account.text_of(group)
    assert value_of(account, noted).__notes__ == ["a note on it"]
    assert "a note on it" in account.text_of(noted)


def test_an_exception_without_a_text_is_told_all_the_same(kind: str) -> None:
    broken = faulty(tasks.raise_type, tasks.BrokenText)
    account = failures(kind, broken)
    assert type_of(account, broken) is tasks.BrokenText
    assert "BrokenText" in account.text_of(broken)


def test_chains_without_end_are_told_all_the_same(kind: str) -> None:
    chain, circle = faulty(tasks.raise_chain, 3000), faulty(tasks.raise_own_cause)
    account = failures(kind, chain, circle)
    for each in (chain, circle):
        assert type_of(account, each) is ValueError and "ValueError" in account.text_of(each)


def test_a_recursion_without_end_fails_its_task(kind: str) -> None:
    recursion = faulty(tasks.recurse)
    account = failures(kind, recursion)
    assert type_of(account, recursion) is RecursionError
    assert "in recurse" in account.text_of(recursion)


RESULTS_THAT_STAY: list[Callable[..., Any]] = [
    tasks.return_lambda,
    tasks.return_generator,
    tasks.return_local_instance,
    tasks.return_lock,
    tasks.return_socket,
    tasks.share_lambda,
]


def test_a_result_that_cannot_travel_fails_its_task(start_method: str) -> None:
    failing = [faulty(body) for body in RESULTS_THAT_STAY]
    account = failures(start_method, *failing)
    for each in failing:
        assert type_of(account, each) is AttributeError
        assert "Can't pickle the task's" in account.text_of(each)
    assert "shared state" in account.text_of(failing[-1])


def test_in_threads_any_result_arrives() -> None:
    returning = [faulty(body) for body in RESULTS_THAT_STAY]
    account = run_through(make_pool("threads"), dict.fromkeys(returning, "ok"))
    assert account.results[returning[0]].ret() is None
    assert list(account.results[returning[1]].ret) == [0, 1, 2]
    account.results[returning[4]].ret.close()


@pytest.mark.parametrize("depth", [100_000])
def test_a_result_nested_too_deep_to_travel_fails_its_task(start_method: str, depth: int) -> None:
    returned = faulty(tasks.nested, depth)
    shared = faulty(tasks.share_nested, kwargs={"depth": depth})
    raised = faulty(tasks.raise_nested, depth)
    account = failures(start_method, returned, shared, raised)
    for each in (returned, shared):
        assert "Can't pickle the task's" in account.text_of(each)
        assert "RecursionError" in account.text_of(each)
    assert type_of(account, raised) is ValueError
