"""Every block of the documentation does what the page says, and every link leads somewhere."""

from __future__ import annotations

import json
import os
import pathlib
import re
import select
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest
from snippets import PAGES, PROJECT, Block, blocks_of, prose_of, same

LIMIT = 30  # seconds after which a block counts as hung

_HERE = pathlib.Path(__file__).parent
_MARK = "\x01"


def environment(bin_folder: pathlib.Path, temporary: pathlib.Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PEXEN", "PYTHON"))}
    return kept | {
        "COLUMNS": "90",
        "LC_ALL": "C.UTF-8",
        "PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(PROJECT),
        "TMPDIR": str(temporary),
    }


@pytest.fixture(scope="module")
def env(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which `pexen` and `python3` are what is being tested."""
    folder = tmp_path_factory.mktemp("bin")
    python = shlex.quote(sys.executable)
    for name, command in (("python3", python), ("pexen", f"{python} -m pexen")):
        (folder / name).write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        (folder / name).chmod(0o755)
    return environment(folder, tmp_path_factory.mktemp("temporary"))


class Page:
    """Does what a page says, block by block, in a folder of its own."""

    def __init__(self, folder: pathlib.Path, env: dict[str, str]) -> None:
        self.folder = folder
        self.env = env
        self._interpreter: subprocess.Popen[str] | None = None

    def close(self) -> None:
        if self._interpreter is not None:
            self._interpreter.kill()
            self._interpreter.communicate()

    def do(self, page: pathlib.Path) -> None:
        blocks = blocks_of(page)
        while blocks:
            block = blocks.pop(0)
            follows = bool(blocks) and blocks[0].language == "text" and not blocks[0].comments
            if block.comment("not run") is not None:
                continue
            if block.comment("quoted from") is not None:
                self.quoted(block)
                continue
            if block.comment("file") is not None:
                self.write(block)
            elif block.language == "python":
                written = re.findall(r"# prints: (.*)", block.text)
                expected = "\n".join(written)
                if not written and follows:
                    expected = blocks.pop(0).text
                self.compare(block, expected, self.python(block))
            elif block.language == "console":
                self.console(block)
            elif block.comment("command") == "run":
                assert follows, f"{block}: its output should follow"
                shown, status = self.shell(block.text, PROJECT)
                assert status == 0, f"{block}: exit status {status}\n{shown}"
                self.compare(block, blocks.pop(0).text, shown)
            elif block.comment("command") == "test":
                pass  # these tests are what it runs
            else:
                raise AssertionError(f"{block}: a {block.language} block that nothing comes before")

    def write(self, block: Block) -> None:
        name, _, origin = (block.comment("file") or "").partition("; same as ")
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
        if origin:
            assert block.text == (PROJECT / origin).read_text(), f"{block}: not as in {origin}"

    def quoted(self, block: Block) -> None:
        origin = block.comment("quoted from") or ""
        lines = [line.strip() for line in (PROJECT / origin).read_text().splitlines()]
        wanted = [line.strip() for line in block.text.splitlines()]
        starts = [n for n in range(len(lines)) if lines[n : n + len(wanted)] == wanted]
        assert starts, f"{block}: not in {origin}"

    def python(self, block: Block) -> str:
        if self._interpreter is None:
            self._interpreter = subprocess.Popen(
                [sys.executable, str(_HERE / "interpreter.py")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd=self.folder,
                env=self.env,
                text=True,
            )
        assert self._interpreter.stdin and self._interpreter.stdout
        name = str(block.page.relative_to(PROJECT))
        request = {"code": block.text, "name": name, "line": block.line}
        print(json.dumps(request), file=self._interpreter.stdin, flush=True)
        ready, _, _ = select.select([self._interpreter.stdout], [], [], LIMIT)
        assert ready, f"{block}: still running after {LIMIT} s"
        shown, done = json.loads(self._interpreter.stdout.readline())
        assert done, f"{block}: raised\n{shown}"
        return str(shown)

    def console(self, block: Block) -> None:
        """Run the commands, each after a `$`, in one shell; `\\` goes on in the next line."""
        chunks = re.split(r"^\$ ((?:.*\\\n)*.*)\n", block.text, flags=re.M)
        assert chunks[0] == "" and len(chunks) > 1, f"{block}: doesn't start with a command"
        commands, outputs = chunks[1::2], chunks[2::2]
        mark = f"__s=$?; printf '{_MARK}%s{_MARK}' $__s; (exit $__s)"
        shown, _ = self.shell("".join(f"{command}\n{mark}\n" for command in commands), self.folder)
        parts = shown.split(_MARK)
        for number, command in enumerate(commands):
            output, status = parts[2 * number : 2 * number + 2]
            next_one = commands[number + 1] if number + 1 < len(commands) else ""
            asked = status == "0" or next_one == "echo $?"
            assert asked, f"{block}: $ {command}\nhas the exit status {status}\n{output}"
            self.compare(block, outputs[number], output, command)

    def shell(self, script: str, folder: pathlib.Path) -> tuple[str, int]:
        env = self.env
        if folder == PROJECT:  # where a run shall neither find state nor leave any
            env = env | {"PEXEN_STATE_DIR": str(self.folder / ".pexen")}
        ended = subprocess.run(
            ["bash", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=env,
            text=True,
            timeout=LIMIT,
        )
        return ended.stdout, ended.returncode

    def compare(self, block: Block, expected: str, shown: str, command: str = "") -> None:
        shown = shown.replace(f"{self.folder}/", "").replace(str(self.folder), ".")
        in_order = block.comment("lines in any order") is None
        assert same(expected.rstrip("\n"), shown.rstrip("\n"), in_order), (
            f"{block}: {command}\n-- the page says\n{expected}\n-- in fact\n{shown}"
        )


@pytest.fixture
def page_runner(tmp_path: pathlib.Path, env: dict[str, str]) -> Iterator[Page]:
    runner = Page(tmp_path, env)
    yield runner
    runner.close()


def name_of(page: pathlib.Path) -> str:
    return str(page.relative_to(PROJECT))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_says_what_happens(page: pathlib.Path, page_runner: Page) -> None:
    page_runner.do(page)


NOT_RUN = [b for page in PAGES for b in blocks_of(page) if b.comment("not run") is not None]


@pytest.mark.parametrize("block", NOT_RUN, ids=str)
def test_a_block_that_is_not_run_has_a_reason(block: Block) -> None:
    reason = block.comment("not run")
    assert reason, f"{block}: say why"
    pytest.skip(f"{block}: {reason}")


KNOWN = {"command", "file", "lines in any order", "not run", "quoted from"}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_the_comments_of_a_page_are_known(page: pathlib.Path) -> None:
    for block in blocks_of(page):
        for comment in block.comments:
            assert comment.partition(":")[0].strip() in KNOWN, f"{block}: {comment}"


COMMANDS = [b for page in PAGES for b in blocks_of(page) if b.comment("command") is not None]


def test_the_two_commands_are_in_the_readme_once_each() -> None:
    assert [(name_of(b.page), b.comment("command")) for b in COMMANDS] == [
        ("README.md", "run"),
        ("README.md", "test"),
    ]
    run, test = COMMANDS
    assert len(run.text.splitlines()) == len(test.text.splitlines()) == 1
    assert "pexen run doc/examples/" in run.text and "tests/all.py" in test.text


def test_what_ci_runs_is_the_command_of_the_readme() -> None:
    function = "source <(sed -n '/^command_of/,/^}/p' .ci/run); command_of"
    for name, block in (("run", 0), ("test", 1)):
        script = ["bash", "-euc", f"{function} {name}"]
        found = subprocess.run(script, capture_output=True, text=True, cwd=PROJECT, check=True)
        assert found.stdout == COMMANDS[block].text


# -- links ----------------------------------------------------------------------------------


def anchors(page: pathlib.Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose_of(page), flags=re.M)
    slugs = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return set(slugs)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: pathlib.Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", prose_of(page)):
        if re.match(r"[a-z]+://", link):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        assert path.exists() and path.is_relative_to(PROJECT), f"{name_of(page)}: {link}"
        if anchor:
            assert anchor in anchors(path), f"{name_of(page)}: {link}"


@pytest.mark.parametrize("index", sorted(PROJECT.glob("doc/**/README.md")), ids=name_of)
def test_an_index_names_every_page_beside_it(index: pathlib.Path) -> None:
    text = index.read_text()
    for page in index.parent.glob("*.md"):
        assert page == index or f"({page.name})" in text, page.name
