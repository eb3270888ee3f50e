"""The records that the tests work on: made before them, removed after them."""

import json
import pathlib
import shutil
import tempfile

from pexen import task


@task(provides=["data"])
def make_data(shared):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="shop-"))
    (folder / "customers.json").write_text(json.dumps(["Ada", "Grace"]))
    (folder / "orders.json").write_text(json.dumps([]))
    shared["folder"] = folder


@task(requires=["data"], after=["data", "data used"], teardown=True)
def remove_data(shared):
    shutil.rmtree(shared["folder"])
