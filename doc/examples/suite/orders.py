"""Tests of the orders; placing one also reads the customers."""

from pexen import task

from .records import load, save


@task(
    requires=["data"],
    provides=["order", "folder used"],
    uses=["customers"],
    claims=["orders"],
)
def place_order(shared):
    customers = load(shared["folder"] / "customers.json")
    file = shared["folder"] / "orders.json"
    save(file, [*load(file), {"customer": customers[0], "sum": 12}])


@task(requires=["order"], provides=["folder used"], uses=["orders"])
def add_up_orders(shared):
    orders = load(shared["folder"] / "orders.json")
    assert sum(order["sum"] for order in orders) == 12
