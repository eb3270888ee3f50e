"""Scripts of `programs/` as processes of their own, and the means to see what they leave behind.

Every process that comes from one, whoever its parent is by now and whatever its group or
session, is known by a variable of its environment.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import select
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from typing import IO, NamedTuple

HERE = pathlib.Path(__file__).parent
PROJECT = HERE.parents[1]

# Tests that the matrix wants many of are run that often only if this is set.
FULL = os.environ.get("PEXEN_FULL_FAULTS") == "1"

# Within which a program that was told to end has to be gone with all that it started.
PROMPT_SECONDS = 2.0

# After which what should happen at any moment counts as never happening.
LIMIT_SECONDS = 60.0

_MARK = "FAULT_PROGRAM"
_LOOK_AGAIN_SECONDS = 0.01


class End(NamedTuple):
    """How a program ended: its status (minus a signal), what it wrote, after how long."""

    status: int
    out: str
    err: str
    seconds: float


def wait_until(holds: Callable[[], bool], seconds: float = LIMIT_SECONDS) -> bool:
    """Whether something comes to hold in that time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() >= end:
            return False
        time.sleep(_LOOK_AGAIN_SECONDS)
    return True


class Program:
    """A context in which a script runs, as the leader of a session; kills all that is left.

    Any warning would be an error there.
    """

    def __init__(
        self, *command: str, script: str = "", folder: pathlib.Path | None = None
    ) -> None:
        if script:
            command = (str(HERE / "programs" / script), *command)
        self._folder = folder
        self._command = [sys.executable, "-W", "error", "-X", "faulthandler", *command]
        self._mark = uuid.uuid4().hex
        self._rest = b""  # of stdout, not returned as a line yet
        self._err: IO[bytes] = tempfile.TemporaryFile()

    def __enter__(self) -> Program:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
        env = kept | {
            _MARK: self._mark,
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": os.pathsep.join([str(HERE), str(PROJECT)]),
        }
        self.process = subprocess.Popen(
            self._command,
            env=env,
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._err,
            start_new_session=True,
        )
        self.pid = self.process.pid
        return self

    def __exit__(self, *exc: object) -> None:
        while left := self.left():
            for pid in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self.process.poll()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._err.close()

    def line(self, seconds: float = LIMIT_SECONDS) -> str:
        """The next line of its stdout."""
        end = time.monotonic() + seconds
        while b"\n" not in self._rest:
            if not self._read(max(0.0, end - time.monotonic())):
                raise AssertionError(f"no line; it wrote {self._rest!r}\n{self.errors()}")
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode()

    def _read(self, seconds: float) -> bool:
        assert self.process.stdout is not None
        fd = self.process.stdout.fileno()
        if not select.select([fd], [], [], seconds)[0]:
            return False
        chunk = os.read(fd, 1 << 16)
        self._rest += chunk
        return bool(chunk)

    def errors(self) -> str:
        """What it wrote to stderr so far."""
        size = os.fstat(self._err.fileno()).st_size
        return os.pread(self._err.fileno(), size, 0).decode()

    def signal(self, number: int) -> None:
        """Send a signal to its process group, as a terminal does."""
        os.killpg(self.pid, number)

    def end(self, seconds: float = PROMPT_SECONDS) -> End:
        """Wait for its end; after `seconds` fail, and say where it is."""
        begun = time.monotonic()
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            held = self.describe_left()
            os.kill(self.pid, signal.SIGABRT)  # faulthandler then writes the stacks to stderr
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            raise AssertionError(f"still there after {seconds} s\n{held}{self.errors()}") from None
        took = time.monotonic() - begun
        while self._read(0):
            pass
        out, self._rest = self._rest, b""
        return End(status, out.decode(), self.errors(), took)

    def left(self) -> list[int]:
        """The processes there are now that came from it, itself included."""
        wanted = f"{_MARK}={self._mark}".encode()
        found = []
        for folder in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):  # it has just ended, or is another user's
                if wanted in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found

    def describe_left(self) -> str:
        """For a message: what came from it and is there now."""
        lines = []
        for pid in self.left():
            with contextlib.suppress(OSError):
                words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                text = b" ".join(words).decode(errors="replace")
                lines.append(f"{pid} (parent {state[1]}, group {state[2]}, {state[0]}) {text}\n")
        return "".join(lines)

    def check_gone(self, seconds: float = PROMPT_SECONDS) -> None:
        """Fail unless all that came from it is gone in that time."""
        if not wait_until(lambda: not self.left(), seconds):
            raise AssertionError(f"left after {seconds} s:\n{self.describe_left()}{self.errors()}")
