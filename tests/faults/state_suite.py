"""A suite that notes what is run of it, for tests that kill its run and let it go on.

Of its 2,000 tasks each writes a line to `log` as it begins and as it ends. In chains of five,
each has in the shared dict those that came before it, and fails if it hasn't. Where the file `last`
has a size, tasks wait as long as the log is larger: the run is to be killed before its end.
"""

from __future__ import annotations

import os
import textwrap

TASKS = 2000
CHAIN = 5
LOCKS = 13

_HEAD = '''
import os, time
from pexen import task

def note(what, number):
    fd = os.open("log", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, f"{what} {number}\\n".encode())
    os.close(fd)

def wait_to_be_killed():
    while os.path.exists("last") and os.stat("log").st_size > int(open("last").read()):
        time.sleep(0.01)  # nothing comes but SIGKILL

def work(number, shared):
    note("begin", number)
    wait_to_be_killed()
    place = number % 5
    before = list(range(number - place, number))
    assert shared.get("chain", []) == before, (shared, before)
    shared["chain"] = [*before, number]
    if number % 7 == 0:
        time.sleep(0.003)
    note("end", number)
'''


def source() -> str:
    """The module of the suite."""
    parts = [textwrap.dedent(_HEAD)]
    for number in range(TASKS):
        about = [f"provides=[{number}]"]
        if number % CHAIN:
            about.append(f"requires=[{number - 1}]")
        if number % 3 == 0:
            kind = "claims" if number % 2 else "uses"
            about.append(f"{kind}=['lock {number % LOCKS}']")
        parts.append(
            f"@task({', '.join(about)})\n"
            f"def t{number:04}(shared): work({number}, shared)\n"
        )
    return "\n".join(parts)


def noted(folder: os.PathLike[str]) -> tuple[list[int], list[int]]:
    """The numbers of the tasks that began, and of those that ended, as often as they did."""
    found: dict[str, list[int]] = {"begin": [], "end": []}
    try:
        with open(os.path.join(folder, "log")) as file:
            for line in file:
                what, number = line.split()
                found[what].append(int(number))
    except FileNotFoundError:
        pass
    return found["begin"], found["end"]
