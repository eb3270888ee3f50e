"""A timeline in the format of Chrome's tracing, which Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

_MICRO = 1_000_000


def trace(results: Iterable[Mapping[str, Any]]) -> str:
    """The document: a row for each worker, in it each task that ran there.

    Each result is a mapping with `callpath` (a list of names), `outcome`, `started` (seconds since
    the run began), `duration` (seconds) and `worker`; one that has no such times isn't shown.
    """
    rows: dict[str, int] = {}
    events: list[dict[str, Any]] = []
    for result in results:
        started, duration = result.get("started"), result.get("duration")
        if started is None or duration is None:
            continue
        row = rows.setdefault(str(result.get("worker") or "unknown"), len(rows) + 1)
        path = [*map(str, result["callpath"])]
        args = {"outcome": str(result["outcome"]), "callpath": "/".join(path)}
        if result.get("reason"):
            args["reason"] = str(result["reason"])
        events.append(
            {
                "name": path[-1], "cat": args["outcome"], "ph": "X", "pid": 1, "tid": row,
                "ts": round(started * _MICRO), "dur": round(duration * _MICRO), "args": args,
            }
        )  # fmt: skip
    names = [
        {"name": "thread_name", "ph": "M", "pid": 1, "tid": row, "args": {"name": worker}}
        for worker, row in rows.items()
    ]
    return json.dumps({"traceEvents": names + events, "displayTimeUnit": "ms"})
