"""Objects that go wrong on their way between processes, which any worker can import."""

from __future__ import annotations

import os
import signal
from typing import Any

import fault_exceptions
import fault_tasks

# What a trap may raise.
RAISES: dict[str, type[BaseException]] = {
    "ValueError": ValueError,
    "SystemExit": SystemExit,
    "KeyboardInterrupt": KeyboardInterrupt,
    "OwnBaseException": fault_exceptions.OwnBaseException,
}

# The same, for what is pickled in the parent, where a KeyboardInterrupt is the user's.
RAISES_AT_HOME = {how: raised for how, raised in RAISES.items() if how != "KeyboardInterrupt"}

# How else it may go off, and what is told of a worker that it ends.
ENDS = {"exit": "exited with code 3", "crash": "was ended by signal SIGSEGV"}

PICKLED, LOADED, LOADED_AT_HOME = "pickled", "loaded", "loaded at home"


class Trap:
    """It goes off while it is pickled, or while it is loaded; in the parent maybe only there."""

    def __init__(self, when: str, how: str, home: int) -> None:
        self.when = when
        self.how = how
        self.home = home  # the pid of the parent

    def __reduce__(self) -> tuple[Any, ...]:
        if self.when == PICKLED:
            go_off(self.how, self.home)
        return load, (self.when, self.how, self.home)


def load(when: str, how: str, home: int) -> Trap:
    if when == LOADED or (when == LOADED_AT_HOME and os.getpid() == home):
        go_off(how, home)
    return Trap(when, how, home)


def go_off(how: str, home: int) -> None:
    if how in RAISES:
        raise RAISES[how](f"the trap, {how}")
    if how == "BrokenText":
        raise fault_exceptions.BrokenText
    assert os.getpid() != home, "it would end the parent, which should never have come to it"
    if how == "exit":
        os._exit(3)
    fault_tasks.signal_itself(signal.SIGSEGV)


def return_trap(*trap: Any) -> Trap:
    return Trap(*trap)


def share_trap(shared: dict[str, Any], *, trap: tuple[Any, ...]) -> None:
    shared["trap"] = Trap(*trap)


def raise_trap(*trap: Any) -> None:
    raise LookupError(Trap(*trap))


def take(shared: dict[str, Any]) -> str:
    """Report the trap in the shared dict, which mustn't go off again on the way back."""
    return f"took {shared.pop('trap').how}"


def take_keyword(*, trap: Trap) -> str:
    return f"took {trap.how}"
