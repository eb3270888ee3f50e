"""Every kind of pool, and the oracle, which judges each test of this folder."""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import sys
from collections.abc import Iterator

import pytest
from oracle import Oracle, start_servers

START_METHODS = os.environ.get("PEXEN_START_METHODS", "fork forkserver spawn").split()
KINDS = ["threads", *START_METHODS]

if not sys.platform.startswith("linux"):
    collect_ignore_glob = ["test_*.py"]  # the oracle reads /proc


@pytest.fixture(params=START_METHODS)
def start_method(request: pytest.FixtureRequest) -> str:
    """How worker processes are started."""
    return str(request.param)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Threads, or how worker processes are started; what `make_pool` takes."""
    return str(request.param)


@pytest.fixture
def deadline() -> float:
    """Seconds that a test may take; a module or a class overrides it."""
    return 60.0


@pytest.fixture(scope="session")
def terminal(request: pytest.FixtureRequest) -> Iterator[int]:
    """A descriptor of the real stderr, which pytest doesn't capture."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        fd = os.dup(2)
    yield fd
    os.close(fd)


@pytest.fixture(autouse=True)
def as_it_was_before(terminal: int, deadline: float) -> Iterator[None]:
    """Each test ends within the deadline, and leaves nothing behind.

    A test that hangs ends the whole session, with the stacks of all threads: what it leaves
    can't be told from what later tests do.
    """
    start_servers()
    logger = logging.getLogger("pexen")
    level = logger.level
    faulthandler.dump_traceback_later(deadline, exit=True, file=terminal)
    try:
        gc.collect()  # what other tests left is not to vanish during this one
        oracle = Oracle()
        with oracle.watching():
            yield
            complaints = oracle.judge()
    finally:
        faulthandler.cancel_dump_traceback_later()
        logger.setLevel(level)
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
