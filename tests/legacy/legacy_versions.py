"""The two versions of pexen that the same code is run with, each in its own interpreter."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

import pexen

HERE = pathlib.Path(__file__).parent


@dataclass(frozen=True)
class Ending:
    """How a script ended: its exit code, None if its time was up, and what it said."""

    code: int | None
    stdout: str
    stderr: str

    @property
    def hung(self) -> bool:
        return self.code is None


@dataclass
class Script:
    """A script that runs, as leader of a process group of its own."""

    process: subprocess.Popen[bytes]
    stdout: IO[bytes]
    stderr: IO[bytes]

    def finish(self, timeout: float) -> Ending:
        """Wait for its end, and end it and all that it left behind when the time is up."""
        try:
            code: int | None = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        return Ending(code, self._said(self.stdout), self._said(self.stderr))

    def _said(self, file: IO[bytes]) -> str:
        file.seek(0)
        with file:
            return file.read().decode()


@dataclass(frozen=True)
class Version:
    """An interpreter, and where it finds pexen: in its own packages, or at `path`."""

    executable: pathlib.Path
    path: pathlib.Path | None = None

    def start(self, script: str, *args: str, options: Iterable[str] = ()) -> Script:
        """Start a script of this directory."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        if self.path is not None:
            env["PYTHONPATH"] = str(self.path)
        # Files, as a pipe would be held open by the processes that a script leaves behind.
        stdout, stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        process = subprocess.Popen(
            [self.executable, *options, HERE / script, *args],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
            start_new_session=True,
        )
        return Script(process, stdout, stderr)

    def run(self, script: str, *args: str, timeout: float) -> str:
        """What the script prints; an error if it fails or isn't done in time."""
        ending = self.start(script, *args).finish(timeout)
        if ending.code != 0:
            what = f"hung for {timeout} s" if ending.hung else f"ended with {ending.code}"
            said = f"{ending.stdout[-2000:]}\n{ending.stderr[-4000:]}"
            raise RuntimeError(f"{script} {what} in {self.executable}; last it said:\n{said}")
        return ending.stdout


OURS = Version(pathlib.Path(sys.executable), pathlib.Path(pexen.__file__).parents[1])
