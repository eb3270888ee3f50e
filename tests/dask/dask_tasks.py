"""Tasks that the workers of a cluster can import."""

from __future__ import annotations

import os
import pathlib
from typing import Any


def note(shared: dict[str, Any]) -> int:
    """Leave a mark of having begun in the file that the shared dict names."""
    with open(shared["marks"], "a") as marks:
        marks.write("begun\n")
    return os.getpid()


def noop() -> None:
    pass


class Waits:
    """A task that notes its process id in its folder, and waits there until it may go on."""

    def __init__(self, gate: Any, folder: pathlib.Path) -> None:
        self.gate = gate
        self.folder = folder

    def __repr__(self) -> str:
        return "waits"

    def __call__(self) -> int:
        with open(self.folder / repr(self), "a") as mark:
            mark.write(f"{os.getpid()}\n")
        if not self.gate.wait(60):
            raise TimeoutError("nobody opened the gate")
        return os.getpid()
