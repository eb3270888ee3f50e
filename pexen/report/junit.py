"""JUnit's XML, as Jenkins, GitLab and actions for GitHub read it.

There is no standard; this keeps to the schema of Jenkins's xUnit plugin, which refuses a file
with anything else in it, such as the place where a test case is defined. Each task is a test
case, named by the last part of its callpath, with the rest as its class. What makes `pexen run`
exit with 1 is a failure (`failed`) or an error (`timeout`, `lost`, `blocked`, `cancelled`) here,
so that both say the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from .texts import LIMIT, for_xml, shortened

# The element that says so of each outcome; the others are well.
_ELEMENTS = {
    "failed": "failure",
    "timeout": "error",
    "lost": "error",
    "blocked": "error",
    "cancelled": "error",
    "skipped": "skipped",
}

# How many characters of a name there are, and of a message; a parser has limits of its own,
# beyond which it refuses the whole file.
_MAX_ATTRIBUTE = 1000

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def junit(results: Iterable[Mapping[str, Any]], name: str, began: float, seconds: float) -> bytes:
    """The document: a suite of that name, whose run began at `began` (seconds since 1970).

    Each result is a mapping with `callpath` (a list of names), `outcome`, `duration` (seconds, or
    None), and as far as they are known `reason`, `traceback` and `output`.
    """
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name=_text(name, _MAX_ATTRIBUTE))
    counts = dict.fromkeys(("tests", *_COUNTED.values()), 0)
    for result in results:
        case = _case(result)
        suite.append(case)
        counts["tests"] += 1
        for element in case:
            if element.tag in _COUNTED:
                counts[_COUNTED[element.tag]] += 1
    moment = datetime.datetime.fromtimestamp(began, datetime.UTC)
    totals = {key: str(count) for key, count in counts.items()} | {"time": f"{seconds:.3f}"}
    suites.attrib.update((key, total) for key, total in totals.items() if key != "skipped")
    suite.attrib.update(totals, timestamp=moment.strftime("%Y-%m-%dT%H:%M:%S"))
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(result: Mapping[str, Any]) -> ElementTree.Element:
    *path, name = map(str, result["callpath"])
    case = ElementTree.Element(
        "testcase",
        name=_text(name, _MAX_ATTRIBUTE),
        classname=_text(".".join(path), _MAX_ATTRIBUTE),
        time=f"{result.get('duration') or 0:.3f}",
    )
    outcome = str(result["outcome"])
    if outcome in _ELEMENTS:
        reason = result.get("reason") or outcome
        element = ElementTree.SubElement(case, _ELEMENTS[outcome], type=outcome)
        element.set("message", _text(reason, _MAX_ATTRIBUTE))
        element.text = _text(result.get("traceback") or reason)
    if result.get("output"):
        output = ElementTree.SubElement(case, "system-out")
        output.text = _text(result["output"])
    return case


def _text(text: str, limit: int = LIMIT) -> str:
    """What is written of a text: no more than so much, also where escapes make it longer."""
    return shortened(for_xml(shortened(text, limit)), limit)
