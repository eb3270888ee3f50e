"""Defaults of options, from the table [tool.pexen] of pyproject.toml."""

from __future__ import annotations

import argparse
import tomllib
from typing import Any

from .ending import UsageError

FILE_NAME = "pyproject.toml"


def apply_defaults(parser: argparse.ArgumentParser) -> None:
    """Make what the file in the current folder says the parser's defaults.

    A key is a long option without its dashes, or `targets`. UsageError for a file that can't be
    read, a key that is no option, and a value that the option can't have.
    """
    table = _table()
    options = {
        name.removeprefix("--"): action
        for action in parser._actions
        for name in action.option_strings
        if name.startswith("--") and not isinstance(action, argparse._HelpAction)
    }
    found: dict[str, object] = {}
    for key, value in table.items():
        if key == "targets":
            found[key] = list(map(str, value)) if isinstance(value, list) else [str(value)]
        elif key not in options:
            raise _wrong(f"{key!r}, which is no option", "'pexen run -h' shows them")
        else:
            action = options[key]
            found[action.dest] = _value(parser, action, key, value)
    parser.set_defaults(**found)


def _table() -> dict[str, Any]:
    try:
        with open(FILE_NAME, "rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise UsageError(f"file {FILE_NAME!r} can't be read: {exc.strerror}") from exc
    except ValueError as exc:
        raise UsageError(f"file {FILE_NAME!r} is no TOML: {exc}") from exc
    tool = content.get("tool")
    table = tool.get("pexen", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise _wrong(f"{table!r}", "write a table of options")
    return table


def _value(
    parser: argparse.ArgumentParser, action: argparse.Action, key: str, value: Any
) -> object:
    """What the option makes of the value, as if it were on the command line."""
    if action.nargs == 0:
        if not isinstance(value, bool):
            raise _wrong(f"{value!r} for {key!r}", "write true or false")
        return action.const if value else not action.const
    values = value if isinstance(value, list) else [value]
    if len(values) != 1 and not isinstance(action, argparse._AppendAction):
        raise _wrong(f"{value!r} for {key!r}", "write one value")
    try:
        made = [parser._get_value(action, str(each)) for each in values]
        for each in made:
            parser._check_value(action, each)
    except argparse.ArgumentError as exc:
        raise _wrong(f"{value!r} for {key!r}", exc.message) from exc
    return made if isinstance(action, argparse._AppendAction) else made[0]


def _wrong(what: str, then: str) -> UsageError:
    return UsageError(f"[tool.pexen] in {FILE_NAME!r} has {what}; {then}")
