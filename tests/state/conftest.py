"""A folder for the state, and the store in it."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator

import pytest

from pexen.state import Store


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    return tmp_path / "project" / ".pexen"


@pytest.fixture
def store(folder: pathlib.Path) -> Iterator[Store]:
    with Store(folder) as store:
        yield store
