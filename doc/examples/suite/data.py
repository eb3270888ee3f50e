"""The records that the tests work on: made before them, removed after them."""

import json
import pathlib
import shutil
import tempfile

from pexen import task


@task(provides=["folder"])
def make_folder(shared):
    shared["folder"] = pathlib.Path(tempfile.mkdtemp(prefix="shop-"))


@task(requires=["folder"], provides=["data", "folder used"])
def make_data(shared):
    (shared["folder"] / "customers.json").write_text(json.dumps(["Ada", "Grace"]))
    (shared["folder"] / "orders.json").write_text(json.dumps([]))


@task(requires=["folder"], after=["folder", "folder used"], teardown=True)
def remove_folder(shared):
    shutil.rmtree(shared["folder"])
