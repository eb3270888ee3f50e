"""Builds out/greeter.pyz, an application in one file, and tries it out."""

import functools
import json
import pathlib
import subprocess
import sys
import zipfile

from pexen import Sched, task
from pexen.factory import ModuleFactory, get_callpath
from pexen.sched import Outcome, TaskEnd, unique
from pexen.sched.pool import ProcessWorkerPool

HERE = pathlib.Path(__file__).parent
OUT = HERE / "out"
APP = OUT / "greeter.pyz"


class Fresh(TaskEnd):
    """Says that a target is there, and that none of its sources is newer."""

    outcome = Outcome.FRESH


def unless_fresh(target, *sources):
    if target.exists():
        made = target.stat().st_mtime_ns
        if all(source.stat().st_mtime_ns <= made for source in sources):
            raise Fresh(f"no source of {target.name} is newer")
    target.parent.mkdir(exist_ok=True)


def catalogue(source, target):
    unless_fresh(target, source)
    lines = [line.split(" = ", 1) for line in source.read_text().splitlines()]
    target.write_text(json.dumps(dict(lines)))


catalogues = []
for source in sorted(HERE.glob("messages/*.txt")):
    target = OUT / f"{source.stem}.json"
    catalogues.append(target)
    globals()[f"catalogue_{source.stem}"] = task(
        functools.partial(catalogue, source=source, target=target),
        provides=[unique(target.name)],
    )


@task(requires=[target.name for target in catalogues], provides=[unique("greeter.pyz")])
def application():
    program = HERE / "greeter.py"
    unless_fresh(APP, program, *catalogues)
    part = APP.with_suffix(".part")
    with zipfile.ZipFile(part, "w") as archive:
        archive.write(program, "greeter.py")
        archive.writestr("__main__.py", "import greeter\ngreeter.main()\n")
        archive.writestr("messages/__init__.py", "")
        for target in catalogues:
            archive.write(target, f"messages/{target.name}")
    part.replace(APP)


@task(requires=["greeter.pyz"])
def check():
    command = [sys.executable, APP, "de", "Ada"]
    greeting = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert greeting == "Guten Tag, Ada\n", greeting


if __name__ == "__main__":
    sched = Sched(ModuleFactory()(sys.modules[__name__]))
    for res in sched.run(ProcessWorkerPool(workers=2)):
        print(f"{res.outcome:8} {get_callpath(res.task)[-1]}")
    sys.exit(not all(outcome.succeeded for outcome in sched.outcomes.values()))
