"""Tests of the customers: those that change the file claim it, the others use it."""

from pexen import task

from .records import load, save


@task(requires=["data"], provides=["folder used"], claims=["customers"])
def add_customer(shared):
    file = shared["folder"] / "customers.json"
    save(file, [*load(file), "Edsger"])
    assert "Edsger" in load(file)


@task(requires=["data"], provides=["folder used"], claims=["customers"])
def rename_customer(shared):
    file = shared["folder"] / "customers.json"
    save(file, [name.replace("Ada", "Augusta") for name in load(file)])
    assert "Augusta" in load(file)


@task(requires=["data"], provides=["folder used"], uses=["customers"])
def count_customers(shared):
    assert len(load(shared["folder"] / "customers.json")) >= 2


@task(requires=["data"], provides=["folder used"], uses=["customers"])
def sort_customers(shared):
    names = load(shared["folder"] / "customers.json")
    assert sorted(names)[-1] == "Grace"
