"""Files that tests attach are kept, as they were then."""

from __future__ import annotations

import functools
import os
import pathlib
from collections.abc import Callable
from typing import Any

import pytest

from pexen import task
from pexen.sched import TaskSkip
from pexen.sched.common import CALLPATH_ATTR_NAME
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.sched.pool.base import WorkerPool
from pexen.suite import Attachment, Suite, SuiteError, SuiteRes, attach

METHODS = os.environ.get("PEXEN_START_METHODS", "fork forkserver spawn").split()
POOLS: dict[str, Callable[[], WorkerPool]] = {
    "threads": lambda: ThreadWorkerPool(2),
    **{name: functools.partial(ProcessWorkerPool, 2, start_method=name) for name in METHODS},
}


@task
def attaches(shared: dict[str, Any], *, place: str) -> str:
    log = pathlib.Path(place) / "log.txt"
    log.write_text("first")
    first = attach(log)
    log.write_text("second")
    attach(str(log))
    attach(log, "the last/one")
    log.unlink()
    return first


@task
def skips(shared: dict[str, Any], *, place: str) -> None:
    log = pathlib.Path(place) / "why"
    log.touch()
    attach(log)
    raise TaskSkip("no disk")


@pytest.mark.parametrize("make", POOLS.values(), ids=POOLS)
def test_attachments_are_copied_at_once_and_come_with_the_result(
    make: Callable[[], WorkerPool], tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for each in (attaches, skips):
        task(each, kwargs={"place": str(tmp_path)})
    monkeypatch.chdir(tmp_path)
    suite = Suite([attaches, skips], attachments="kept/here")
    results = {res.task: res for res in suite.run(make())}
    found = results[attaches].attachments
    assert [each.name for each in found] == ["log.txt", "log.txt", "the last/one"]
    assert [pathlib.Path(each.path).read_text() for each in found] == ["first", "second", "second"]
    folder = tmp_path / "kept" / "here" / "attaches"
    assert {each.path for each in found} == {str(each) for each in folder.iterdir()}
    assert results[attaches].ret == found[0].path == str(folder / "log.txt")
    (why,) = results[skips].attachments
    assert why == Attachment("why", str(tmp_path / "kept" / "here" / "skips" / "why"))
    assert results[skips].outcome == "skipped"


def one(body: Callable[[], object], **options: Any) -> SuiteRes:
    (res,) = Suite([body], **options).run()
    return res


def error_of(res: SuiteRes) -> str:
    return "" if res.excinfo is None else str(res.excinfo.val)


def test_without_a_folder_the_error_says_how_to_give_one(tmp_path: pathlib.Path) -> None:
    res = one(lambda: attach(tmp_path / "x"))
    assert res.excinfo is not None and res.excinfo.type is SuiteError
    assert error_of(res).endswith("give it one by Suite(..., attachments=folder)")


def test_outside_of_a_task_nothing_can_be_attached(tmp_path: pathlib.Path) -> None:
    with pytest.raises(SuiteError, match="attachment '.*x' was made outside of a task"):
        attach(tmp_path / "x")


def test_where_nothing_is_attached_no_folder_is_made(tmp_path: pathlib.Path) -> None:
    assert one(lambda: 1, attachments=tmp_path / "kept").attachments == ()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "file"),
        ("", "file"),
        ("/", "_"),
        (".hidden", "hidden"),
        ("-rf", "rf"),
        ("a b\n\0\x1b[31m'\"$(x).txt", "a_b_31m_x_.txt"),
        ("\ud800é<script>.html", "_é_script_.html"),
        ("x" * 1000 + ".log", "x" * 196 + ".log"),
        ("é" * 1000, "é" * 100),
        ("a." + "x" * 1000, "a." + "x" * 198),
    ],
)
def test_a_file_has_a_safe_name_whatever_it_is_called(
    name: str, expected: str, tmp_path: pathlib.Path
) -> None:
    file = tmp_path / "file"
    file.write_text("x")

    def keeps() -> None:
        attach(file, name)

    setattr(keeps, CALLPATH_ATTR_NAME, ["..", "/a", "..", name])
    res = one(keeps, attachments=tmp_path / "kept")
    (found,) = res.attachments
    path = pathlib.Path(found.path)
    assert (found.name, path.name, path.read_text()) == (name, expected, "x")
    assert path.resolve().parents[1] == tmp_path / "kept"


def test_what_has_the_same_name_is_kept_apart(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "a.txt"

    def make(number: int) -> Callable[[], None]:
        def keeps() -> None:
            own = tmp_path / f"{number}.txt"
            own.write_text(str(number))
            attach(own, "a.txt")

        setattr(keeps, CALLPATH_ATTR_NAME, ["same"])
        return keeps

    for attempt in range(2):
        suite = Suite(map(make, range(50)), attachments=tmp_path / "kept")
        paths = [res.attachments[0].path for res in suite.run(ProcessWorkerPool(2))]
        assert sorted(int(pathlib.Path(path).read_text()) for path in paths) == [*range(50)]
    assert len(list((tmp_path / "kept" / "same").iterdir())) == 100 and not file.exists()


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_regular_files_are_taken(kind: str, tmp_path: pathlib.Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device").symlink_to("/dev/zero")
    descriptors = len(os.listdir("/proc/self/fd"))
    res = one(lambda: attach(tmp_path / kind), attachments=tmp_path / "kept")
    assert res.outcome == "failed" and "is no regular file; attach a copy" in error_of(res)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_file_that_is_not_there_is_an_error_of_the_task(tmp_path: pathlib.Path) -> None:
    res = one(lambda: attach(tmp_path / "x"), attachments=tmp_path / "kept")
    assert res.excinfo is not None and res.excinfo.type is FileNotFoundError


def test_of_what_can_not_be_copied_nothing_is_left(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(original: Any, copy: Any) -> None:
        copy.write(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("shutil.copyfileobj", full)
    (tmp_path / "x").touch()
    res = one(lambda: attach(tmp_path / "x"), attachments=tmp_path / "kept")
    assert (error_of(res), res.attachments) == ("no space left", ())
    assert [each for each in (tmp_path / "kept").rglob("*") if each.is_file()] == []


def test_a_link_is_followed_when_it_is_read_and_never_when_it_is_written(
    tmp_path: pathlib.Path,
) -> None:
    (tmp_path / "x").write_text("content")
    (tmp_path / "link").symlink_to("x")

    def keeps() -> None:
        attach(tmp_path / "link")

    setattr(keeps, CALLPATH_ATTR_NAME, ["keeps"])
    (tmp_path / "kept" / "keeps").mkdir(parents=True)
    (tmp_path / "kept" / "keeps" / "link").symlink_to(tmp_path / "elsewhere")
    (found,) = one(keeps, attachments=tmp_path / "kept").attachments
    assert pathlib.Path(found.path).name == "link-2"
    assert pathlib.Path(found.path).read_text() == "content"
    assert not (tmp_path / "elsewhere").exists()
