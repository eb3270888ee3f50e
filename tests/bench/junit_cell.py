"""Validate a JUnit file and read it with the readers of others; for `junit_readers`.

    PYTHON junit_cell.py SCHEMA FILE

Prints an object: `errors` of validation, each once, `versions`, and for each reader `cases` (name
and outcome), `counts` and `printed` (the names of those with an output).
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from typing import Any

import junitparser
from junit2htmlreport.parser import Junit
from lxml import etree


def errors(schema: str, file: str) -> list[str]:
    """What is wrong with the file, each kind of it once."""
    validator = etree.XMLSchema(etree.parse(schema))
    validator.validate(etree.parse(file))
    return list(dict.fromkeys(str(error.message)[:500] for error in validator.error_log))


def by_junitparser(file: str) -> dict[str, Any]:
    """The counts are those that it makes itself, or -1 where the file says another one."""
    (suite,) = root = junitparser.JUnitXml.fromfile(file)
    kinds = ("tests", "failures", "errors", "skipped")
    told = {kind: getattr(suite, kind) for kind in kinds}
    of_all = {kind: getattr(root, kind) for kind in kinds[:3]}
    cases = list(suite)
    root.update_statistics()
    counts = {kind: getattr(root, kind) for kind in kinds}
    for kind in kinds:
        if counts[kind] != told[kind] or counts[kind] != of_all.get(kind, counts[kind]):
            counts[kind] = -1
    outcomes = []
    for case in cases:
        (outcome,) = [type(each).__name__.lower() for each in case.result] or ["passed"]
        outcomes.append((case.name, outcome))
    return {
        "cases": outcomes,
        "counts": counts,
        "printed": [case.name for case in cases if case.system_out],
    }


def by_junit2html(file: str) -> dict[str, Any]:
    """Failures and errors are the same to it: what failed."""
    (suite,) = Junit(filename=file)
    words = {"passed": "passed", "failed": "failure", "skipped": "skipped"}
    cases = suite.all()
    return {
        "cases": [(case.name, words[str(case.outcome().value).lower()]) for case in cases],
        "counts": {
            "tests": len(cases), "failures": len(suite.failed()), "skipped": len(suite.skipped())
        },
        "printed": [case.name for case in cases if case.stdout],
    }  # fmt: skip


def main() -> None:
    """Do it and print it."""
    schema, file = sys.argv[1:]
    packages = ("lxml", "junitparser", "junit2html")
    print(json.dumps({
        "errors": errors(schema, file),
        "versions": ", ".join(f"{name} {version(name)}" for name in packages),
        "junitparser": by_junitparser(file),
        "junit2html": by_junit2html(file),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
