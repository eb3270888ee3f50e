"""A runner for tests that are small scripts: commands, their output, their exit status."""

from __future__ import annotations

import os
import pathlib
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from warm import Warm

PROJECT = pathlib.Path(__file__).parents[2]
PEXEN = (sys.executable, "-m", "pexen")
LIMIT = 60  # seconds after which a command counts as hung

_ASSIGNMENT = re.compile(r"[A-Z_]+=.*")


class Cli:
    """Runs `pexen` in a folder of its own."""

    def __init__(self, folder: pathlib.Path, warm: Warm) -> None:
        self.folder = folder
        self.env = dict(warm.env)
        self._warm = warm
        self._started: list[subprocess.Popen[str]] = []

    def write(self, name: str, text: str, executable: bool = False) -> pathlib.Path:
        """Write a file, made of the text without its common indentation."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
        if executable:
            path.chmod(0o755)
        return path

    def start(
        self, *args: str, command: Sequence[str] = PEXEN, **options: Any
    ) -> subprocess.Popen[str]:
        """Start `pexen` with the arguments; stdout is a pipe, and stderr goes there too."""
        settings: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        settings |= {"cwd": self.folder, "env": self.env, "text": True, **options}
        process = subprocess.Popen([*command, *args], **settings)
        self._started.append(process)
        return process

    def run(self, *args: str, **options: Any) -> tuple[str, str, int]:
        """Run it to its end: (stdout, stderr, status).

        If nothing is asked of its surroundings, an interpreter that is there already is used.
        """
        together = {"stderr": subprocess.STDOUT}
        if self.env == self._warm.env and options in ({}, together):
            return self._warm.run(args, self.folder, bool(options), LIMIT)
        process = self.start(*args, **{"stderr": subprocess.PIPE, **options})
        out, err = process.communicate(timeout=LIMIT)
        return out, err, process.returncode

    def close(self) -> None:
        """End what a failed test left behind."""
        for process in self._started:
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()

    def script(self, text: str) -> None:
        """Run each line that begins with `$`, and compare what it says with the lines after it.

        Stderr counts as well. An exit status other than 0 is a last line `[status]`. A line
        `...` stands for any number of lines, and ` ...` at the end of a line for its rest.
        Durations are written `N s`, pids `pid N`, the folder `FOLDER`.
        """
        chunks = re.split(r"^\$ ", textwrap.dedent(text).strip() + "\n", flags=re.M)
        assert chunks[0] == "", f"a script starts with a command, not with {chunks[0]!r}"
        for chunk in chunks[1:]:
            command, _, expected = chunk.partition("\n")
            shown = self._shown(shlex.split(command))
            assert _matches(expected.rstrip("\n"), shown), f"$ {command}\n{shown}"

    def _shown(self, words: Sequence[str]) -> str:
        env: dict[str, str] = {}
        words = list(words)
        while _ASSIGNMENT.fullmatch(words[0]):
            name, _, value = words.pop(0).partition("=")
            env[name] = value
        assert words[0] == "pexen", words
        options = {"env": self.env | env} if env else {}
        out, _, status = self.run(*words[1:], stderr=subprocess.STDOUT, **options)
        return self.normalised(out) + (f"\n[{status}]" if status else "")

    def normalised(self, text: str) -> str:
        """The text without what differs from run to run."""
        text = re.sub(r"\b\d+\.\d\d s\b", "N s", text)
        text = re.sub(r"\bpid \d+", "pid N", text)
        return text.replace(str(self.folder), "FOLDER").rstrip("\n")


def _matches(expected: str, shown: str) -> bool:
    pattern = ""
    for line in expected.split("\n"):
        if line == "...":
            pattern += r"(.*\n)*?"
        elif line.endswith(" ..."):
            pattern += re.escape(line[:-3]) + r".*\n"
        else:
            pattern += re.escape(line) + r"\n"
    return re.fullmatch(pattern, shown + "\n") is not None


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    """One for a whole file of tests, which is gone when others look for what was left behind."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
    settings = {"COLUMNS": "90", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(PROJECT)}
    warm = Warm(kept | settings)
    yield warm
    warm.close()


@pytest.fixture
def cli(tmp_path: pathlib.Path, warm: Warm) -> Iterator[Cli]:
    cli = Cli(tmp_path, warm)
    yield cli
    cli.close()
