"""A page about a run, which says what broke, why, and what made it slow.

It is one file, which needs no network and may send nothing anywhere: its policy allows the one
script and the one style that it has. Without scripts it still says what didn't end well.
"""

from __future__ import annotations

import base64
import datetime
import hashlib
from collections.abc import Iterable, Mapping
from html import escape
from string import Template
from typing import Any

from .digest import BAD, digest
from .room import as_json

# The parts of the script, as one after the other makes it up; the last one starts it.
_SCRIPTS = (
    "data.js", "list.js", "details.js", "timeline.js", "timeline_drawing.js", "slow.js",
    "neighbours.js", "layout.js", "graph.js", "main.js",
)  # fmt: skip

_ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'%3E"
    "%3Ccircle cx='4' cy='4' r='4' fill='%23{}'/%3E%3C/svg%3E"
)
_ICON_COLOURS = {"good": "2f9e44", "warn": "e8a200", "bad": "d6336c"}

# Of so many the plain list tells that is there for readers without scripts.
_PLAIN = 200


def html(run: Mapping[str, Any]) -> bytes:
    """The document, no larger than some megabytes: what is too long is cut, and that is said.

    `run` has `name`, `began` (seconds since 1970), `elapsed` (seconds), `interrupted`, `about`
    (what else is known, by name, as JSON has it), and `tasks`: a list of mappings, with

    `callpath` (a list of names), `name`
    `outcome`     in a word; None for a task that has not ended
    `verdict`     the same, or 'warn' for one that ended ok and warns of something
    `started`     seconds since the run began, or None
    `duration`    seconds, or None
    `attempts`, `worker` (a name, or None)
    `reason`, `traceback`, `output`   texts, or None
    `results`     a list of mappings with `name`, `outcome` and `note`: what it found of its own
    `waits_for`   places in this list: of tasks that provide what it requires, or that it is after
    `rerun`       the command line that runs it again, or None
    """
    value = digest(run)
    verdict, kind = _verdict(value)
    script = "\n".join(['"use strict";', "{", *map(_part, _SCRIPTS), "}", ""])
    style = _part("page.css")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )
    page = Template(_part("page.html")).substitute(
        policy=policy,
        style=style,
        script=script,
        icon=_ICON.format(_ICON_COLOURS[kind]),
        title=escape(f"{verdict}: {value['name']}"),
        name=escape(value["name"]),
        verdict=verdict,
        kind=kind,
        when=_when(value),
        counts="".join(_count(*each) for each in value["counts"].items()),
        plain="\n".join(_plain_list(value["tasks"])),
        data=as_json(value),
    )
    return page.encode("utf-8")


def _part(name: str) -> str:
    from importlib import resources  # only where a page is made; it is no light import

    return resources.files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    digested = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digested).decode('ascii')}'"


def _verdict(value: Mapping[str, Any]) -> tuple[str, str]:
    """The run in a word, and whether that is good."""
    counts = value["counts"]
    bad = any(state in counts for state in BAD)
    if value["interrupted"]:
        return "interrupted", "bad" if bad else "warn"
    if bad:
        return "failed", "bad"
    if "unfinished" in counts:
        return "unfinished", "warn"
    if not counts:
        return "nothing ran", "warn"
    return ("warnings", "warn") if "warn" in counts else ("passed", "good")


def _when(value: Mapping[str, Any]) -> str:
    number = sum(value["counts"].values())
    tasks = "1 task" if number == 1 else f"{number:,} tasks"
    parts = [tasks if value["elapsed"] is None else f"{tasks} in {_seconds(value['elapsed'])}"]
    if value["began"] is not None:
        moment = datetime.datetime.fromtimestamp(value["began"], datetime.UTC)
        text = moment.strftime("%Y-%m-%d %H:%M:%S")
        parts.insert(0, f'<time id="began" datetime="{text.replace(" ", "T")}Z">{text} UTC</time>')
    return ", ".join(parts)


def _seconds(amount: float) -> str:
    if amount < 60:
        return f"{amount:.2f} s"
    minutes, rest = divmod(round(amount), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _count(state: str, number: int) -> str:
    return (
        f'<li><button type="button" class="chip {state}" data-state="{state}" '
        f'aria-pressed="false" disabled><b>{number:,}</b> {state}</button></li>'
    )


def _plain_list(tasks: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """What didn't end well, for readers without scripts."""
    bad = [task for state in BAD for task in tasks if task["state"] == state]
    for task in bad[:_PLAIN]:
        line = f"<li><b>{task['state']}</b> {escape(task['name'])}"
        if task.get("reason"):
            line += f": {escape(task['reason'][:500])}"
        if task.get("rerun"):
            line += f"<br><code>{escape(task['rerun'][:500])}</code>"
        yield f"{line}</li>"
    if len(bad) > _PLAIN:
        yield f"<li>and {len(bad) - _PLAIN:,} more</li>"
