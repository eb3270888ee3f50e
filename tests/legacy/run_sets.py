"""Run the task sets of a JSON file and print what happened, a JSON line for each set.

Existing code, as it were: it uses nothing but the interface of pexen 0.0.3, and is run
with that and with ours.
"""

from __future__ import annotations

import json
import re
import sys
import warnings
import zlib
from collections.abc import Callable
from typing import Any

import pexen
from pexen.sched import Sched, TaskFailError, meta, pool


class Careful(TaskFailError):
    """A controlled failure of the user's own kind."""


class Broken(Exception):
    """What a task may fail with, beside Python's own exceptions."""


# What the two versions say in other words, but with these numbers.
LEFT_OVER = {
    "skipped": r"(\d+) tasks skipped due to unmet deps",
    "held": r"(\d+) locks still held at exit",
}


def hashable(keys: list[Any]) -> list[Any]:
    """JSON has no tuples; a list stands for one."""
    return [tuple(key) if isinstance(key, list) else key for key in keys]


def checksum(value: Any) -> int:
    return zlib.crc32(json.dumps(value, sort_keys=True).encode())


def body_of(data: dict[str, Any]) -> Callable[[dict[str, Any], Any], Any]:
    """What the task does with its dict and its keyword arguments, in whichever shape."""

    def body(box: dict[str, Any], kwargs: Any) -> Any:
        seen = checksum([data["name"], box, kwargs])
        for key in data["deletes"]:
            box.pop(key, None)
        for key in data["writes"]:
            box[key] = checksum([seen, key])
        end = data["end"]
        if end == "controlled":
            raise TaskFailError()
        if end == "careful":
            raise Careful(data["name"], seen)
        if end == "value":
            raise ValueError(seen)
        if end == "os":
            raise OSError(2, "no such file", data["name"])
        if end == "broken":
            raise Broken(data["name"], [seen])
        rets: dict[str, Any] = {"number": seen, "text": str(seen)}
        rets |= {"tuple": (seen, sorted(box)), "dict": {"seen": seen}}
        return rets.get(data["ret"])

    return body


def callable_of(data: dict[str, Any]) -> Callable[..., Any]:
    body = body_of(data)
    task: Callable[..., Any]
    if data["shape"] == "shared":

        def task(shared: dict[str, Any], **kwargs: Any) -> Any:
            return body(shared, kwargs)

    elif data["shape"] == "named":

        def task(shared: dict[str, Any], a: Any = 0, b: Any = 0) -> Any:
            return body(shared, [a, b])

    elif data["shape"] == "default":
        task = lambda shared=5, **kwargs: body(shared, kwargs)  # noqa: E731
    elif data["shape"] == "nothing":

        def task(**kwargs: Any) -> Any:
            return body({}, kwargs)

    else:

        def task(*args: Any, **kwargs: Any) -> Any:
            return body({}, [len(args), kwargs])

    task.__name__ = data["name"]
    fields = dict(data["meta"])
    for name in "requires", "provides", "uses", "claims":
        if name in fields:
            fields[name] = hashable(fields[name])
    give_metadata(task, data["given"], fields)
    return task


def give_metadata(task: Callable[..., Any], how: str, fields: dict[str, Any]) -> None:
    if not fields:
        return
    if how == "decorator":
        meta.func_meta(**fields)(task)
    elif how == "assign_val":
        for name, value in fields.items():
            meta.assign_val(task, **{name: value})
    elif how == "assign_meta":
        meta.assign_meta(task, meta.SchedMeta(**fields))
    else:
        meta.assign_meta(task).update(
            {name: set(v) if isinstance(v, list) else v for name, v in fields.items()}
        )


def result_of(res: Any) -> dict[str, Any]:
    task, shared, ret, excinfo = res
    failed = None
    if excinfo is not None:
        exc_type, value, traceback = excinfo
        failed = [exc_type.__name__, repr(getattr(value, "args", None)), traceback is not None]
    return {"task": task.__name__, "shared": dict(shared), "ret": repr(ret), "excinfo": failed}


def run_set(data: dict[str, Any]) -> dict[str, Any]:
    results = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        sched = Sched(tasks=[callable_of(task) for task in data["tasks"]])
        sched.add_shared(**data["presets"])
        kind = pool.ProcessWorkerPool if data["processes"] else pool.ThreadWorkerPool
        for res in sched.run(kind(workers=data["workers"], spare=data["spare"])):
            results.append(result_of(res))
            if data["meddles"]:
                res.shared["seen " + res.task.__name__] = len(res.shared)
    said = [str(w.message) for w in caught if issubclass(w.category, pexen.PexenWarning)]
    left_over = {
        name: [int(found.group(1)) for found in (re.match(pattern, text) for text in said) if found]
        for name, pattern in LEFT_OVER.items()
    }
    order = [res["task"] for res in results]
    if not data["ordered"]:
        results.sort(key=lambda res: str(res["task"]))
    ran = {task["name"]: order.count(task["name"]) for task in data["tasks"]}
    return {"ran": ran, "results": results, "warnings": [len(said), left_over]}


def main(path: str) -> None:
    with open(path) as file:
        sets = json.load(file)
    for data in sets:
        answer = {"kind": data["kind"], "seed": data["seed"], **run_set(data)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
