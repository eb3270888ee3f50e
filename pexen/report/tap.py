"""The Test Anything Protocol, version 14."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from .texts import shortened

_GOOD = ("ok", "fresh", "skipped")


def tap(results: Iterable[Mapping[str, Any]]) -> str:
    """The document: a test point for each result, which is a mapping.

    It has `callpath` (a list of names), `outcome`, and as far as they are known `duration`
    (seconds), `reason` and `traceback`.
    """
    points = [_point(number, result) for number, result in enumerate(results, 1)]
    return "\n".join(["TAP version 14", f"1..{len(points)}", *points, ""])


def _point(number: int, result: Mapping[str, Any]) -> str:
    outcome = str(result["outcome"])
    line = "" if outcome in _GOOD else "not "
    line += f"ok {number} - {_escaped('/'.join(map(str, result['callpath'])))}"
    reason = str(result.get("reason") or "")
    if outcome == "skipped":
        return f"{line} # SKIP {_one_line(reason)}".rstrip()
    if outcome in _GOOD:
        return line
    # Strings of JSON are strings of YAML as well.
    known = {"outcome": outcome, "message": shortened(reason, 1000)}
    if result.get("duration") is not None:
        known["duration_ms"] = round(result["duration"] * 1000, 3)
    if result.get("traceback"):
        known["traceback"] = shortened(str(result["traceback"]))
    details = [f"  {key}: {json.dumps(value)}" for key, value in known.items()]
    return "\n".join([line, "  ---", *details, "  ..."])


def _escaped(text: str) -> str:
    return _one_line(text).replace("\\", r"\\").replace("#", r"\#")


def _one_line(text: str) -> str:
    return " ".join(text.split())
