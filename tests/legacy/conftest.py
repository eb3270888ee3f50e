"""An environment with pexen 0.0.3 as it is on PyPI, to run the same code with both."""

from __future__ import annotations

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

import pytest
from legacy_versions import Version

REQUIREMENT = "pexen==0.0.3"
INSTALL_SECONDS = 180

pytest.register_assert_rewrite("legacy_claims")


def run(*command: str | pathlib.Path) -> str:
    """What the command says; CalledProcessError or TimeoutExpired if it fails."""
    return subprocess.run(
        command,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=INSTALL_SECONDS,
    ).stdout


def interpreter_of(environment: pathlib.Path) -> pathlib.Path:
    return environment / "bin" / "python"


def has_pexen(environment: pathlib.Path) -> bool:
    """Whether the environment is there, whole, and has the release."""
    code = "from importlib.metadata import version; print('pexen==' + version('pexen'))"
    try:
        answer = run(interpreter_of(environment), "-I", "-c", code)
    except (OSError, subprocess.SubprocessError):
        return False
    return answer.strip() == REQUIREMENT


def install(environment: pathlib.Path) -> None:
    """Make the environment; CalledProcessError or TimeoutExpired if it can't be made."""
    run(sys.executable, "-m", "venv", environment)
    pip = interpreter_of(environment), "-I", "-m", "pip", "--disable-pip-version-check"
    run(*pip, "install", "--quiet", REQUIREMENT)


def install_in_cache(cache: pathlib.Path) -> pathlib.Path:
    """The environment in the cache for this Python; made beside it and moved, if new."""
    environment = cache / str(sys.implementation.cache_tag)
    if not has_pexen(environment):
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as place:
            install(pathlib.Path(place) / "new")
            with contextlib.suppress(OSError):  # somebody else has made it in the meantime
                os.rename(pathlib.Path(place) / "new", environment)
    return environment


@pytest.fixture(scope="session")
def old_python(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The interpreter of an environment that has pexen 0.0.3.

    It is kept in the folder that PEXEN_LEGACY_ENV names, if set. Where it can't be
    installed, the tests that need it are skipped, but fail under CI.
    """
    cache = os.environ.get("PEXEN_LEGACY_ENV")
    try:
        if cache:
            environment = install_in_cache(pathlib.Path(cache).absolute())
        else:
            environment = tmp_path_factory.mktemp("legacy") / "env"
            install(environment)
    except (OSError, subprocess.SubprocessError) as exc:
        text = f"{REQUIREMENT} can't be installed: {exc}\n{getattr(exc, 'output', None) or ''}"
        if os.environ.get("CI"):
            pytest.fail(text, pytrace=False)
        pytest.skip(text)
    assert has_pexen(environment)
    return interpreter_of(environment)


@pytest.fixture(scope="session")
def old(old_python: pathlib.Path) -> Version:
    """pexen 0.0.3."""
    return Version(old_python)
