"""What all tests have in common."""

from __future__ import annotations

import gc
import signal

# Shells have what they run in the background ignore Ctrl-C, nohup has it ignore SIGHUP, and
# programs inherit that. Tests that send them to programs of theirs mean them to be heard.
for number, usual in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, usual)


def pytest_collection_finish() -> None:
    """Leave out of each collection of garbage what lives as long as the session: the tests.

    Many tests collect before and after, and those would look at some hundred thousand objects.
    """
    gc.collect()
    gc.freeze()
