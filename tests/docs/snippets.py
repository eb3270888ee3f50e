"""Reading the documentation: its files, the fenced blocks in them, and what is said of each.

A comment of HTML right before a block says what is to be done with it:

    <!-- file: NAME -->                       written to the page's folder
    <!-- file: NAME; same as PATH -->         and is, word for word, that file of the project
    <!-- command: NAME -->                    one of the two commands of the README
    <!-- lines in any order -->               its output is compared as a set of lines
    <!-- quoted from: PATH -->                stands there as well, but for indentation
    <!-- not run: REASON -->                  left alone

In output, `...` alone stands for any number of lines, and ` ...` at the end of a line for its
rest. Durations and process ids are compared as `N s` and `pid N`, and counts of tests in tasks
without their order, which is that in which they came up; what tracebacks underline isn't compared.
"""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

PROJECT = pathlib.Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted(PROJECT.glob("doc/**/*.md"))]

_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->")
_FENCE = re.compile(r"(`{3,})(\w*)\s*")


@dataclass
class Block:
    """A fenced block: where it stands, its language, its text, and the comments before it."""

    page: pathlib.Path
    line: int  # of the first line of the text
    language: str
    text: str
    comments: list[str] = field(default_factory=list)

    def comment(self, kind: str) -> str | None:
        """What is said after `kind:`, '' where there is the word alone, None without it."""
        for comment in self.comments:
            word, _, rest = comment.partition(":")
            if word.strip() == kind:
                return rest.strip()
        return None

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}, line {self.line}"


def blocks_of(page: pathlib.Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return list(_blocks(page))


def _blocks(page: pathlib.Path) -> Iterator[Block]:
    comments: list[str] = []
    lines = iter(enumerate(page.read_text().splitlines(), 1))
    for number, line in lines:
        fence = _FENCE.fullmatch(line)
        comment = _COMMENT.fullmatch(line)
        if fence:
            text = []
            for _, line in lines:
                if line.strip() == fence[1]:
                    break
                text.append(line + "\n")
            else:
                raise ValueError(f"{page}: the block of line {number} has no end")
            yield Block(page, number + 1, fence[2], "".join(text), comments)
            comments = []
        elif comment:
            comments.append(comment[1])
        elif line.strip():
            if comments:
                raise ValueError(f"{page}: no block follows the comment before line {number}")
            if line.lstrip().startswith("```"):
                raise ValueError(f"{page}: the fence of line {number} can't be read")


def prose_of(page: pathlib.Path) -> str:
    """The page without its fenced blocks."""
    text = page.read_text()
    for block in blocks_of(page):
        text = text.replace(block.text, "", 1)
    return text


def normalised(text: str) -> str:
    """The text without what differs from run to run."""
    text = re.sub(r"\b\d+\.\d\d s\b", "N s", text)
    text = re.sub(r"\bpid \d+", "pid N", text)
    text = re.sub(r"(?<=in them: ).*", lambda counts: str(sorted(counts[0].split(", "))), text)
    # Pythons differ in what they underline in a traceback.
    text = re.sub(r"^ +[~^]+ *\n", "", text, flags=re.M)
    return "\n".join(line.rstrip() for line in text.splitlines())


def same(expected: str, shown: str, in_order: bool = True) -> bool:
    """Whether output is as a page says."""
    expected, shown = normalised(expected), normalised(shown)
    if not in_order:
        return sorted(expected.splitlines()) == sorted(shown.splitlines())
    pattern = ""
    for line in expected.split("\n"):
        if line == "...":
            pattern += r"(.*\n)*?"
        elif line.endswith(" ..."):
            pattern += re.escape(line[:-3]) + r".*\n"
        else:
            pattern += re.escape(line) + r"\n"
    return re.fullmatch(pattern, shown + "\n") is not None
