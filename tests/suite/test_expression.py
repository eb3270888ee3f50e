"""What `-k EXPR` means."""

from __future__ import annotations

import itertools

import pytest

from pexen.suite import ExpressionError, parse

NAME, TAGS = "net/tcp/Retry", ["database", "a tag", "and"]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("tcp", True),
        ("udp", False),
        ("retry", True),
        ("net/tcp", True),
        ("DATABASE", True),
        ("data", False),
        ("data*", True),
        ("net/*", True),
        ("tcp*", True),
        ("t?p", True),
        ("n*/retry", True),
        ("re*y and d*e", True),
        ("'a tag'", True),
        ('"and"', True),
        ("not tcp", False),
        ("not udp and tcp", True),
        ("udp or tcp", True),
        ("tcp and udp or net", True),
        ("tcp and (udp or net)", True),
        ("udp and (udp or net)", False),
        ("not (udp or net)", False),
        ("not not tcp", True),
        ("  tcp  ", True),
        ("(tcp)or(udp)", True),
    ],
)
def test_an_expression_fits_or_not(text: str, fits: bool) -> None:
    assert parse(text)(NAME, TAGS) is fits


def test_not_binds_closest_and_then_and() -> None:
    for a, b, c in itertools.product([True, False], repeat=3):
        words = [word for word, there in zip("abc", (a, b, c)) if there]
        name = "/".join(words)
        assert parse("a or b and not c")(name, []) is (a or b and not c)
        assert parse("not a and b or c")(name, []) is (not a and b or c)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it ends where a word should come"),
        ("tcp and", "it ends where a word should come"),
        ("(tcp", r"a '\)' is missing"),
        ("tcp)", r"'\)' is not expected"),
        ("tcp udp", "'udp' is not expected"),
        ("or tcp", "'or' stands where a word should"),
        ("not", "it ends"),
        ("()", r"'\)' stands where a word should"),
        ("'tcp", "a quote isn't closed"),
    ],
)
def test_what_can_not_be_read_is_an_error_that_says_why(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError, match=rf"expression .* can't be read: {problem}"):
        parse(text)


def test_brackets_of_a_name_are_found_as_they_are() -> None:
    meant = parse("test_x[1] or [big]")
    assert meant("m/test_x[1]", ()) and meant("m/test_y[big]", ())
    assert not meant("m/test_x[2]", ())
