"""A test that reboots the machine, and goes on afterwards."""

from __future__ import annotations

from .findings import SuiteError, found_here


def reboot_point() -> bool:
    """Have it safely on the disk how all tasks that ended did, so that the machine may be rebooted.

    Returns whether the task that calls this had come here before, when its run was broken off: it
    is run again from its beginning when the run goes on (`pexen run --resume`), and then doesn't
    reboot once more::

        if not reboot_point():
            subprocess.run(["systemctl", "reboot"])
            time.sleep(600)
        assert uptime() < 600

    A task has one such point. Raises SuiteError outside of a task of a suite, or of one that has no
    state, and StateError if that can't be written.
    """
    passed = found_here("a point of reboot").mark()
    if passed is None:
        raise SuiteError(
            "a point of reboot needs a state to come back to; leave out --no-state, "
            "or give the suite one by Suite(..., state=keeper)"
        )
    return passed
