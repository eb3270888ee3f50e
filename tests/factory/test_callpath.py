"""What a factory does with callpaths."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest

from pexen import task
from pexen.factory import BaseFactory, get_callpath
from pexen.sched import meta
from pexen.sched.common import CALLPATH_ATTR_NAME


def named() -> None:
    pass


def test_a_new_factory_is_at_the_top() -> None:
    assert BaseFactory().callpath == []


def test_pushing_goes_down_and_popping_up() -> None:
    factory = BaseFactory()
    factory.callpath_push("a")
    factory.callpath_push("b")
    factory.callpath_pop()
    assert factory.callpath == ["a"]


def test_transferring_gives_the_other_factory_a_copy() -> None:
    one, other = BaseFactory(), BaseFactory()
    one.callpath_push("a")
    one.callpath_transfer(other)
    other.callpath_push("b")
    assert (one.callpath, other.callpath) == (["a"], ["a", "b"])


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, ["here"]),
        ({"objname": "x"}, ["here", "x"]),
        ({"path": ["p"]}, ["p"]),
        ({"objname": "x", "path": ["p", "q"]}, ["p", "q", "x"]),
    ],
)
def test_burning_notes_path_or_callpath_and_then_the_name(
    arguments: dict[str, Any], expected: list[str]
) -> None:
    factory = BaseFactory()
    factory.callpath_push("here")
    factory.callpath_burn(obj := lambda: None, **arguments)
    assert get_callpath(obj) == expected


def test_a_burnt_callpath_stays_when_the_factory_moves_on() -> None:
    factory = BaseFactory()
    factory.callpath_burn(obj := lambda: None, "x")
    factory.callpath_push("later")
    assert get_callpath(obj) == ["x"]


def test_the_callpath_is_kept_in_an_attribute_of_fixed_name() -> None:
    BaseFactory().callpath_burn(obj := lambda: None, "x")
    assert CALLPATH_ATTR_NAME == "pexen_factory_callpath_"
    assert getattr(obj, "pexen_factory_callpath_") == ["x"]


def test_asking_for_a_callpath_that_was_never_burnt_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError):
        get_callpath(named)


@pytest.mark.parametrize("obj", [print, [].append, int])
def test_what_refuses_attributes_is_wrapped_in_a_partial_that_has_them(obj: Any) -> None:
    factory = BaseFactory()
    with pytest.raises(AttributeError, match="callpath_wrap"):
        factory.callpath_burn(obj)
    wrapped = factory.callpath_wrap(obj, "x")
    assert isinstance(wrapped, functools.partial)
    assert wrapped.func == obj
    assert get_callpath(wrapped) == ["x"]
    assert meta.has_meta(wrapped)


def test_what_takes_attributes_is_not_wrapped() -> None:
    obj = lambda: None  # noqa: E731
    assert BaseFactory().callpath_wrap(obj, "x") is obj


def test_the_partial_of_an_annotated_bound_method_has_a_copy_of_its_metadata() -> None:
    class Machine:
        @task(provides=["power"])
        def start(self) -> None:
            pass

    wrapped = BaseFactory().callpath_wrap(Machine().start)
    assert meta.get_provides(wrapped) == {"power"}
    assert meta.retrieve_meta(wrapped) is not meta.retrieve_meta(Machine.start)


def test_a_factory_may_run_another_one_a_level_below(places: Any) -> None:
    class Inner(BaseFactory):
        def __call__(self, names: list[str]) -> Iterator[Any]:
            for name in names:
                obj = lambda: None  # noqa: E731
                self.callpath_burn(obj, name)
                yield obj

    class Outer(BaseFactory):
        def __call__(self, names: list[str]) -> Iterator[Any]:
            inner = Inner()
            self.callpath_transfer(inner)
            inner.callpath_push("level")
            yield from inner(names)

    outer = Outer()
    outer.callpath_push("top")
    assert places(outer(["a", "b"])) == ["top/level/a", "top/level/b"]
    assert places(outer(["c"])) == ["top/level/c"]
