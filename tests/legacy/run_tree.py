"""Collect a tree of modules with whichever pexen is installed; prints an answer as JSON.

Written for 0.0.3, of which only what is on its surface is used.
"""

import collections
import importlib
import json
import os
import sys
import tempfile

from pexen import factory

ANNOTATED = "from pexen.sched.meta import func_meta\n@func_meta()\ndef {name}():\n    return 1\n"


def tree(**files):
    """A package `tree` with these modules, on sys.path."""
    top = tempfile.mkdtemp()
    os.mkdir(os.path.join(top, "tree"))
    for name, text in {"__init__": "", **files}.items():
        with open(os.path.join(top, "tree", name + ".py"), "w") as file:
            file.write(text)
    sys.path.insert(0, top)


def collected():
    return [factory.get_callpath(f) for f in factory.ModTreeFactory()(importlib.import_module("tree"))]


def relative_import():
    tree(one=ANNOTATED.format(name="first"), two="from .one import first\n" + ANNOTATED.format(name="second"))
    return ["two", "second"] in collected()


def imported_once():
    tree(one="import builtins\nbuiltins.times = getattr(builtins, 'times', 0) + 1\n")
    importlib.import_module("tree.one")
    collected()
    import builtins

    return builtins.times


def main_module():
    tree(__main__="import builtins\nbuiltins.ran = True\n")
    collected()
    import builtins

    return hasattr(builtins, "ran")


def re_export():
    tree(one=ANNOTATED.format(name="first"), two="import sys\nfrom tree.one import first\n")
    names = collections.Counter(path[-1] for path in collected())
    return names["first"]


def broken_module():
    tree(a_broken="import no_such_module\n", b_fine=ANNOTATED.format(name="fine"))
    return ["b_fine", "fine"] in collected()


def pickled_by_reference():
    import pickle

    tree(one=ANNOTATED.format(name="first"))
    (task,) = factory.ModTreeFactory()(importlib.import_module("tree"))
    return pickle.loads(pickle.dumps(task)) is task


if __name__ == "__main__":
    print(json.dumps(globals()[sys.argv[1]]()))
