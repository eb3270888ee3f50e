"""The page about a run: its structure, its size, and that nothing breaks out of it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from pexen.report.html import html
from pexen.report.digest import MOST_TASKS, STATES, digest
from pexen.report.room import Room, as_json, fitted
from pexen.report.texts import plain

MEGABYTE = 1_000_000


def task(outcome: str | None = "ok", name: str = "retry", **more: Any) -> dict[str, Any]:
    return {
        "callpath": ["net", "tcp", name], "name": name, "outcome": outcome, "verdict": outcome,
        "started": 0.5, "duration": 1.25, "attempts": 1, "worker": "process-1", "reason": None,
        "traceback": None, "output": None, "results": [], "waits_for": [], "rerun": None, **more,
    }  # fmt: skip


def run(*tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "nightly", "began": 1_000_000_000.0, "elapsed": 3.5, "interrupted": False,
        "about": {"host": "build-7"}, "tasks": list(tasks), **more,
    }  # fmt: skip


class Page(HTMLParser):
    """What a reader of HTML makes of a page."""

    def __init__(self, document: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(document.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open:
            self.texts.setdefault(self._open[-1], []).append(data)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    def text(self, tag: str) -> str:
        return "".join(self.texts.get(tag, []))

    @property
    def data(self) -> Any:
        return json.loads(self.texts["script"][0])


def page(*tasks: dict[str, Any], **more: Any) -> Page:
    return Page(html(run(*tasks, **more)))


def test_the_page_says_in_a_word_how_it_went() -> None:
    def verdict(*outcomes: str | None, **more: Any) -> str:
        return page(*(task(each) for each in outcomes), **more).texts["p"][0]

    assert verdict("ok", "fresh", "skipped") == "passed"
    assert verdict("ok", "failed") == "failed"
    assert verdict("blocked") == verdict("cancelled") == verdict("no such word") == "failed"
    assert verdict("ok", None) == "unfinished"
    assert verdict("ok", None, interrupted=True) == "interrupted"
    assert verdict() == "nothing ran"
    assert page(task(verdict="warn")).texts["p"][0] == "warnings"


def test_the_head_has_the_name_the_time_and_the_counts() -> None:
    found = page(task(), task("failed"), task(), task("ok", verdict="warn"))
    assert found.text("h1") == "nightly"
    assert found.text("title") == "failed: nightly"
    assert found.of("time")[0]["datetime"] == "2001-09-09T01:46:40Z"
    assert ", 4 tasks in 3.50 s" in found.text("p")
    chips = [each["data-state"] for each in found.of("button")]
    assert list(zip(chips, found.texts["b"])) == [("failed", "1"), ("warn", "1"), ("ok", "2")]
    assert found.data["counts"] == {"failed": 1, "warn": 1, "ok": 2}


def test_each_state_has_a_colour() -> None:
    style = page().text("style")
    for state in STATES:
        assert style.count(f"--{state}: #") == 2, state  # light and dark
        assert f".{state} {{ --state: var(--{state}); }}" in style


def test_the_policy_allows_the_script_and_the_style_of_the_page_and_nothing_else() -> None:
    found = page(task())
    (policy,) = [
        each["content"] or ""
        for each in found.of("meta")
        if each.get("http-equiv") == "Content-Security-Policy"
    ]
    digests = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (found.texts["script"][1], found.texts["style"][0])
    ]
    assert policy == (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def test_nothing_is_fetched_from_anywhere() -> None:
    found = page(task("failed", reason="see http://example.org/"))
    assert not any("src" in attributes for _, attributes in found.tags)
    for _, attributes in found.tags:
        assert (attributes.get("href") or "#").startswith(("#", "data:image/svg+xml,"))
    assert not re.search(r"url\(|@import", found.text("style"))
    script = found.texts["script"][1]
    assert not re.search(r"\bfetch\(|XMLHttpRequest|\bimport\b|sendBeacon|WebSocket", script)


def test_the_script_makes_no_markup_of_texts() -> None:
    script = page().texts["script"][1]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|new Function|srcdoc", script
    )
    assert not re.search(r"[^\n -~µ×·…←→−]", script)


HOSTILE = (
    "</script><script>alert(1)</script><!-- <img src=x onerror=alert(2)> \" ' & \0 "
    "\x1b[31mred\x1b[0m \u2028 \u202e \udc80 \U0001f600 ]]> ${name} $name "
    "</title></noscript></style>"
)


def test_whatever_a_run_says_stays_a_text() -> None:
    texts = dict.fromkeys(("reason", "traceback", "output", "rerun", "worker", "name"), HOSTILE)
    results = [{"name": HOSTILE, "outcome": HOSTILE, "note": HOSTILE}]
    hostile = task("failed", callpath=[HOSTILE], results=results) | texts
    about = {HOSTILE: HOSTILE, "nested": {HOSTILE: [HOSTILE, float("nan")]}}
    found = page(hostile, name=HOSTILE, about=about)
    usual = page(task("failed", reason="a", rerun="b"))
    assert [tag for tag, _ in found.tags] == [tag for tag, _ in usual.tags]
    shown = plain(HOSTILE)
    assert r"</title></noscript>" in shown and r"\x00 red \u2028 \u202e \udc80" in shown
    (entry,) = found.data["tasks"]
    assert {entry[key] for key in ("reason", "traceback", "output", "rerun")} == {shown}
    assert entry["name"] == entry["results"][0]["name"] == entry["results"][0]["note"] == shown
    assert found.text("h1") == shown


def test_the_data_is_ascii_and_has_no_markup() -> None:
    document = html(run(task("failed", output=HOSTILE, reason=HOSTILE, name=HOSTILE)))
    data = document.split(b'id="data">')[1].split(b"</script>")[0]
    assert data.isascii() and not set(b"<>&") & set(data)
    assert document.count(b"</script>") == 2


def test_times_that_are_no_numbers_are_left_out() -> None:
    (entry,) = page(task(started=float("nan"), duration=float("inf"))).data["tasks"]
    assert "started" not in entry and "duration" not in entry


def test_terminal_sequences_are_taken_out_and_other_controls_shown() -> None:
    assert plain("\x1b[1;31mred\x1b[0m\x1b]0;title\x07 \x1b(Bplain\x1b]8;;x\x1b\\") == "red plain"
    assert plain("a\r\nb\rc\td") == "a\nb\nc\td"
    assert plain("\0\x07\x1b[") == r"\x00\x07\x1b["


def test_entries_have_what_there_is_and_nothing_else() -> None:
    value = digest(run(task(), task(None, started=None, duration=None, worker=None, attempts=0)))
    assert value["tasks"] == [
        {"name": "net/tcp/retry", "state": "ok", "started": 0.5, "duration": 1.25, "worker": 0},
        {"name": "net/tcp/retry", "state": "unfinished"},
    ]
    assert value["about"] == [["host", "build-7"]]
    assert digest(run(task("failed", rerun="pexen run x")))["tasks"][0]["rerun"] == "pexen run x"


def test_the_critical_path_and_the_culprits_are_in_the_page() -> None:
    data = page(
        task("failed", started=0.0, duration=2.0),
        task("ok", started=2.0, duration=1.0, waits_for=[0]),
        task("blocked", started=None, duration=None, waits_for=[0]),
    ).data
    assert data["path"] == [
        {"task": 0, "after": "first", "waited": 0.0},
        {"task": 1, "after": "required", "waited": 0.0},
    ]
    assert data["slowest"] == [0, 1]
    assert [each.get("culprits") for each in data["tasks"]] == [None, None, [0]]
    assert data["tasks"][1]["followed"] == [0]


def test_without_scripts_the_page_still_says_what_broke() -> None:
    document = html(
        run(task("failed", reason="OSError: <bad>", rerun="pexen run --only a"), task("ok"))
    ).decode()
    listed = document.split("<noscript>")[1].split("</noscript>")[0]
    assert "<b>failed</b> net/tcp/retry: OSError: &lt;bad&gt;" in listed
    assert "<code>pexen run --only a</code>" in listed and listed.count("<li>") == 1
    many = html(run(*(task("failed") for _ in range(250)))).decode()
    assert "<li>and 50 more</li>" in many


def test_the_same_run_gives_the_same_page() -> None:
    given = run(task("failed", output="x" * 50_000), task("blocked", waits_for=[0]))
    assert html(given) == html(given)


BIG = "<\x1b\U0001f600&é" * 10_000_000  # 50 million characters, 90 MB


@pytest.mark.parametrize("outcome", ["failed", "ok"])
def test_a_page_stays_small_however_much_the_tasks_printed(outcome: str) -> None:
    results = [{"name": BIG, "outcome": "fail", "note": BIG}] * 1_000
    everything = list(range(5_000))
    tasks = [
        task(
            outcome, callpath=[f"{number:04}", BIG], worker=BIG, output=BIG,
            reason=BIG, traceback=BIG, rerun=BIG, results=results, started=number,
            waits_for=everything[max(0, number - 100) : number], duration=1.0,
        )  # fmt: skip
        for number in range(5_000)
    ]
    document = html(run(*tasks, name=BIG, about={"text": BIG, "list": ["x"] * MEGABYTE}))
    assert len(document) < 5 * MEGABYTE
    first = Page(document).data["tasks"][0]
    for key in ("name", "output", "reason"):
        assert "characters left out]" in first[key]
    assert first["results_left_out"] == 800
    assert first["name"].startswith("0000/")


def test_of_more_tasks_than_a_page_has_room_for_the_failed_ones_are_kept() -> None:
    tasks = [task(number=n, started=float(n), duration=1.0) for n in range(MOST_TASKS + 100)]
    tasks[-50] |= {"outcome": "failed", "verdict": "failed", "waits_for": [0, MOST_TASKS + 90]}
    tasks[-1]["duration"] = 99.0
    value = digest(run(*tasks))
    assert len(value["tasks"]) == MOST_TASKS and value["left_out"] == 100
    assert value["counts"] == {"failed": 1, "ok": MOST_TASKS + 99}
    (failed,) = [each for each in value["tasks"] if each["state"] == "failed"]
    assert failed["started"] == MOST_TASKS + 50
    assert value["tasks"][value["slowest"][0]]["duration"] == 99.0
    assert value["path"][-1]["task"] == value["slowest"][0]


def test_of_too_many_results_those_that_are_not_well_are_kept() -> None:
    results = [{"name": str(n), "outcome": "ok", "note": ""} for n in range(300)]
    results[250]["outcome"] = "fail"
    (entry,) = digest(run(task("failed", results=results)))["tasks"]
    assert entry["results_left_out"] == 100 and len(entry["results"]) == 200
    assert [each["name"] for each in entry["results"] if each["outcome"] == "fail"] == ["250"]


def test_of_too_many_that_a_task_waited_for_the_bad_ones_are_kept() -> None:
    tasks = [task("failed" if n == 99 else "ok") for n in range(100)]
    value = digest(run(*tasks, task("blocked", waits_for=list(range(100)))))
    last = value["tasks"][-1]
    assert 99 in last["followed"] and last["followed_left_out"] == 50
    assert last["culprits"] == [99]


@pytest.mark.parametrize("text", ["", "short", "x" * 500, "<" * 500, "\U0001f600" * 500, "\0" * 45])
@pytest.mark.parametrize("room", [0, 50, 300, 10_000])
def test_a_text_takes_up_no_more_room_than_it_has(text: str, room: int) -> None:
    kept = fitted(text, room)
    assert len(as_json(kept)) <= room or kept == f"[{len(text)} characters left out]" or not text
    if len(as_json(plain(text))) <= room:
        assert kept == plain(text)


def test_room_that_a_text_does_not_need_is_there_for_the_next() -> None:
    room = Room(1_000, 800, 0, 2)
    assert room.take("short") == "short"
    assert len(room.take("x" * 790)) == 790
    room = Room(1_000, 800, 0, 2)
    assert len(room.take("x" * 790)) < 500


def test_where_there_is_too_little_room_for_all_the_first_have_some() -> None:
    room = Room(1_000, 800, 400, 100)
    assert [room.take("x" * 300)[:3] for _ in range(5)] == ["xxx", "xxx", "[30", "[30", "[30"]
