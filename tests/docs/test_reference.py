"""The reference is complete: names, flags, columns and keys stand in it."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from typing import Any

import pytest
from snippets import PROJECT

import pexen.report
import pexen.state
import pexen.suite
import pexen.testing

REFERENCE = "\n".join(path.read_text() for path in sorted(PROJECT.glob("doc/reference/*.md")))


def documented(name: str) -> bool:
    """Whether the reference has the name in code: alone, called, or as an attribute."""
    code = re.findall(r"`([^`\n]+)`", REFERENCE)
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) for text in code)


def public_names() -> list[str]:
    modules: list[Any] = [
        pexen, pexen.sched, pexen.sched.pool, pexen.testing, pexen.factory, pexen.suite, pexen.state,
        pexen.report,
    ]  # fmt: skip
    return sorted({f"{m.__name__}.{name}" for m in modules for name in m.__all__})


@pytest.mark.parametrize("name", public_names())
def test_a_public_name_is_in_the_reference(name: str) -> None:
    assert documented(name.rpartition(".")[2])


def details() -> list[str]:
    """Names that no `__all__` has."""
    from pexen.sched import Outcome, Reason, TaskRes, events
    from pexen.sched.meta import SchedMeta

    told = [name for name, obj in vars(events).items() if isinstance(obj, type)]
    told = [name for name in told if issubclass(getattr(events, name), events.Event)]
    fields = [*SchedMeta.__annotations__, *TaskRes._fields, *TaskRes.__annotations__]
    return sorted({*told, *fields, *Reason._fields, *map(str, Outcome)})


@pytest.mark.parametrize("name", details())
def test_a_field_an_outcome_or_an_event_is_in_the_reference(name: str) -> None:
    assert documented(name)


def columns() -> list[str]:
    """The columns of the state's tables, as `table.column`."""
    from pexen.state.tables import TABLES

    found = []
    for table in TABLES:
        name = re.findall(r"CREATE TABLE (\w+)", table)[0]
        columns = re.findall(r"^ +(\w+) (?:INTEGER|REAL|TEXT|BLOB)", table, flags=re.M)
        found += [f"{name}.{column}" for column in columns]
    return found


@pytest.mark.parametrize("column", columns())
def test_a_column_of_the_state_is_in_the_reference(column: str) -> None:
    table, _, name = column.partition(".")
    text = (PROJECT / "doc/reference/state.md").read_text()
    section = text.partition(f"\n### {table}\n")[2].partition("\n##")[0]
    assert re.search(rf"^\|[^|]*`{name}`", section, flags=re.M)


def keys() -> list[str]:
    """The keys that a record and JSON lines have."""
    from pexen.report.ended import Ended
    from pexen.report.jsonl import KEYS
    from pexen.report.record import Record
    from pexen.sched import Outcome

    def task() -> None:
        """Is never run."""

    record = Record()
    record.begin([task], lambda: 0.0)
    record.ended(Ended(task, Outcome.OK, "ok", ""))
    document = record.document()
    return sorted({*document, *document["tasks"][0], *KEYS})


@pytest.mark.parametrize("key", keys())
def test_a_key_of_a_record_is_in_the_reference(key: str) -> None:
    text = (PROJECT / "doc/reference/reports.md").read_text()
    assert re.search(rf"^\|[^|]*`{key}`", text, flags=re.M)


@functools.cache
def flags_of(command: str) -> list[str]:
    arguments = [sys.executable, "-m", "pexen", *command.split(), "-h"]
    text = subprocess.run(arguments, capture_output=True, text=True, cwd=PROJECT).stdout
    lines = re.findall(r"^  (-.*?)(?:   *|$)", text, flags=re.M)
    return sorted({flag for line in lines for flag in re.findall(r"(?<!\w)--?[a-z][\w-]*", line)})


@pytest.mark.parametrize("command", ["", "run", "list", "graph", "plan", "history", "report", "why"])
def test_every_flag_of_a_command_is_in_the_reference(command: str) -> None:
    flags = flags_of(command)
    assert "-h" in flags and [flag for flag in flags if not documented(flag)] == []
