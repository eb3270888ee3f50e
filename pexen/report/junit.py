"""JUnit's XML, as Jenkins, GitLab and actions for GitHub read it.

There is no standard; this keeps to the schema of Jenkins's xUnit plugin. Each task is a test case,
named by the last part of its callpath, with the rest as its class. What makes `pexen run` exit
with 1 is a failure (`failed`) or an error (`timeout`, `lost`, `blocked`, `cancelled`) here,
so that both say the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any
from xml.etree import ElementTree

from .texts import for_xml, shortened

# The element that says so of each outcome; the others are well.
_ELEMENTS = {
    "failed": "failure",
    "timeout": "error",
    "lost": "error",
    "blocked": "error",
    "cancelled": "error",
    "skipped": "skipped",
}

_COUNTED = {"failure": "failures", "error": "errors", "skipped": "skipped"}


def junit(results: Iterable[Mapping[str, Any]], name: str, began: float, seconds: float) -> bytes:
    """The document: a suite of that name, whose run began at `began` (seconds since 1970).

    Each result is a mapping with `callpath` (a list of names), `outcome`, `duration` (seconds, or
    None), and as far as they are known `reason`, `traceback`, `output`, `file` and `line`.
    """
    suites = ElementTree.Element("testsuites")
    suite = ElementTree.SubElement(suites, "testsuite", name=for_xml(name))
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
    suites.attrib.update(totals)
    suite.attrib.update(totals, timestamp=moment.strftime("%Y-%m-%dT%H:%M:%S"))
    ElementTree.indent(suites)
    document: bytes = ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _case(result: Mapping[str, Any]) -> ElementTree.Element:
    *path, name = map(str, result["callpath"])
    case = ElementTree.Element(
        "testcase",
        name=for_xml(name),
        classname=for_xml(".".join(path)),
        time=f"{result.get('duration') or 0:.3f}",
    )
    for key in ("file", "line"):
        if result.get(key) is not None:
            case.set(key, for_xml(str(result[key])))
    outcome = str(result["outcome"])
    if outcome in _ELEMENTS:
        reason = result.get("reason") or outcome
        element = ElementTree.SubElement(case, _ELEMENTS[outcome], type=outcome)
        element.set("message", for_xml(shortened(reason, 1000)))
        element.text = for_xml(shortened(result.get("traceback") or reason))
    if result.get("output"):
        output = ElementTree.SubElement(case, "system-out")
        output.text = for_xml(shortened(result["output"]))
    return case
