"""What all tests have in common."""

from __future__ import annotations

import compileall
import gc
import pathlib
import signal

# Shells have what they run in the background ignore Ctrl-C, nohup has it ignore SIGHUP, and
# programs inherit that. Tests that send them to programs of theirs mean them to be heard.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)

_HERE = pathlib.Path(__file__).parent


def pytest_sessionstart() -> None:
    """Have bytecode of all that the processes import that tests start.

    They write none themselves, and would compile pexen a thousand times. Where there can't be
    any, as in a folder that is read-only, they do.
    """
    for folder in (_HERE.parent / "pexen", _HERE):
        compileall.compile_dir(folder, quiet=2)


def pytest_collection_finish() -> None:
    """Leave out of each collection of garbage what lives as long as the session: the tests.

    Many tests collect before and after, and those would look at some hundred thousand objects.
    """
    gc.collect()
    gc.freeze()
