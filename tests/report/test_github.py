"""What is said to GitHub Actions."""

from __future__ import annotations

import html
import pathlib
import re
from typing import Any

import pytest

from pexen.report import github
from pexen.report.texts import LIMIT


def result(outcome: str = "failed", **more: Any) -> dict[str, Any]:
    return {"callpath": ["net", "tcp"], "outcome": outcome, "duration": 1.25, **more}


def test_it_is_github_that_says_so() -> None:
    assert github.wanted({"GITHUB_ACTIONS": "true"})
    assert not github.wanted({"GITHUB_ACTIONS": "false"}) and not github.wanted({})


def test_a_failure_is_an_annotation() -> None:
    assert github.errors([result(reason="OSError: bad", file="a/tcp.py", line=7)]) == [
        "::error file=a/tcp.py,line=7,title=net/tcp::failed: OSError: bad"
    ]
    assert github.errors([result("lost")]) == ["::error title=net/tcp::lost"]


def test_there_are_ten_annotations_at_most_and_only_of_what_failed() -> None:
    assert len(github.errors([result() for _ in range(30)])) == 10
    others = ("ok", "fresh", "skipped", "blocked", "cancelled")
    assert github.errors([result(outcome) for outcome in others]) == []
    assert len(github.errors([result(outcome) for outcome in ("failed", "timeout", "lost")])) == 3


def test_annotations_are_escaped() -> None:
    hostile = "50%: a,b\r\n::error::x\x1b[31m\0\udc80"
    (line,) = github.errors([result(reason=hostile, file=hostile) | {"callpath": [hostile]}])
    escaped = r"50%25%3A a%2Cb\r\n%3A%3Aerror%3A%3Ax\x1b[31m\x00\udc80"
    message = r"failed: 50%25: a,b%0A::error::x\x1b[31m\x00\udc80"
    assert line == f"::error file={escaped},title={escaped}::{message}"


def test_long_texts_are_cut_in_annotations() -> None:
    long = "x" * 1_000_000
    (line,) = github.errors([result(reason=long, file=long) | {"callpath": [long]}])
    assert len(line) < 6000 and "characters left out" in line


def commands(log: str) -> list[str]:
    """The commands in a log, as GitHub's runner finds them."""
    found, token = [], None
    for line in re.split("\r\n|\r|\n", log):
        match = re.match(r"\s*::([^ :]+)( [^:]*)?::", line)
        if token is not None:
            if match and match[1] == token:
                token = None
        elif match and match[1] == "stop-commands":
            token = line.strip().removeprefix("::stop-commands::")
        elif match:
            found.append(match[1])
        elif "##[" in line:
            found.append(line)
    assert token is None
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "a\n::error::mine\n::endgroup::\n",
        "a\r::set-env name=PATH::x\r",
        "##[error]mine",
        "::stop-commands::mine\n::mine::\n::add-mask::a",
        "\n::error::mine",
    ],
)
def test_what_a_task_prints_is_no_command(text: str) -> None:
    log = github.group("net/tcp\n::error::mine", text)
    assert commands(log) == ["group", "endgroup"]
    assert text.removesuffix("\n") in log
    assert commands(github.inert(text)) == []


def test_the_commands_of_the_log_reader_above_are_found() -> None:
    log = "a\r::error::x\n::add-mask::y\n##[group]z"
    assert commands(log) == ["error", "add-mask", "##[group]z"]


def test_a_group_has_its_name_in_one_line() -> None:
    first, *_, last = github.group("50%\n", "text").splitlines()
    assert (first, last) == (r"::group::50%25\n", "::endgroup::")


def test_each_token_is_another() -> None:
    assert github.inert("a") != github.inert("a")


def test_a_long_output_is_cut() -> None:
    assert len(github.group("a", "x" * 3 * LIMIT)) < LIMIT + 1000


def test_the_summary_counts_all_and_shows_what_is_not_well() -> None:
    text = github.summary(
        [
            result("ok"),
            result("ok", verdict="warn", reason="slow"),
            result("failed", reason="OSError: bad"),
            result("blocked", duration=None),
        ],
        3.5,
    )
    assert html.unescape(text) == (
        "### 4 tasks\n\n"
        "2 <code>ok</code>, 1 <code>failed</code>, 1 <code>blocked</code>, in 3.50 s\n\n"
        "| outcome | task | seconds | reason |\n"
        "|---|---|---:|---|\n"
        "| <code>warn</code> | <code>net/tcp</code> | 1.25 | <code>slow</code> |\n"
        "| <code>failed</code> | <code>net/tcp</code> | 1.25 | <code>OSError: bad</code> |\n"
        "| <code>blocked</code> | <code>net/tcp</code> |  |  |\n"
    )


def test_a_run_of_which_all_is_well_has_no_table() -> None:
    assert "|" not in github.summary([result("ok"), result("skipped")], 1.0)
    assert github.summary([], 0.0, interrupted=True) == (
        "### 0 tasks, interrupted\n\nnothing ran, in 0.00 s\n"
    )


def test_hostile_names_do_not_break_the_table() -> None:
    hostile = "a|b`c` \\| <script>\r\n\n# *x* [l](http://e) ![i](/e) @m </code> __y__ &lt;\0\udc80"
    text = github.summary([result(reason=hostile) | {"callpath": [hostile]}], 1.0)
    (row,) = [line for line in text.splitlines() if "failed" in line and line.startswith("|")]
    assert row.count("|") == 5
    outcome, name, _, reason = (cell.strip() for cell in row.strip("|").split("|"))
    for cell in (outcome, name, reason):
        assert re.fullmatch(r"<code>[\w /&#;-]*</code>", cell) and "_" not in cell
        assert not re.search(r"&(?!#\d+;)|(?<!&)#", cell)
    shown = hostile.replace("\r\n\n", r"\r\n\n").replace("\0", r"\x00").replace("\udc80", r"\udc80")
    assert html.unescape(name) == f"<code>{shown}</code>"


def test_a_summary_is_never_longer_than_github_shows() -> None:
    bad = result(reason="|" * 1000) | {"callpath": ["漢" * 1000]}
    text = github.summary([bad] * 2000, 1.0)
    assert len(text.encode()) < github.SUMMARY_LIMIT
    rows = text.count("\n| <code>failed")
    assert rows > 100 and f"{2000 - rows} more of them are left out" in text


def test_the_summary_is_appended(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "summary"
    path.write_text("before\n")
    assert github.append_summary("é\udc80\n", {"GITHUB_STEP_SUMMARY": str(path)}) is None
    assert path.read_text() == "before\né\\udc80\n"


def test_a_summary_for_which_there_is_no_room_is_a_problem(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "summary"
    path.write_bytes(b"x" * (github.SUMMARY_LIMIT - 2))
    environ = {"GITHUB_STEP_SUMMARY": str(path)}
    assert github.append_summary("ab", environ) is None
    assert "no room for 1 more" in str(github.append_summary("c", environ))
    assert path.stat().st_size == github.SUMMARY_LIMIT


@pytest.mark.parametrize("path", ["{tmp}", "{tmp}/none/file", "nul\0"])
def test_a_summary_that_cannot_be_written_is_a_problem(path: str, tmp_path: pathlib.Path) -> None:
    problem = github.append_summary("a", {"GITHUB_STEP_SUMMARY": path.format(tmp=tmp_path)})
    assert problem is not None and problem.startswith("the summary of the step can't be written")


def test_a_summary_that_has_nowhere_to_go_is_a_problem() -> None:
    assert "GITHUB_STEP_SUMMARY isn't set" in str(github.append_summary("a", {}))
