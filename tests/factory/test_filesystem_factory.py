"""Executable files as tasks."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pexen import PexenWarning
from pexen.factory import FilesystemFactory, get_callpath
from pexen.sched import TaskSkip

SCRIPT = "#!/bin/sh\necho $0 in $(pwd)\n"


@pytest.fixture
def ex(tree: Any) -> Path:
    """A folder tree/ex with executables, hidden ones, and other files."""
    folder: Path = tree.root / "tree" / "ex"
    tree.write(
        {
            "b.sh": SCRIPT,
            "a.sh": SCRIPT,
            "data.txt": "no script",
            ".hidden.sh": SCRIPT,
            ".hidden/x.sh": SCRIPT,
            "Sub/deep/run": SCRIPT,
            "Sub/run": SCRIPT,
            "__pycache__/x": SCRIPT,
        },
        folder,
    )
    return folder


def test_executables_are_found_sorted_and_parents_before_children(ex: Path, places: Any) -> None:
    prefix = str(ex)[1:]
    assert places(FilesystemFactory()(str(ex))) == [
        f"{prefix}/{name}" for name in ("a.sh", "b.sh", "Sub/run", "Sub/deep/run")
    ]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("tree/ex", ["tree", "ex", "a.sh"]),
        ("./tree/ex/", [".", "tree", "ex", "a.sh"]),
        ("tree//ex", ["tree", "ex", "a.sh"]),
        (Path("tree"), ["tree", "ex", "a.sh"]),
        ("tree/ex/a.sh", ["tree", "ex", "a.sh"]),
    ],
)
def test_a_callpath_has_the_components_of_the_path_as_given(
    ex: Path, monkeypatch: pytest.MonkeyPatch, path: Any, expected: list[str]
) -> None:
    monkeypatch.chdir(ex.parents[1])
    assert get_callpath(next(FilesystemFactory()(path))) == expected


def test_a_callpath_starts_with_that_of_the_factory(ex: Path, places: Any) -> None:
    factory = FilesystemFactory()
    factory.callpath_push("top")
    assert places(factory(ex / "Sub"))[0] == f"top{ex}/Sub/run"


def test_a_task_runs_its_file_in_the_folder_of_the_file(ex: Path) -> None:
    found = FilesystemFactory(stdout=subprocess.PIPE, text=True)(ex)
    done = [task() for task in found]
    assert done[2].args == ["run"]
    assert done[2].returncode == 0
    assert done[2].stdout == f"{ex}/Sub/run in {ex}/Sub\n"


def test_the_file_that_runs_is_not_one_of_that_name_on_path(tree: Any) -> None:
    folder = tree.write({"ls": "#!/bin/sh\necho mine\n"}, tree.root / "bin")
    (task,) = FilesystemFactory(stdout=subprocess.PIPE, text=True)(folder)
    assert task().stdout == "mine\n"


def test_a_later_chdir_does_not_matter(ex: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ex.parents[1])
    (task, *_) = FilesystemFactory(stdout=subprocess.PIPE)("tree")
    monkeypatch.chdir("/")
    assert task().returncode == 0


def test_failing_is_a_called_process_error(tree: Any) -> None:
    folder = tree.write({"fails": "#!/bin/sh\necho why\nexit 77\n"}, tree.root / "bin")
    (task,) = FilesystemFactory(stdout=subprocess.PIPE)(folder)
    with pytest.raises(subprocess.CalledProcessError) as info:
        task()
    assert (info.value.returncode, info.value.stdout) == (77, b"why\n")


def test_the_status_for_skipped_is_a_skip(tree: Any) -> None:
    files = {"skips": "#!/bin/sh\necho why\nexit 77\n", "fails": "#!/bin/sh\nexit 1\n"}
    folder = tree.write(files, tree.root / "bin")
    fails, skips = FilesystemFactory(skip_status=77, stdout=subprocess.PIPE)(folder)
    with pytest.raises(TaskSkip, match="status 77") as info:
        skips()
    assert (info.value.ret.returncode, info.value.ret.stdout) == (77, b"why\n")
    with pytest.raises(subprocess.CalledProcessError):
        fails()


def test_symlinked_folders_are_only_followed_when_asked_to(ex: Path, places: Any) -> None:
    (ex / "Sub" / "link").symlink_to(ex / "Sub" / "deep")
    (ex / "file").symlink_to(ex / "a.sh")
    prefix = str(ex)[1:]
    plain = [path.removeprefix(f"{prefix}/") for path in places(FilesystemFactory()(ex))]
    assert plain == ["a.sh", "b.sh", "file", "Sub/run", "Sub/deep/run"]
    followed = [path.removeprefix(f"{prefix}/") for path in places(FilesystemFactory(True)(ex))]
    assert followed == [*plain, "Sub/link/run"]


def test_following_symlinks_does_not_go_round_for_ever(ex: Path, places: Any) -> None:
    (ex / "Sub" / "round").symlink_to(ex)
    (ex / "loop").symlink_to(ex / "loop")
    assert len(places(FilesystemFactory(follow=True)(ex))) == 4


def test_a_path_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"path '.*/nowhere' doesn't exist"):
        list(FilesystemFactory()(tmp_path / "nowhere"))


def test_a_file_that_is_not_executable_is_an_error(ex: Path) -> None:
    with pytest.raises(PermissionError, match="data.txt' isn't executable; chmod"):
        list(FilesystemFactory()(ex / "data.txt"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read every folder")
def test_a_folder_that_can_not_be_read_is_warned_about(ex: Path, places: Any) -> None:
    (ex / "Sub" / "deep").chmod(0)
    with pytest.warns(PexenWarning, match="deep' is left out"):
        assert len(places(FilesystemFactory()(ex))) == 3
    (ex / "Sub" / "deep").chmod(0o755)


def test_a_folder_that_vanishes_is_warned_about(tmp_path: Path) -> None:
    from pexen.factory.filesystem import list_folder

    with pytest.warns(PexenWarning, match="gone' is left out"):
        assert list_folder(str(tmp_path / "gone")) == ([], [])


def test_the_keywords_are_those_of_subprocess_run(tree: Any) -> None:
    files = {"cat": "#!/bin/sh\ncat\necho oh >&2\nexit 3\n"}
    folder = tree.write(files, tree.root / "bin")
    keywords: dict[str, Any] = {"input": "hi", "capture_output": True, "check": False}
    (task,) = FilesystemFactory(text=True, **keywords)(folder)
    done = task()
    assert (done.returncode, done.stdout, done.stderr) == (3, "hi", "oh\n")


def test_a_task_travels_with_all_it_needs(ex: Path) -> None:
    (task, *_) = FilesystemFactory(stdout=subprocess.PIPE, text=True)(ex)
    travelled = pickle.loads(pickle.dumps(task))
    assert repr(travelled) == repr(task) == f"Executable('{ex}/a.sh')"
    assert get_callpath(travelled) == get_callpath(task)
    assert travelled().stdout == task().stdout


def test_tasks_of_one_factory_do_not_share_their_keywords(ex: Path) -> None:
    one: Any
    one, other, *_ = FilesystemFactory(stdout=subprocess.PIPE)(ex)
    one.popen_kwargs["text"] = True
    assert vars(other)["popen_kwargs"] == {"stdout": subprocess.PIPE}


@pytest.mark.parametrize("first", ["", "sleep 0.1\n"])
def test_an_interrupted_task_leaves_no_process(tree: Any, first: str) -> None:
    """Not even one whose start was interrupted, which Popen would leave behind."""
    script = f"#!/bin/sh\n{first}kill -INT $PPID\nexec sleep 30\n"
    folder = tree.write({"hangs": script}, tree.root / "bin")
    code = (
        "import os\nfrom pexen.factory import FilesystemFactory\n"
        f"(task,) = FilesystemFactory()({str(folder)!r})\n"
        "try:\n    task()\nexcept KeyboardInterrupt:\n    print('interrupted')\n"
        "try:\n    os.waitpid(-1, os.WNOHANG)\nexcept ChildProcessError:\n    print('gone')\n"
    )
    path = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=path, capture_output=True, text=True)
    assert done.stdout == "interrupted\ngone\n", done.stderr
