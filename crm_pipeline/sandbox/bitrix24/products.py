"""The catalog: catalog.product.*, catalog.price.*, catalog.catalog.list, crm.product.* (facts: bitrix24 4.15).

Here: products and their prices. Which products a deal holds is in productrows.py.
"""

from __future__ import annotations

from typing import Any

import orjson

from .calls import Actor, Answer, Call, method
from .columns import CREATED, ID, UPDATED, json_column, table
from .filters import Column, Dialect, unknown_item_key
from .json_text import Rows
from .paging import List, names_of, page, picked
from .portal import Portal
from .refusals import NOT_FOUND, Refusal, classic
from .space import IBLOCK, PRICE_GROUP

KIND, PRICE = "product", "price"
_WRITABLE = [
    "name",
    "code",
    "xmlId",
    "active",
    "sort",
    "iblockSectionId",
    "quantity",
    "vatId",
    "vatIncluded",
    "purchasingPrice",
    "purchasingCurrency",
    "detailText",
]
_COLUMNS: dict[str, Column] = {
    **table(
        "iblockId iblockSectionId type quantity sort createdBy modifiedBy",
        numeric=["iblockId", "iblockSectionId", "type", "sort"],
    ),
    **table("name code xmlId active available"),
    "id": ID,
    "timestampX": UPDATED,
    "dateCreate": CREATED,
}
_PRICE_COLUMNS = {
    **table("productId catalogGroupId", numeric=("productId", "catalogGroupId")),
    "id": ID,
    "currency": json_column("currency"),
}
_CLASSIC = {
    "ID": ID,
    "NAME": json_column("name"),
    "CODE": json_column("code"),
    "XML_ID": json_column("xmlId"),
    "ACTIVE": json_column("active"),
    "CATALOG_ID": json_column("iblockId", "integer"),
    "SECTION_ID": json_column("iblockSectionId", "integer"),
    "TIMESTAMP_X": UPDATED,
    "DATE_CREATE": CREATED,
}


_FROM_CLASSIC = {"NAME": "name", "CODE": "code", "XML_ID": "xmlId", "ACTIVE": "active", "PRICE": "price"} | {
    "CURRENCY_ID": "currency", "DESCRIPTION": "detailText",
}  # fmt: skip


def blank(number: int, name: str, created: str) -> dict[str, Any]:
    """Build a product with every key."""
    row: dict[str, Any] = {
        "id": number,
        "iblockId": IBLOCK,
        "iblockSectionId": None,
        "name": name,
        "code": None,
        "xmlId": str(number),
    }
    row |= {"active": "Y", "available": "Y", "type": 1, "quantity": None, "measure": 5, "vatId": None, "vatIncluded": "N"}
    row |= {"purchasingPrice": None, "purchasingCurrency": None, "sort": 100, "dateCreate": created, "timestampX": created}
    row |= {"createdBy": 1, "modifiedBy": 1, "detailText": None, "detailTextType": "text"}
    return row | {"property258": None, "property259": []}


@method("catalog.catalog.list", scope="catalog")
def list_catalogs(portal: Portal, call: Call) -> Answer:
    """List the catalogs with their information blocks."""
    shown = {"iblockId": IBLOCK, "iblockTypeId": "CRM_PRODUCT_CATALOG", "id": IBLOCK, "lid": "s1", "name": "CRM catalog"}
    return Answer({"catalogs": [shown | {"productIblockId": None, "skuPropertyId": None, "vatId": None, "yandexExport": "N"}]}, 1)


@method("catalog.product.list", scope="catalog")
def list_products(portal: Portal, call: Call) -> Answer:
    """List products; select must name id and iblockId, the filter iblockId."""
    names, filters = names_of(call.get("select")), call.get("filter") or {}
    if not {"id", "iblockId"} <= set(names) and "*" not in names:
        raise Refusal(400, 0, "Required select fields: id, iblockId")
    if not any(key.lstrip("=@") == "iblockId" for key in filters):
        raise Refusal(400, 0, "Required filter fields: iblockId")
    found = page(portal, call, _spec(portal, KIND, _COLUMNS))
    return found.answer(Rows(found.texts) if "*" in names else picked(found.texts, names), "products")


@method("catalog.product.get", scope="catalog")
def get_product(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one product."""
    return {"product": _load(portal, KIND, call.need_whole("id"))}


@method("catalog.product.add", scope="catalog")
def add_product(portal: Portal, call: Call) -> dict[str, Any]:
    """Add a product."""
    given = call.need("fields")
    if not given.get("name") or not given.get("iblockId"):
        raise Refusal(400, 0, "Required fields: name, iblockId")
    return {"element": create(portal, given, call.actor)}


@method("catalog.product.update", scope="catalog")
def update_product(portal: Portal, call: Call) -> dict[str, Any]:
    """Change a product."""
    row = _load(portal, KIND, call.need_whole("id"))
    return {"element": change(portal, row, call.need("fields"), call.actor)}


@method("catalog.product.delete", scope="catalog")
def delete_product(portal: Portal, call: Call) -> bool:
    """Delete a product and its prices."""
    row = _load(portal, KIND, call.need_whole("id"))
    remove(portal, row["id"], call.actor)
    return True


@method("catalog.price.list", scope="catalog")
def list_prices(portal: Portal, call: Call) -> Answer:
    """List prices, usually of one product."""
    found, names = page(portal, call, _spec(portal, PRICE, _PRICE_COLUMNS)), names_of(call.get("select"))
    return found.answer(picked(found.texts, names) if names and "*" not in names else Rows(found.texts), "prices")


@method("crm.product.list")
def list_classic(portal: Portal, call: Call) -> Answer:
    """List products the deprecated way: UPPER_CASE strings with the base price."""
    found, names = page(portal, call, List(KIND, _CLASSIC, Dialect(portal.moments), snap=True)), names_of(call.get("select"))
    rows = [classic_row(portal, orjson.loads(text)) for text in found.texts]
    return found.answer([{k: v for k, v in row.items() if not names or "*" in names or k in names} for row in rows])


@method("crm.product.get")
def get_classic(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one product the deprecated way."""
    if portal.store.state(KIND, call.classic_id()) != 0:
        raise NOT_FOUND
    return classic_row(portal, _load(portal, KIND, call.classic_id()))


@method("crm.product.add")
def add_classic(portal: Portal, call: Call) -> int:
    """Add a product with its price the deprecated way and return its id."""
    given = _from_classic(call)
    if not given.get("name"):
        raise classic("Field 'Name' is required.")
    return int(create(portal, given, call.actor)["id"])


@method("crm.product.update")
def update_classic(portal: Portal, call: Call) -> bool:
    """Change a product and its price the deprecated way."""
    if portal.store.state(KIND, call.classic_id()) != 0:
        raise NOT_FOUND
    change(portal, _load(portal, KIND, call.classic_id()), _from_classic(call), call.actor)
    return True


def _from_classic(call: Call) -> dict[str, Any]:
    """Read fields by their deprecated names."""
    given = call.classic_fields()
    return {name: given[old] for old, name in _FROM_CLASSIC.items() if old in given}


def classic_row(portal: Portal, row: dict[str, Any]) -> dict[str, Any]:
    """Convert a product to its deprecated face."""
    price = prices_of(portal, row["id"])
    base = price[0] if price else {"price": None, "currency": None}
    shown = {"ID": str(row["id"]), "NAME": row["name"], "CODE": row["code"], "ACTIVE": row["active"], "SORT": str(row["sort"])}
    shown |= {"PRICE": None if base["price"] is None else f"{base['price']:.2f}", "CURRENCY_ID": base["currency"]}
    shown |= {"CATALOG_ID": str(row["iblockId"]), "SECTION_ID": row["iblockSectionId"], "XML_ID": row["xmlId"], "VAT_ID": None}
    shown |= {"VAT_INCLUDED": row["vatIncluded"], "MEASURE": str(row["measure"]), "DESCRIPTION": row["detailText"]}
    return shown | {"TIMESTAMP_X": row["timestampX"], "DATE_CREATE": row["dateCreate"]}


def prices_of(portal: Portal, product: int) -> list[dict[str, Any]]:
    """List the prices of a product."""
    return [orjson.loads(text) for _, text in portal.store.select(PRICE, "parent = ?", (f"product:{product}",))]


def create(portal: Portal, given: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Store a new product, with a price if one is given, and return its row."""
    number = portal.store.next_id(KIND)
    row = blank(number, str(given["name"]), portal.iso()) | {"createdBy": actor.user}
    row |= {key: given[key] for key in _WRITABLE if key in given} | _properties(given)
    _save(portal, row, actor)
    _price(portal, number, given)
    portal.events.emit("CATALOG.PRODUCT.ON.ADD", {"FIELDS": {"ID": str(number)}}, actor)
    return row


def change(portal: Portal, row: dict[str, Any], given: dict[str, Any], actor: Actor) -> dict[str, Any]:
    """Change a product (and its price, for a person's edit) and return its row."""
    row |= {key: given[key] for key in _WRITABLE if key in given} | _properties(given)
    _save(portal, row, actor)
    _price(portal, row["id"], given)
    portal.events.emit("CATALOG.PRODUCT.ON.UPDATE", {"FIELDS": {"ID": str(row["id"])}}, actor)
    return row


def remove(portal: Portal, number: int, actor: Actor) -> None:
    """Purge a product and its prices."""
    portal.store.mark(KIND, number, 2)
    for price in prices_of(portal, number):
        portal.store.mark(PRICE, price["id"], 2)
    portal.events.emit("CATALOG.PRODUCT.ON.DELETE", {"FIELDS": {"ID": str(number)}}, actor)


def price_row(number: int, product: int, price: float, currency: str, when: str) -> dict[str, Any]:
    """Build one price."""
    row: dict[str, Any] = {
        "id": number,
        "productId": product,
        "catalogGroupId": PRICE_GROUP,
        "price": price,
        "currency": currency,
    }
    return row | {"extraId": None, "quantityFrom": None, "quantityTo": None, "timestampX": when}


def _price(portal: Portal, product: int, given: dict[str, Any]) -> None:
    if given.get("price") in (None, ""):
        return
    known = prices_of(portal, product)
    number = known[0]["id"] if known else portal.store.next_id(PRICE)
    currency = str(given.get("currency") or (known[0]["currency"] if known else portal.dictionaries.currency))
    row = price_row(number, product, float(given["price"]), currency, portal.iso())
    portal.store.put(PRICE, row, id=number, created=portal.now, updated=portal.now, parent=f"product:{product}")


def _save(portal: Portal, row: dict[str, Any], actor: Actor) -> None:
    now, times = portal.now, portal.store.times(KIND, row["id"])
    row |= {"timestampX": portal.iso(now), "modifiedBy": actor.user}
    portal.store.put(KIND, row, id=row["id"], created=times[0] if times else now, updated=now)


def _properties(given: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in given.items() if key.startswith("property")}


def _load(portal: Portal, kind: str, number: int) -> dict[str, Any]:
    row = portal.store.get(kind, number) if portal.store.state(kind, number) == 0 else None
    if row is None:
        raise Refusal(400, 200040300010, "Product is not found")
    return row


def _spec(portal: Portal, kind: str, columns: dict[str, Column]) -> List:
    dialect = Dialect(portal.moments, nested=True, unknown=unknown_item_key, aliases={"ID": "id"})
    return List(kind, columns, dialect, fast=portal.switches.fast_mode_everywhere)
