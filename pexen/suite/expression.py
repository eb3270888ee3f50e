"""What `-k EXPR` means: words for names and tags, with `and`, `or`, `not` and parentheses.

A word stands for the tasks in whose name it occurs, or that have a tag which reads so, whatever
the case. With one of `*?[` in it, it is also a pattern, as of `fnmatch`, for the whole name, one of
its parts, or a tag. Quotes make a word of what has spaces in it, or is `and`. As in pytest, `not`
binds closest, then `and`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from fnmatch import fnmatchcase

from ..util import PexenError

# Whether a task is meant, by its name and what its tags read.
Expression = Callable[[str, Sequence[str]], bool]


class ExpressionError(PexenError):
    """The text is no expression."""


_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[()])|"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<word>[^\s()"']+))"""
)
_KEYWORDS = ("and", "or", "not")

# How many 'not' and '(' may stand within each other; nobody means more.
_DEEPEST = 50


def parse(text: str) -> Expression:
    """What the text means; ExpressionError if it can't mean anything."""
    parser = _Parser(text)
    found = parser.alternatives()
    if parser.next is not None:
        raise parser.error(f"{parser.next!r} is not expected")
    return found


class _Parser:
    """Goes through the tokens once. `next` is the one that comes, None at the end."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self.next: str | None = None
        self._quoted = False
        self._depth = 0
        self._advance()

    def _advance(self) -> None:
        self.next, self._quoted = next(self._tokens, (None, False))

    def _takes(self, token: str) -> bool:
        if self.next != token or self._quoted:
            return False
        self._advance()
        return True

    def error(self, what: str) -> ExpressionError:
        return ExpressionError(
            f"expression {self._text!r} can't be read: {what}; "
            "write words with 'and', 'or' and 'not' between them, such as 'net and not slow'"
        )

    def alternatives(self) -> Expression:
        found = [self._sequence()]
        while self._takes("or"):
            found.append(self._sequence())
        return found[0] if len(found) == 1 else lambda n, t: any(each(n, t) for each in found)

    def _sequence(self) -> Expression:
        found = [self._single()]
        while self._takes("and"):
            found.append(self._single())
        return found[0] if len(found) == 1 else lambda n, t: all(each(n, t) for each in found)

    def _single(self) -> Expression:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise self.error("it has too many 'not' and '(' within each other")
        found = self._one()
        self._depth -= 1
        return found

    def _one(self) -> Expression:
        if self._takes("not"):
            inner = self._single()
            return lambda name, tags: not inner(name, tags)
        if self._takes("("):
            inner = self.alternatives()
            if not self._takes(")"):
                raise self.error("a ')' is missing")
            return inner
        if self.next is None:
            raise self.error("it ends where a word should come")
        if not self._quoted and (self.next in _KEYWORDS or self.next == ")"):
            raise self.error(f"{self.next!r} stands where a word should")
        word = self.next
        self._advance()
        return lambda name, tags: means(word, name, tags)


def _tokens(text: str) -> Iterator[tuple[str, bool]]:
    """The tokens, each with whether it was quoted."""
    place = 0
    end = len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None:
            raise ExpressionError(f"expression {text!r} can't be read: a quote isn't closed")
        place = found.end()
        kind = found.lastgroup or ""
        yield found[kind], kind in ("double", "single")


def means(word: str, name: str, tags: Sequence[str]) -> bool:
    """Whether a word stands for a task."""
    word, name = word.casefold(), name.casefold()
    folded = [tag.casefold() for tag in tags]
    if word in name or word in folded:
        return True  # also `test_x[1]`, as parametrised tests are called
    if not any(mark in word for mark in "*?["):
        return False
    return any(fnmatchcase(each, word) for each in (name, *name.split("/"), *folded))
