"""What is said to GitHub Actions: annotations, groups of lines, and the summary of a step.

Its runner takes lines of the log that look so for commands, and reads the summary as Markdown.
Names, reasons and output come from tasks, and can be neither here.
"""

from __future__ import annotations

import os
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .texts import printable, shortened

# More annotations of a kind are left out of a step by GitHub.
MOST_ERRORS = 10

# A step's summary that has more bytes isn't shown at all.
SUMMARY_LIMIT = 1024 * 1024

# The bytes of the table's rows; what stands around them needs much less than the rest.
_ROWS = SUMMARY_LIMIT - 64 * 1024

# Characters, of what stands in a line and of what stands in several.
_SHORT, _LONG = 300, 4000

_FAILED = ("failed", "timeout", "lost")
_BAD = (*_FAILED, "blocked", "cancelled")


def wanted(environ: Mapping[str, str]) -> bool:
    """Whether it is GitHub Actions that reads the log."""
    return environ.get("GITHUB_ACTIONS") == "true"


def errors(results: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each of the first tasks that failed, ten at most; they become annotations.

    Each result is a mapping with `callpath` (a list of names), `outcome`, and as far as they are
    known `reason`, `file` and `line`.
    """
    lines: list[str] = []
    for result in results:
        if result["outcome"] in _FAILED:
            lines.append(_error(result))
            if len(lines) == MOST_ERRORS:
                break
    return lines


def group(name: str, text: str) -> str:
    """Lines that show the text folded, under that name; in it, nothing is taken for a command."""
    return f"::group::{_data(_short(name))}\n{inert(text)}\n::endgroup::"


def inert(text: str) -> str:
    """Lines that show the text, in which nothing is taken for a command."""
    # Who printed the text can't have known the token, so can't have ended this either.
    token = secrets.token_hex(16)
    text = shortened(text).removesuffix("\n")
    return f"::stop-commands::{token}\n{text}\n::{token}::"


def summary(results: Iterable[Mapping[str, Any]], elapsed: float, interrupted: bool = False) -> str:
    """The summary of a run that took so many seconds, in Markdown: counts, and what isn't well.

    Each result is a mapping as for `errors`; where its `verdict` is 'warn' it is shown as well.
    """
    counts: Counter[str] = Counter()
    rows: list[str] = []
    room, left_out = _ROWS, 0
    for result in results:
        counts[str(result["outcome"])] += 1
        if result["outcome"] not in _BAD and result.get("verdict") != "warn":
            continue
        row = _row(result)
        room -= len(row.encode("utf-8")) + 1
        if room >= 0:
            rows.append(row)
        else:
            left_out += 1
    tasks = counts.total()
    told = ", ".join(f"{count} {_cell(outcome)}" for outcome, count in counts.items())
    number = "1 task" if tasks == 1 else f"{tasks} tasks"
    lines = [f"### {number}{', interrupted' if interrupted else ''}", ""]
    lines += [f"{told or 'nothing ran'}, in {elapsed:.2f} s", ""]
    if rows:
        lines += ["| outcome | task | seconds | reason |", "|---|---|---:|---|", *rows, ""]
    if left_out:
        lines += [f"{left_out} more of them are left out, as the summary would be too long.", ""]
    return "\n".join(lines)


def append_summary(text: str, environ: Mapping[str, str]) -> str | None:
    """Append to the summary of the step; what the problem is, if that can't be done."""
    path = environ.get("GITHUB_STEP_SUMMARY")
    if not path:
        return "the summary of the step has nowhere to go; GITHUB_STEP_SUMMARY isn't set"
    data = text.encode("utf-8", "backslashreplace")
    try:
        with open(path, "ab") as file:
            there = os.fstat(file.fileno()).st_size
            if there + len(data) > SUMMARY_LIMIT:
                return (
                    f"the summary of the step has {there} bytes, and no room for {len(data)} more; "
                    f"GitHub shows none that has more than {SUMMARY_LIMIT}"
                )
            file.write(data)
    except (OSError, ValueError) as exc:
        return f"the summary of the step can't be written to {path!r}: {exc}"
    return None


def tell(document: Mapping[str, Any], put: Callable[[str], object]) -> str | None:
    """Say which tasks of a record failed, by `put`, a line at a time, and append the summary.

    Returns what the problem is with the latter, if there is one.
    """
    ended = [_from_here(task) for task in document["tasks"] if task["outcome"] is not None]
    for line in errors(ended):
        put(line)
    text = summary(ended, document["elapsed"], document["interrupted"])
    return append_summary(text, os.environ)


def _from_here(task: Mapping[str, Any]) -> Mapping[str, Any]:
    """The task with the file's name as GitHub has it, seen from the current folder."""
    file = task.get("file")
    return task if file is None else {**task, "file": os.path.relpath(file)}


def _error(result: Mapping[str, Any]) -> str:
    known = {"file": result.get("file"), "line": result.get("line"), "title": _name(result)}
    properties = [
        f"{key}={_property(_short(str(value)))}"
        for key, value in known.items()
        if value is not None
    ]
    outcome, reason = str(result["outcome"]), str(result.get("reason") or "")
    told = shortened(f"{outcome}: {reason}" if reason else outcome, _LONG)
    message = "\n".join(map(printable, told.splitlines()))
    return f"::error {','.join(properties)}::{_data(message)}"


def _name(result: Mapping[str, Any]) -> str:
    return "/".join(map(str, result["callpath"])) or str(result.get("name") or "")


def _short(text: str) -> str:
    """The text in one line, and not too much of it."""
    cut = printable(text[: _SHORT + 1])
    return cut if len(cut) <= _SHORT else f"{cut[: _SHORT - 3]}..."


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _row(result: Mapping[str, Any]) -> str:
    verdict = "warn" if result.get("verdict") == "warn" else ""
    outcome = str(result["outcome"])
    duration = result.get("duration")
    cells = [
        _cell(outcome if outcome in _BAD else verdict),
        _cell(_name(result)),
        "" if duration is None else f"{duration:.2f}",
        _cell(str(result.get("reason") or "").strip()),
    ]
    return f"| {' | '.join(cells)} |"


# All of ASCII that may mean something in Markdown or HTML; given by its number it does not.
_SPECIAL = re.compile("[!-,.:-@[-`{-~]")


def _cell(text: str) -> str:
    escaped = _SPECIAL.sub(lambda found: f"&#{ord(found[0])};", _short(text))
    return f"<code>{escaped}</code>" if escaped else ""
