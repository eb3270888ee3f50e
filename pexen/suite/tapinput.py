"""What a program tells of its test points in the Test Anything Protocol, versions 12 to 14.

Subtests are left out: each is summed up by a test point of its own.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .findings import FAIL, INFO, OK, SKIP, WARN, Finding

# Numbers are bounded, as those of a thousand digits can't be meant.
_VERSION = re.compile(r"TAP version \d{1,9}\s*$", re.IGNORECASE)
_PLAN = re.compile(r"1\.\.(?P<count>\d{1,9})(?!\S)(?P<rest>.*)$")
_POINT = re.compile(r"(?P<not>not )?ok(?!\S)(?:\s+(?P<number>\d{1,9})(?!\S))?(?P<rest>.*)$")
_DIRECTIVE = re.compile(r"(?:^|\s)#\s*(?P<kind>skip|todo)\w*:?(?P<why>.*)$", re.IGNORECASE)
_BAIL_OUT = "bail out!"

# What stands for the middle of a long output.
_LEFT_OUT = re.compile(r"\[\d+ (bytes|characters) left out\]")

# How much of what is wrong with a plan is told.
_MAX_WRONG = 5


class Tap(NamedTuple):
    """The test points, and what is wrong with them as a whole.

    `skipped` is why there are none, where the plan says that there are to be none, else None.
    """

    findings: list[Finding]
    skipped: str | None


def read_tap(text: str) -> Tap | None:
    """What a program's output says; None if that isn't TAP.

    It is if it starts with a version, or else starts or ends with a plan and has test points, or a
    plan of none.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    said = [line for line in lines if line.strip() and not line.startswith("#")]
    if not said:
        return None
    if not _VERSION.match(said[0]):
        plan = _PLAN.match(said[0]) or _PLAN.match(said[-1])
        if plan is None or int(plan["count"]) and not any(map(_POINT.match, said)):
            return None
    reader = _Reader()
    for line in lines:
        reader.take(line)
        if reader.bailed_out:
            break
    return reader.result()


class _Reader:
    """Is given each line in turn."""

    def __init__(self) -> None:
        self.bailed_out = False
        self._found: list[Finding] = []
        self._planned: int | None = None
        self._skipped: str | None = None
        self._numbers: set[int] = set()
        self._last = 0  # number of the last test point
        self._wrong: list[str] = []  # with the plan
        self._cut = False  # its middle was left out
        self._details: list[str] | None = None  # lines of YAML, within such

    def take(self, line: str) -> None:
        if self._details is not None and (not line.strip() or line[0].isspace()):
            if line.strip() == "...":
                self._end_details()
            else:
                self._details.append(line)
            return
        self._end_details()
        if not line or line[0].isspace():
            if line.strip() == "---" and self._found:
                self._details = []
        elif point := _POINT.match(line):
            self._take_point(point)
        elif plan := _PLAN.match(line):
            self._take_plan(plan)
        elif _LEFT_OUT.fullmatch(line):
            self._cut = True
        elif line.lower().startswith(_BAIL_OUT):
            self.bailed_out = True
            self._add("Bail out!", FAIL, line[len(_BAIL_OUT) :].strip())

    def result(self) -> Tap:
        self._end_details()
        if not self.bailed_out:
            self._compare()
        if self._cut:
            self._add("output", WARN, "it is too long to be read whole; test points may be missing")
        elif self._wrong:
            more = ["and so on"] if len(self._wrong) > _MAX_WRONG else []
            self._add("plan", FAIL, "; ".join([*self._wrong[:_MAX_WRONG], *more]))
        return Tap(self._found, None if self._found else self._skipped)

    def _take_point(self, point: re.Match[str]) -> None:
        self._last = number = int(point["number"] or self._last + 1)
        if number in self._numbers:
            self._wrong.append(f"test point {number} came twice")
        self._numbers.add(number)
        verdict, note, rest = FAIL if point["not"] else OK, "", point["rest"]
        directive = _DIRECTIVE.search(rest)
        if directive is not None:
            kind, note = directive["kind"].upper(), directive["why"].strip()
            rest = rest[: directive.start()]
            if kind == "SKIP":
                verdict = SKIP
            else:
                verdict, kind = (INFO, kind) if point["not"] else (WARN, "passes, but is TODO")
                note = f"{kind}: {note}" if note else kind
        name = re.sub(r"\\([\\#])", r"\1", rest.strip().removeprefix("-").strip())
        self._add(name or f"test point {number}", verdict, note, number=number)

    def _take_plan(self, plan: re.Match[str]) -> None:
        if self._planned is not None:
            self._wrong.append("it came twice")
        self._planned = int(plan["count"])
        if not self._planned:
            directive = _DIRECTIVE.search(plan["rest"])
            self._skipped = directive["why"].strip() if directive else ""
            self._skipped = self._skipped or "its plan has no test points"

    def _compare(self) -> None:
        if self._planned is None:
            self._wrong.append("there is none, so it may have ended early")
        elif len(self._numbers) != self._planned:
            self._wrong.append(f"{self._planned} test points planned, {len(self._numbers)} seen")
        elif self._planned and max(self._numbers) > self._planned:
            self._wrong.append(f"1..{self._planned} planned, {max(self._numbers)} seen")

    def _end_details(self) -> None:
        details, self._details = self._details, None
        if details:
            last = self._found[-1]
            text = "\n".join(line.removeprefix("  ").rstrip() for line in details)
            self._found[-1] = last._replace(note=f"{last.note}\n{text}".lstrip("\n"))

    def _add(self, name: str, verdict: str, note: str, **data: Any) -> None:
        self._found.append(Finding(name, verdict, note, data))
