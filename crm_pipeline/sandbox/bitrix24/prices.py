"""Writing prices: catalog.price.add, update, delete (facts: bitrix24 4.15). Reading them is in products.py."""

from __future__ import annotations

from typing import Any

from . import products
from .calls import Call, method
from .portal import Portal
from .products import PRICE
from .refusals import Refusal, missing_parameter
from .space import PRICE_GROUP


@method("catalog.price.get", scope="catalog")
def get_price(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one price."""
    return {"price": _load(portal, call.need_whole("id"))}


@method("catalog.price.add", scope="catalog")
def add_price(portal: Portal, call: Call) -> dict[str, Any]:
    """Add the price of a product; one it has of that type already stands in the way."""
    given = _fields(call)
    for name in ("productId", "catalogGroupId", "price", "currency"):
        if given.get(name) in (None, ""):
            raise Refusal(400, 0, f"Required fields: {name}")
    product = int(given["productId"])
    if portal.store.state(products.KIND, product) != 0:
        raise Refusal(400, 200040300010, "Product is not found")
    if int(given["catalogGroupId"]) != PRICE_GROUP:
        raise Refusal(400, 0, "Price type is not found")
    if products.prices_of(portal, product):
        raise Refusal(400, 0, "Price of this type exists already")
    row = products.price_row(portal.store.next_id(PRICE), product, float(given["price"]), str(given["currency"]), portal.iso())
    return {"price": _put(portal, row)}


@method("catalog.price.update", scope="catalog")
def update_price(portal: Portal, call: Call) -> dict[str, Any]:
    """Change a price; the product's own time stays."""
    row, given = _load(portal, call.need_whole("id")), _fields(call)
    row |= {"price": float(given["price"])} if given.get("price") not in (None, "") else {}
    row |= {"currency": str(given["currency"])} if given.get("currency") else {}
    return {"price": _put(portal, row | {"timestampX": portal.iso()})}


@method("catalog.price.delete", scope="catalog")
def delete_price(portal: Portal, call: Call) -> bool:
    """Delete a price."""
    portal.store.mark(PRICE, _load(portal, call.need_whole("id"))["id"], 2)
    return True


def _fields(call: Call) -> dict[str, Any]:
    given = call.need("fields")
    if not isinstance(given, dict):
        raise missing_parameter("fields")
    return given


def _put(portal: Portal, row: dict[str, Any]) -> dict[str, Any]:
    portal.store.put(PRICE, row, id=row["id"], created=portal.now, updated=portal.now, parent=f"product:{row['productId']}")
    return row


def _load(portal: Portal, number: int) -> dict[str, Any]:
    row = portal.store.get(PRICE, number) if portal.store.state(PRICE, number) == 0 else None
    if row is None:
        raise Refusal(400, 200040300010, "Price is not found")
    return row
