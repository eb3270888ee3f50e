"""What the rounds of a watch have to run, on files and a clock that are made up."""

from __future__ import annotations

from argparse import Namespace

import pytest

from pexen.cli import watch
from pexen.cli.affected import Answer, listed
from pexen.cli.watch import Watcher

WELL = Answer(whole=True, failing=[])


class Disk:
    """Files that are looked at; each wait does what is next to be done."""

    def __init__(self, folder, **files):
        self.folder = folder
        self.tops = self.starts = [str(folder)]
        self.seconds = 0.0
        self.stamps = {}
        self.meanwhile = []  # what happens in the next waits
        self.waits = []
        for name, text in files.items():
            self.write(name, text)

    def write(self, name, text=""):
        path = self.folder / name
        path.write_text(text)
        self.stamps[str(path)] = self.stamps.get(str(path), 0) + 1

    def remove(self, name):
        (self.folder / name).unlink()
        del self.stamps[str(self.folder / name)]

    def look(self):
        return dict(self.stamps)

    def pause(self, seconds):
        self.waits.append(seconds)
        assert len(self.waits) < 100
        if self.meanwhile:
            self.meanwhile.pop(0)()


@pytest.fixture
def disk(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Disk(tmp_path, **{"helper.py": "", "a.py": "import helper", "b.py": ""})


@pytest.fixture
def watcher(disk):
    return Watcher(Namespace(factory="auto"), disk, disk.pause)


def names(disk, each):
    files = each.affected.files
    return None if files is None else sorted(path.removeprefix(f"{disk.folder}/") for path in files)


def following(watcher, rounds, answer=WELL):
    watcher.answer = answer
    return next(rounds)


def test_the_first_round_is_for_everything(disk, watcher):
    first = next(watcher.rounds())
    assert first.affected.text == "" and names(disk, first) is None
    assert disk.waits == []


def test_a_change_affects_those_that_import_the_module(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.meanwhile = [lambda: None, lambda: disk.write("helper.py", "x")]
    second = following(watcher, rounds)
    assert second.affected.text == "'helper.py' changed"
    assert names(disk, second) == ["a.py", "helper.py"]
    assert disk.waits == [watch.INTERVAL, watch.INTERVAL, watch.SETTLING]


def test_a_change_during_a_round_makes_another_one_at_once(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.write("b.py", "x")
    assert names(disk, following(watcher, rounds)) == ["b.py"]
    disk.write("helper.py", "x")
    assert names(disk, following(watcher, rounds)) == ["a.py", "helper.py"]
    assert watch.INTERVAL not in disk.waits


def test_several_writes_make_one_round(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.meanwhile = [
        lambda: disk.remove("b.py"),
        lambda: disk.write("b.py", "import"),
        lambda: disk.write("b.py", "import c"),
        lambda: disk.write("c.py"),
    ]
    second = following(watcher, rounds)
    assert second.affected.text == "'b.py' changed, 'c.py' is new"
    assert names(disk, second) == ["b.py", "c.py"]


def test_a_file_that_changes_all_the_time_is_not_waited_for(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.meanwhile = [lambda: disk.write("b.py")] * 90
    assert names(disk, following(watcher, rounds)) == ["b.py"]
    assert len(disk.waits) < 30


def test_a_module_that_is_gone_affects_those_that_imported_it(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.remove("helper.py")
    second = following(watcher, rounds)
    assert second.affected.text == "'helper.py' is gone"
    assert names(disk, second) == ["a.py", "helper.py"]


def test_a_module_that_cannot_be_parsed_is_told_of_once(disk, watcher, capsys):
    rounds = watcher.rounds()
    next(rounds)
    disk.write("a.py", "def (")
    assert names(disk, following(watcher, rounds)) == ["a.py"]
    said = "pexen: warning: file 'a.py' can't be parsed: line 1: invalid syntax\n"
    assert capsys.readouterr().err == said
    disk.write("b.py", "x")
    following(watcher, rounds)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("answer", [None, Answer(whole=False, failing=[])])
def test_what_a_round_could_not_run_or_left_out_is_run_in_the_next(disk, watcher, answer):
    rounds = watcher.rounds()
    next(rounds)
    disk.write("b.py", "x")
    following(watcher, rounds)
    disk.write("helper.py", "x")
    third = following(watcher, rounds, answer)
    assert third.affected.text == "'helper.py' changed"
    assert names(disk, third) == ["a.py", "b.py", "helper.py"]
    disk.write("b.py", "y")
    assert names(disk, following(watcher, rounds)) == ["b.py"]


def test_after_a_first_round_that_left_something_out_everything_is_run(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.write("b.py", "x")
    assert names(disk, following(watcher, rounds, Answer(whole=False, failing=[]))) is None


def test_what_is_failing_is_handed_on_also_past_a_round_that_could_not_be_run(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.write("b.py", "x")
    assert following(watcher, rounds, Answer(True, [("a/x", 0)])).failing == [("a/x", 0)]
    disk.write("b.py", "y")
    assert following(watcher, rounds, None).failing == [("a/x", 0)]


def test_many_files_are_looked_at_less_often(disk, watcher):
    rounds = watcher.rounds()
    next(rounds)
    disk.seconds = 2.0
    disk.meanwhile = [lambda: disk.write("b.py", "x")]
    following(watcher, rounds)
    assert disk.waits[0] == 8.0


def test_of_many_names_the_first_are_listed():
    assert listed("ab") == "a, b"
    assert listed("abcdefg") == "a, b, c, d, e and 2 more"
