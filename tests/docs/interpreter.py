"""Runs the Python blocks of one page, one after the other, for the test that started it.

It reads a line of JSON for each block from stdin and answers with one: what the block
wrote, workers included, and whether it came to its end. Warnings are errors, but for
pexen's own, which are shown by kind and text.
"""

from __future__ import annotations

import json
import linecache
import os
import sys
import tempfile
import traceback
import types
import warnings
from typing import Any, TextIO


def show(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    print(f"{category.__name__}: {message}", flush=True)


def run(code: str, name: str, line: int, namespace: dict[str, Any]) -> bool:
    source = "\n" * (line - 1) + code  # so that tracebacks have the lines of the page
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        exec(compile(source, name, "exec"), namespace)
    except BaseException:
        traceback.print_exc()
        return False
    return True


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    requests = os.fdopen(os.dup(0))
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.path.insert(0, os.getcwd())
    module = sys.modules["__main__"] = types.ModuleType("__main__")

    from pexen import PexenWarning

    warnings.simplefilter("error")
    warnings.simplefilter("always", PexenWarning)
    warnings.showwarning = show
    for request in requests:
        block = json.loads(request)
        with tempfile.TemporaryFile() as output:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            done = run(block["code"], block["name"], block["line"], vars(module))
            sys.stdout.flush()
            output.seek(0)
            print(json.dumps([output.read().decode(), done]), file=answers, flush=True)


if __name__ == "__main__":
    main()
