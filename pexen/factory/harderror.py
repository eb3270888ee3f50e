"""The errors of executables that fail; imported where one does, as that is no light import."""

from __future__ import annotations

import subprocess
from typing import Any

_HARD_ERROR_STATUS = 99


class HardError(subprocess.CalledProcessError):
    """The exit status is 99, by custom that of a test that couldn't be set up."""

    def __str__(self) -> str:
        return f"{super().__str__().rstrip('.')}, a hard error: it couldn't do what it is for"


def status_error(status: int, *rest: Any) -> subprocess.CalledProcessError:
    """The error for an exit status; what else is given is what CalledProcessError takes."""
    kind = HardError if status == _HARD_ERROR_STATUS else subprocess.CalledProcessError
    return kind(status, *rest)
