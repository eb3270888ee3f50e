"""pexen.sched.meta: metadata on callables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pexen.sched import Sched, meta
from pexen.sched.meta import SchedMeta

from . import claim, ours_only, raises

SETS = ("requires", "provides", "uses", "claims")


def new() -> Callable[[], int]:
    """A callable without metadata."""

    def task() -> int:
        return 3

    return task


# -- the metadata object --------------------------------------------------------------------


@claim
def fields_are_given_by_keyword_and_read_as_attributes() -> None:
    data = SchedMeta(requires={"a"}, provides={"b"}, uses={"c"}, claims={"d"})
    assert [getattr(data, name) for name in SETS] == [{"a"}, {"b"}, {"c"}, {"d"}]
    data = SchedMeta(priority=4, kwargs={"a": 1})
    assert data.priority == 4
    assert data.kwargs == {"a": 1}


@claim
def defaults_are_empty_sets_priority_zero_and_no_kwargs() -> None:
    data = SchedMeta()
    assert [getattr(data, name) for name in SETS] == [set()] * 4
    assert data.priority == 0
    assert data.kwargs == {}


@claim
def no_two_objects_have_the_same_default_set() -> None:
    one, two = SchedMeta(), SchedMeta()
    one.requires.add("a")
    one.kwargs["a"] = 1
    assert one.requires == {"a"}
    assert one.kwargs == {"a": 1}
    assert two.requires == set()
    assert two.kwargs == {}


@claim
def requires_provides_uses_and_claims_are_sets_given_as_set_or_list() -> None:
    for name in SETS:
        for value in ({"a", 1}, ["a", 1], [1, "a", 1]):
            assert getattr(SchedMeta(**{name: value}), name) == {"a", 1}
            assert isinstance(getattr(SchedMeta(**{name: value}), name), set)


@claim
@ours_only("a frozenset is refused")
def requires_provides_uses_and_claims_are_given_as_frozenset() -> None:
    for name in SETS:
        assert getattr(SchedMeta(**{name: frozenset("ab")}), name) == {"a", "b"}


@claim
def a_tuple_is_one_key_of_a_list() -> None:
    for name in SETS:
        assert getattr(SchedMeta(**{name: [("a", "b")]}), name) == {("a", "b")}


@claim
def a_bare_tuple_is_refused() -> None:
    for name in SETS:
        with raises(AttributeError, f"<class 'tuple'> cannot be used for {name}"):
            SchedMeta(**{name: ("a", "b")})


@claim
@ours_only("no hint")
def a_bare_tuple_is_refused_with_a_hint() -> None:
    with raises(AttributeError, "[('a', 'b')]"):
        SchedMeta(uses=("a", "b"))


@claim
def a_wrong_type_raises_an_attribute_error() -> None:
    for name in SETS:
        with raises(AttributeError, f"<class 'str'> cannot be used for {name}"):
            SchedMeta(**{name: "one"})
        with raises(AttributeError, f"<class 'NoneType'> cannot be used for {name}"):
            SchedMeta(**{name: None})
    with raises(AttributeError, "<class 'str'> cannot be used for priority"):
        SchedMeta(priority="high")
    with raises(AttributeError, "<class 'list'> cannot be used for kwargs"):
        SchedMeta(kwargs=["a"])


@claim
def an_unknown_field_raises_an_attribute_error() -> None:
    with raises(AttributeError, "bogus"):
        SchedMeta(bogus=1)
    with raises(AttributeError, "bogus"):
        SchedMeta().bogus


@claim
def attributes_are_assigned_and_checked() -> None:
    data = SchedMeta()
    data.requires = ["a", "b"]  # type: ignore[assignment]
    data.priority = 3
    assert data.requires == {"a", "b"}
    assert data.priority == 3
    with raises(AttributeError, "<class 'str'> cannot be used for requires"):
        data.requires = "one"  # type: ignore[assignment]
    with raises(AttributeError, "bogus"):
        data.bogus = 1
    assert data.requires == {"a", "b"}


@claim
def update_takes_a_dict_of_fields_and_leaves_the_others() -> None:
    data = SchedMeta(requires=["a"], priority=1)
    data.update({"requires": ["b"], "uses": {"c"}})
    assert data.requires == {"b"}
    assert data.uses == {"c"}
    assert data.priority == 1


@claim
def update_checks_as_the_constructor_does() -> None:
    with raises(AttributeError, "<class 'str'> cannot be used for requires"):
        SchedMeta().update({"requires": "one"})
    with raises(AttributeError, "bogus"):
        SchedMeta().update({"bogus": 1})


# -- the decorator ----------------------------------------------------------------------------


@claim
def func_meta_is_a_bare_decorator() -> None:
    @meta.func_meta
    def task() -> int:
        return 3

    assert task() == 3
    assert meta.has_meta(task)
    assert meta.get_priority(task) == 0


@claim
def func_meta_is_a_decorator_with_fields() -> None:
    @meta.func_meta(requires=["a"], provides={"b"}, priority=2)
    def task() -> int:
        return 3

    assert task() == 3
    assert meta.get_requires(task) == {"a"}
    assert meta.get_provides(task) == {"b"}
    assert meta.get_priority(task) == 2


@claim
def func_meta_is_a_decorator_without_fields() -> None:
    @meta.func_meta()
    def task() -> int:
        return 3

    assert task() == 3
    assert meta.has_meta(task)


@claim
def func_meta_returns_the_function_itself() -> None:
    task = new()
    assert meta.func_meta(task) is task
    assert meta.func_meta(priority=1)(task) is task


@claim
def decorators_add_to_each_other() -> None:
    @meta.func_meta(requires=["a"])
    @meta.func_meta(priority=3, requires=["b"])
    def task() -> None:
        pass

    assert meta.get_priority(task) == 3
    assert meta.get_requires(task) == {"a"}


@claim
def func_meta_refuses_wrong_fields_where_it_is_used() -> None:
    with raises(AttributeError, "bogus"):
        meta.func_meta(bogus=1)(new())
    with raises(AttributeError, "<class 'str'> cannot be used for uses"):
        meta.func_meta(uses="one")(new())


@claim
def methods_are_given_metadata_in_their_class() -> None:
    class Suite:
        @meta.func_meta(priority=4)
        def task(self) -> None:
            pass

    assert meta.get_priority(Suite.task) == 4
    assert meta.get_priority(Suite().task) == 4


# -- functions --------------------------------------------------------------------------------


@claim
def the_attribute_has_a_fixed_name() -> None:
    assert meta.SCHED_ATTR_NAME == "pexen_sched_meta_"
    task = new()
    data = meta.assign_meta(task)
    assert task.pexen_sched_meta_ is data  # type: ignore[attr-defined]


@claim
def assign_meta_returns_the_metadata_new_given_or_there() -> None:
    task = new()
    first = meta.assign_meta(task)
    assert isinstance(first, SchedMeta)
    assert meta.retrieve_meta(task) is first
    assert meta.assign_meta(task) is first
    given = SchedMeta(priority=7)
    assert meta.assign_meta(task, given) is given
    assert meta.assign_meta(task, meta=given) is given
    assert meta.retrieve_meta(task) is given
    given.priority = 8
    assert meta.get_priority(task) == 8


@claim
def has_meta_says_whether_there_is_metadata() -> None:
    task = new()
    assert not meta.has_meta(task)
    meta.assign_meta(task)
    assert meta.has_meta(task)


@claim
def retrieve_meta_raises_an_attribute_error_where_there_is_none() -> None:
    with raises(AttributeError, "pexen_sched_meta_"):
        meta.retrieve_meta(new())


@claim
def assign_val_sets_fields_and_leaves_the_others() -> None:
    task = new()
    meta.assign_val(task, priority=3, requires=["a"])
    meta.assign_val(task, priority=4)
    assert meta.get_priority(task) == 4
    assert meta.get_requires(task) == {"a"}
    with raises(AttributeError, "bogus"):
        meta.assign_val(task, bogus=1)
    with raises(AttributeError, "<class 'str'> cannot be used for claims"):
        meta.assign_val(task, claims="one")


@claim
def getters_give_each_field() -> None:
    task = new()
    fields = {"requires": {1}, "provides": {2}, "uses": {3}, "claims": {4}}
    meta.assign_val(task, priority=5, kwargs={"six": 6}, **fields)
    assert meta.get_requires(task) == {1}
    assert meta.get_provides(task) == {2}
    assert meta.get_uses(task) == {3}
    assert meta.get_claims(task) == {4}
    assert meta.get_priority(task) == 5
    assert meta.get_kwargs(task) == {"six": 6}


@claim
def getters_give_the_defaults_where_there_is_no_metadata() -> None:
    task = new()
    getters: list[Callable[[Any], Any]] = [meta.get_requires, meta.get_provides]
    getters += [meta.get_uses, meta.get_claims]
    assert [get(task) for get in getters] == [set()] * 4
    assert meta.get_priority(task) == 0
    assert meta.get_kwargs(task) == {}


@claim
@ours_only("it gives the task metadata on being asked")
def getters_leave_a_task_without_metadata_as_it_is() -> None:
    task = new()
    meta.get_requires(task).add("mine")
    assert not meta.has_meta(task)
    assert meta.get_requires(task) == set()


@claim
def metadata_is_read_from_an_attribute_set_by_hand() -> None:
    task = new()
    setattr(task, meta.SCHED_ATTR_NAME, SchedMeta(kwargs={"key": 2}))
    (res,) = Sched([task]).run()
    assert res.excinfo is not None and res.excinfo.type is TypeError
