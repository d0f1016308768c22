"""Product rows of deals, both faces: crm.deal.productrows.* and crm.item.productrow.* (facts: bitrix24 4.9).

Rows are kept in the item face under their deal. Writing them settles the deal's sum unless it is set by hand.
"""

from __future__ import annotations

from typing import Any

import orjson

from .calls import Actor, Answer, Call, method
from .columns import ID, table
from .filters import Dialect, split_prefix, unknown_item_key
from .json_text import Rows
from .paging import List, page
from .portal import Portal
from .records import Record
from .refusals import OWNER_NOT_FOUND, Refusal, bad_argument, classic, core, missing_parameter

KIND = "productrow"
ABSOLUTE, PERCENT = 1, 2
_COLUMNS = {**table("ownerId productId sort", numeric=("ownerId", "productId", "sort")), **table("productName"), "id": ID}
_CLASSIC_NAMES = {
    "PRODUCT_ID": "productId",
    "PRODUCT_NAME": "productName",
    "PRICE": "price",
    "PRICE_EXCLUSIVE": "priceExclusive",
    "PRICE_NETTO": "priceNetto",
    "PRICE_BRUTTO": "priceBrutto",
    "QUANTITY": "quantity",
    "DISCOUNT_TYPE_ID": "discountTypeId",
    "DISCOUNT_RATE": "discountRate",
    "DISCOUNT_SUM": "discountSum",
    "TAX_RATE": "taxRate",
    "TAX_INCLUDED": "taxIncluded",
    "CUSTOMIZED": "customized",
    "MEASURE_CODE": "measureCode",
    "MEASURE_NAME": "measureName",
    "SORT": "sort",
    "XML_ID": "xmlId",
    "TYPE": "type",
    "STORE_ID": "storeId",
}
_NUMBERS = ("price", "quantity", "discountRate", "discountSum", "taxRate", "priceExclusive", "priceNetto", "priceBrutto")
_WHOLES = ("sort", "discountTypeId", "measureCode", "type", "storeId")


def blank(number: int, deal: int, product: int, name: str, price: float, quantity: float, sort: int = 10) -> dict[str, Any]:
    """Build a row without discount and tax."""
    row: dict[str, Any] = {"id": number, "ownerId": deal, "ownerType": "D", "productId": product, "productName": name}
    row |= dict.fromkeys(("price", "priceAccount", "priceExclusive", "priceNetto", "priceBrutto"), neat(price))
    row |= {"quantity": neat(quantity), "discountTypeId": PERCENT, "discountRate": 0, "discountSum": 0, "taxRate": None}
    row |= {"taxIncluded": "N", "customized": "Y", "measureCode": 796, "measureName": "pcs", "sort": sort, "xmlId": None}
    return row | {"type": 1 if product else 4, "storeId": None}


def neat(number: float) -> float:
    """Write whole numbers without a fraction, as PHP's JSON does."""
    return int(number) if float(number).is_integer() else round(float(number), 2)


def rows_of(portal: Portal, deal: int) -> list[dict[str, Any]]:
    """List the rows of a deal in their order."""
    rows = [orjson.loads(text) for _, text in portal.store.select(KIND, "parent = ?", (f"deal:{deal}",))]
    return sorted(rows, key=lambda row: (row["sort"], row["id"]))


def replace(portal: Portal, record: Record, given: list[dict[str, Any]], actor: Actor) -> list[dict[str, Any]]:
    """Replace all rows of a deal by given ones (item face) and settle its sum. Raises Refusal."""
    old = {row["id"]: row for row in rows_of(portal, record.id)}
    made = [_made(portal, record.id, row, old, (place + 1) * 10) for place, row in enumerate(given)]
    for number in set(old) - {row["id"] for row in made}:
        portal.store.mark(KIND, number, 2)
    for row in made:
        _put(portal, row)
    settle(portal, record, actor)
    return made


def settle(portal: Portal, record: Record, actor: Actor) -> None:
    """Recalculate the deal's sum while it is not set by hand; the time moves only with the sum (facts: bitrix24 4.9, 5)."""
    total = sum(row["price"] * row["quantity"] for row in rows_of(portal, record.id))
    moved = record.row["IS_MANUAL_OPPORTUNITY"] != "Y" and f"{total:.2f}" != record.row["OPPORTUNITY"]
    if moved:
        record.row["OPPORTUNITY"] = f"{total:.2f}"
    if moved or portal.switches.quiet_changes_move_time:
        record.updated = portal.now
        record.row["MODIFY_BY_ID"] = str(actor.user)
        portal.records.save(record)
        portal.events.crm("deal", "UPDATE", record.id, actor)


@method("crm.deal.productrows.get")
def get_classic(portal: Portal, call: Call) -> list[dict[str, Any]]:
    """List the rows of a deal, ids as text, most numbers native."""
    return [classic_row(row) for row in rows_of(portal, _deal(portal, call.classic_id()).id)]


@method("crm.deal.productrows.set")
def set_classic(portal: Portal, call: Call) -> bool:
    """Replace all rows of a deal."""
    record, rows = _deal(portal, call.classic_id()), _listed(call.get("rows"))
    if rows is None:
        raise classic("The parameter 'rows' must be array.")
    given = [{_CLASSIC_NAMES[key]: value for key, value in row.items() if key in _CLASSIC_NAMES} for row in rows]
    numbered = [row | ({"id": old["ID"]} if old.get("ID") else {}) for row, old in zip(given, rows, strict=True)]
    replace(portal, record, numbered, call.actor)
    return True


@method("crm.item.productrow.list")
def list_rows(portal: Portal, call: Call) -> Answer:
    """List the rows of one owner; both `=ownerType` and `=ownerId` are mandatory."""
    filters = dict(call.get("filter") or {})
    owner = {split_prefix(key)[1]: filters.pop(key) for key in list(filters) if split_prefix(key)[1] in ("ownerType", "ownerId")}
    if set(owner) != {"ownerType", "ownerId"}:
        raise bad_argument("Required filter fields: =ownerType, =ownerId")
    dialect = Dialect(portal.moments, nested=True, unknown=unknown_item_key, aliases={"ID": "id"})
    parents = [f"deal:{number}" if owner["ownerType"] == "D" else "none" for number in _owner_ids(owner["ownerId"])]
    found = page(
        portal, call, List(KIND, _COLUMNS, dialect), filters, extra=(f"parent IN ({','.join('?' * len(parents))})", parents)
    )
    return found.answer(Rows(found.texts), "productRows")


@method("crm.item.productrow.get")
def get_row(portal: Portal, call: Call) -> dict[str, Any]:
    """Return one row."""
    return {"productRow": _load(portal, call.need_whole("id"))}


@method("crm.item.productrow.add")
def add_row(portal: Portal, call: Call) -> dict[str, Any]:
    """Add one row to a deal."""
    given = call.need("fields")
    record = _owner(portal, given.get("ownerType"), given.get("ownerId"))
    row = _made(portal, record.id, given, {}, (len(rows_of(portal, record.id)) + 1) * 10)
    _put(portal, row)
    settle(portal, record, call.actor)
    return {"productRow": row}


@method("crm.item.productrow.update")
def update_row(portal: Portal, call: Call) -> dict[str, Any]:
    """Change one row."""
    old = _load(portal, call.need_whole("id"))
    row = _made(portal, old["ownerId"], {**call.need("fields"), "id": old["id"]}, {old["id"]: old}, old["sort"])
    _put(portal, row)
    settle(portal, _deal(portal, old["ownerId"]), call.actor)
    return {"productRow": row}


@method("crm.item.productrow.set")
def set_rows(portal: Portal, call: Call) -> dict[str, Any]:
    """Replace all rows of one owner."""
    record, rows = _owner(portal, call.need("ownerType"), call.need_whole("ownerId")), _listed(call.get("productRows"))
    if rows is None:
        raise missing_parameter("productRows")
    return {"productRows": replace(portal, record, rows, call.actor)}


@method("crm.item.productrow.delete")
def delete_row(portal: Portal, call: Call) -> None:
    """Delete one row."""
    row = _load(portal, call.need_whole("id"))
    portal.store.mark(KIND, row["id"], 2)
    settle(portal, _deal(portal, row["ownerId"]), call.actor)


def classic_row(row: dict[str, Any]) -> dict[str, Any]:
    """Convert a row to its classic face."""
    shown: dict[str, Any] = {"ID": str(row["id"]), "OWNER_ID": str(row["ownerId"]), "OWNER_TYPE": "D"}
    shown |= {name: row[item] for name, item in _CLASSIC_NAMES.items()}
    shown |= {"ORIGINAL_PRODUCT_NAME": row["productName"], "PRODUCT_DESCRIPTION": None}
    return shown | {"PRICE_ACCOUNT": f"{row['price']:.2f}"}


def _made(portal: Portal, deal: int, given: dict[str, Any], old: dict[int, dict[str, Any]], sort: int) -> dict[str, Any]:
    number = int(given.get("id") or 0)
    fresh = number not in old
    row = (
        blank(portal.store.next_id(KIND), deal, int(given.get("productId") or 0), "", 0, 1, sort) if fresh else dict(old[number])
    )
    row |= {key: given[key] for key in given if key in row and key not in ("id", "ownerId", "ownerType", "priceAccount")}
    _check_discount(given)
    row |= {key: neat(float(row[key])) for key in _NUMBERS if row[key] is not None}
    row |= {key: int(row[key]) for key in _WHOLES if row[key] is not None}
    row["productId"] = int(row["productId"] or 0)
    product = portal.store.get("product", row["productId"])
    row["productName"] = str(given.get("productName") or (product or {}).get("name") or row["productName"])
    if "price" in given:
        row |= {key: row["price"] for key in ("priceAccount", "priceExclusive", "priceNetto", "priceBrutto") if key not in given}
    return row


def _check_discount(given: dict[str, Any]) -> None:
    needed = {ABSOLUTE: "discountSum", PERCENT: "discountRate"}.get(int(given.get("discountTypeId") or 0))
    if needed and given.get(needed) is None:
        raise core(f"The discount needs {needed}.<br>")


def _put(portal: Portal, row: dict[str, Any]) -> None:
    now = portal.now
    portal.store.put(KIND, row, id=row["id"], created=now, updated=now, parent=f"deal:{row['ownerId']}")


def _load(portal: Portal, number: int) -> dict[str, Any]:
    row = portal.store.get(KIND, number) if portal.store.state(KIND, number) == 0 else None
    if row is None:
        raise Refusal(400, "NOT_FOUND", "Product row is not found")
    return row


def _deal(portal: Portal, number: int) -> Record:
    record = portal.records.load("deal", number)
    if record is None:
        raise classic("Not found")
    return record


def _owner(portal: Portal, kind: Any, number: Any) -> Record:
    record = portal.records.load("deal", int(number or 0)) if kind == "D" else None
    if record is None:
        raise OWNER_NOT_FOUND
    return record


def _owner_ids(value: Any) -> list[int]:
    listed = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [int(number) for number in listed if str(number).isdigit()]


def _listed(rows: Any) -> list[dict[str, Any]] | None:
    listed = list(rows.values()) if isinstance(rows, dict) else rows
    return listed if isinstance(listed, list) and all(isinstance(row, dict) for row in listed) else None
