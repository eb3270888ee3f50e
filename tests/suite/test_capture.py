"""What a task prints is kept with it, and with no other."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pexen import Sched
from pexen.sched.pool import ProcessWorkerPool, ThreadWorkerPool
from pexen.suite.capture import HALF, capturing_process, capturing_thread, routed


def in_process(body: Callable[[], object], folder: str) -> Callable[[], str]:
    def captured() -> str:
        with capturing_process(folder, 1) as output:
            body()
        return output.text

    return captured


def run_in_process(*bodies: Callable[[], object]) -> list[Any]:
    """What each printed, one after the other in one worker."""
    with tempfile.TemporaryDirectory() as folder:
        tasks = [in_process(body, folder) for body in bodies]
        pool = ProcessWorkerPool(1, start_method="fork")
        found = {id(res.task): res.ret for res in Sched(tasks).run(pool)}
    return [found[id(task)] for task in tasks]


def by_everyone() -> None:
    print("by Python")
    print("to stderr", file=sys.stderr)
    os.write(1, b"by a write\n")
    subprocess.run(["sh", "-c", "echo by a program; echo and its error >&2"], check=True)


def test_all_that_is_printed_in_a_process_is_captured_in_order() -> None:
    (text,) = run_in_process(by_everyone)
    assert text.splitlines() == [
        "by Python", "to stderr", "by a write", "by a program", "and its error"
    ]  # fmt: skip


def test_each_task_of_a_process_has_its_own() -> None:
    found = run_in_process(lambda: print("one"), lambda: None, lambda: print("two", end=""))
    assert found == ["one\n", "", "two"]


def test_what_is_no_text_is_shown_as_escapes() -> None:
    assert run_in_process(lambda: os.write(1, b"a\xff\0b")) == ["a\\xff\0b"]


def test_a_program_that_truncates_what_it_writes_to_harms_no_other_task() -> None:
    def truncates() -> None:
        print("before, and longer")
        subprocess.run(["sh", "-c", "echo after >/dev/stderr"], check=True)

    found = run_in_process(truncates, lambda: print("next"), truncates)
    assert found == ["after\n", "next\n", "after\n"]


def test_a_file_that_has_grown_large_is_emptied() -> None:
    def large() -> None:
        for _ in range(65):
            os.write(1, b"x" * (1 << 20))

    def size() -> None:
        print(os.fstat(1).st_size)

    assert run_in_process(large, size, size)[1:] == ["0\n", "2\n"]


def test_files_are_where_each_run_wants_them(tmp_path: pathlib.Path) -> None:
    def task() -> list[str]:
        texts = []
        for number, name in enumerate("aab", 1):
            with capturing_process(str(tmp_path / name), number) as output:
                print(number)
            texts.append(output.text)
        return texts

    for name in "ab":
        (tmp_path / name).mkdir()
    (res,) = Sched([task]).run(ProcessWorkerPool(1, start_method="fork"))
    assert res.ret == ["1\n", "2\n", "3\n"]
    assert [len(list((tmp_path / name).iterdir())) for name in "ab"] == [2, 2]


def test_where_no_file_can_be_made_nothing_is_captured(capfd: pytest.CaptureFixture[str]) -> None:
    with capturing_process("/nowhere", 1) as output:
        os.write(1, b"printed as ever")
    assert output.text == "" and capfd.readouterr().out == "printed as ever"


def test_of_a_long_output_the_middle_is_left_out() -> None:
    def long() -> None:
        print("a" * HALF + "middle" + "z" * HALF, end="")

    def longer() -> None:
        for _ in range(40):
            os.write(1, b"x" * (HALF // 10))
        os.write(1, b"end")

    one, two = run_in_process(long, longer)
    assert one == "a" * HALF + "\n[6 bytes left out]\n" + "z" * HALF
    assert two.startswith("xxx") and two.endswith("xend") and f"[{2 * HALF + 3} bytes left out]" in two


def test_what_a_task_has_closed_is_its_own_affair() -> None:
    def closes() -> None:
        print("before")
        sys.stdout.close()

    found = run_in_process(closes, by_everyone)
    assert found[0] == "before\n" and found[1] is None  # it could not print any more


def test_threads_have_each_their_own_and_others_print_as_ever(
    capsys: pytest.CaptureFixture[str],
) -> None:
    turns = threading.Barrier(2)

    def task(name: str) -> Callable[[], tuple[str, str]]:
        def prints() -> tuple[str, str]:
            with capturing_thread() as output:
                for number in range(3):
                    turns.wait(30)
                    print(name, number)
                print(name, "fails", file=sys.stderr)
            return name, output.text

        return prints

    with routed():
        found = [res.ret for res in Sched([task("a"), task("b")]).run(ThreadWorkerPool(2))]
        print("not of a task")
    assert sorted(found) == [
        (name, "".join(f"{name} {n}\n" for n in (0, 1, 2, "fails"))) for name in "ab"
    ]
    assert capsys.readouterr().out == "not of a task\n"
    print("nor this")
    assert capsys.readouterr().out == "nor this\n"


@pytest.mark.parametrize("pieces", [1, 7, 1000])
def test_of_a_long_output_of_a_thread_the_middle_is_left_out_as_it_comes(pieces: int) -> None:
    size = 3 * HALF // pieces
    with routed(), capturing_thread() as output:
        for _ in range(pieces):
            sys.stdout.write("x" * size)
        sys.stdout.write("end")
    left_out = size * pieces + 3 - 2 * HALF
    head, _, rest = output.text.partition("\n")
    note, _, tail = rest.partition("\n")
    count = int(note.split()[0].strip("["))
    assert len(head) == HALF and tail.endswith("xend") and HALF <= len(tail) < HALF + size + 4
    assert count + len(head) + len(tail) == left_out + 2 * HALF


def test_what_stood_for_a_stream_that_is_closed_goes_in_silence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    stream = (tmp_path / "stdout").open("w")
    monkeypatch.setattr(sys, "stdout", stream)
    with routed():
        left = sys.stdout
    stream.close()
    left.close()  # as Python does with what is gone
