"""Tasks and what is between them as a Graphviz document.

A task is a box. An edge leads from a task that provides a tag to one that needs it; where a
tag has several of both, it is a small node between them, so that N providers and M needers
cost N + M edges. A tag that nothing provides is a node as well, in red.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..sched import Outcome, every, unique
from ..sched.common import Task
from .metadata import in_order, meta_of, tag_text
from .output import printable
from .words import label

ANY, EVERY, AFTER = "any", "every", "after"

_STYLES = {ANY: "solid", EVERY: "bold", AFTER: "dashed"}

_GREEN, _GREY, _RED, _ORANGE, _YELLOW = "#b7e4a8", "#d0d0d0", "#f08080", "#ffbf66", "#fff2a8"
_COLOURS = {
    Outcome.OK: _GREEN,
    Outcome.FRESH: _GREEN,
    Outcome.SKIPPED: _GREY,
    Outcome.FAILED: _RED,
    Outcome.TIMEOUT: _RED,
    Outcome.LOST: _RED,
    Outcome.BLOCKED: _ORANGE,
    Outcome.CANCELLED: _YELLOW,
}

_HEAD = """\
digraph pexen {
  // An edge leads to what waits. Solid: requires, any provider will do; bold: requires
  // every provider; dashed: after, in whatever way they end.
  rankdir=LR;
  node [shape=box, style=filled, fillcolor=white, fontname="sans-serif"];
  edge [fontname="sans-serif", fontsize=9];"""


class _Tag(NamedTuple):
    """A tag: the numbers of the tasks that provide it, and of those that need it, and how."""

    name: Any
    providers: list[int]
    needers: list[tuple[int, str]]


def document(tasks: Sequence[Task], ended: Sequence[Mapping[str, Any]] = ()) -> Iterator[str]:
    """The lines of the document; `ended` are task objects of a record, or empty."""
    yield _HEAD
    for number, task in enumerate(tasks):
        entry = ended[number] if number < len(ended) else {}
        yield f"  t{number} [label={quoted(label(task))}{_coloured(entry)}];"
    for number, tag in enumerate(_tags(tasks)):
        yield from _tag_lines(f"g{number}", tag)
    yield "}"


def _coloured(entry: Mapping[str, Any]) -> str:
    outcome = entry.get("outcome")
    if outcome not in _COLOURS:
        return ""
    reason = entry.get("reason")
    tip = quoted(printable(f"{outcome}: {reason}" if reason else str(outcome)))
    return f', fillcolor="{_COLOURS[Outcome(outcome)]}", tooltip={tip}'


def _tags(tasks: Sequence[Task]) -> list[_Tag]:
    """The tags that some task needs, in the order in which they come up."""
    tags: dict[Any, _Tag] = {}

    def tag(name: Any) -> _Tag:
        return tags.setdefault(name, _Tag(name, [], []))

    for number, task in enumerate(tasks):
        meta = meta_of(task)
        for name in in_order(meta.provides):
            tag(name.tag if isinstance(name, unique) else name).providers.append(number)
        for name in in_order(meta.requires):
            kind = EVERY if isinstance(name, every) else ANY
            tag(name.tag if isinstance(name, every) else name).needers.append((number, kind))
        for name in in_order(meta.after):
            tag(name).needers.append((number, AFTER))
    return [tag for tag in tags.values() if tag.needers]


def _tag_lines(node: str, tag: _Tag) -> Iterator[str]:
    name = quoted(printable(tag_text(tag.name)))
    several = len(tag.providers) > 1 and len(tag.needers) > 1
    if tag.providers and not several:
        for provider in tag.providers:
            for needer, kind in tag.needers:
                yield f"  t{provider} -> t{needer} [label={name}, style={_STYLES[kind]}];"
        return
    look = "shape=ellipse, fontsize=9, margin=0.02, width=0, height=0"
    missing = "" if tag.providers else ', color=red, tooltip="nothing provides it"'
    yield f"  {node} [label={name}, {look}{missing}];"
    for provider in tag.providers:
        yield f"  t{provider} -> {node} [arrowhead=none];"
    for needer, kind in tag.needers:
        yield f"  {node} -> t{needer} [style={_STYLES[kind]}];"


# What Graphviz takes for an HTML entity, also in a label that is no HTML.
_ENTITY = re.compile(r"&(?=#?\w+;)")


def quoted(text: str) -> str:
    """The text as a quoted string of the dot language, to be shown as it is."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return f'"{_ENTITY.sub("&amp;", escaped)}"'
