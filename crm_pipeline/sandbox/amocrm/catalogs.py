"""Catalogs and their elements: full models come back, no time filter, no order, no delete (facts: amocrm 4.6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from . import validation as v
from .answers import Answer, problem
from .batches import batch, single
from .brackets import integers
from .custom_values import merged
from .entities import gone, missing
from .filters import Condition, among, filters_of, search
from .pages import Listing, serve
from .records import Row
from .validation import Check, Errors

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

MAX_CATALOGS = 10
CATALOG: dict[str, Check] = {
    "name": v.filled_text,
    "type": v.one_of("regular", "products", "invoices", "suppliers"),
    "sort": v.integer,
    "can_add_elements": v.boolean,
    "can_show_in_cards": v.boolean,
    "can_link_multiple": v.boolean,
    "request_id": v.label,
}
ELEMENT: dict[str, Check] = {
    "name": v.filled_text,
    "custom_fields_values": v.nullable(v.listing),
    "created_at": v.integer,
    "updated_at": v.integer,
    "created_by": v.author,
    "updated_by": v.author,
    "request_id": v.label,
}
_ID: dict[str, Check] = {"id": v.integer}


def elements_kind(catalog_id: int | str) -> str:
    return f"elements_{catalog_id}"


def fields_owner(catalog_id: int | str) -> str:
    """Answer the owner of a catalog's custom fields."""
    return f"catalog_{catalog_id}"


# catalogs


def list_catalogs(account: Account, call: Call) -> Answer:
    """Answer the catalogs; `type` narrows them as the official library does."""
    where: list[Condition] = (
        [("json_extract(body, '$.type') = ?", [call.query["type"]])] if isinstance(call.query.get("type"), str) else []
    )
    return serve(account, call, Listing("catalogs", "catalogs", where=where))


def get_catalog(account: Account, call: Call) -> Answer:
    """Answer one catalog."""
    row = account.records.get("catalogs", int(call.params["catalog"]))
    return (
        Answer(200, account.records.text(row).encode()) if row else gone(account, call, "catalogs", int(call.params["catalog"]))
    )


def write_catalogs(account: Account, call: Call) -> Answer:
    """Create or change catalogs; at most ten in an account."""

    def show(row: Row, item: Row, request_id: str) -> Row:
        return row | {"request_id": request_id}

    prepare = partial(_prepare_catalog, account, call.user_id, call.method == "PATCH")
    if "catalog" in call.params:
        call.params["id"] = call.params["catalog"]
        return single(
            account, call, "catalogs", prepare, show, account.records.get("catalogs", int(call.params["id"])) is not None
        )
    full = call.method == "POST" and isinstance(call.body, list)
    if full and account.records.count("catalogs") + len(call.body) > MAX_CATALOGS:
        return problem(422, f"Limit {MAX_CATALOGS} catalogs per account")
    return batch(account, call, "catalogs", prepare, show)


def _prepare_catalog(account: Account, by: int, known: bool, item: Row, errors: Errors) -> Callable[[], Row]:
    v.check_fields(account, item, CATALOG | (_ID if known else {}), errors)
    if known:
        _check_id(account, "catalogs", item, errors)
    else:
        v.require(item, ("name",), errors)
    return partial(_save_catalog, account, by, item)


def _save_catalog(account: Account, by: int, item: Row) -> Row:
    sent = {name: value for name, value in item.items() if name != "request_id"}
    row = (
        account.records.get("catalogs", item["id"])
        if "id" in item
        else catalog_row(account, account.records.next_id("catalogs"), "", by)
    )
    assert row is not None
    return account.records.save("catalogs", row | sent | {"updated_at": account.now(), "updated_by": by})


def catalog_row(account: Account, id: int, name: str, by: int, type: str = "regular") -> Row:
    """Build a catalog."""
    now = account.now()
    head = {
        "id": id,
        "name": name,
        "created_by": by,
        "updated_by": by,
        "created_at": now,
        "updated_at": now,
        "sort": 10,
        "type": type,
    }
    head |= {"can_add_elements": True, "can_show_in_cards": False, "can_link_multiple": True, "can_be_deleted": type == "regular"}
    return head | {"sdk_widget_code": None} | account.row_head(f"catalogs/{id}")


# elements


def list_elements(account: Account, call: Call) -> Answer:
    """Answer a page of elements; only `filter[id]`, `id[]` and `query` narrow it."""
    catalog = call.params["catalog"]
    if account.records.get("catalogs", int(catalog)) is None:
        return missing(call)
    where: list[Condition] = []
    ids = integers(filters_of(call.query).get("id")) + integers(call.query.get("id"))
    if ids:
        where.append(among("id", ids))
    if isinstance(call.query.get("query"), str) and call.query["query"]:
        where.append(search(call.query["query"]))
    return serve(account, call, Listing(elements_kind(catalog), "elements", where=where))


def get_element(account: Account, call: Call) -> Answer:
    """Answer one element."""
    kind, id = elements_kind(call.params["catalog"]), int(call.params["id"])
    row = account.records.get(kind, id)
    return Answer(200, account.records.text(row).encode()) if row else gone(account, call, kind, id)


def write_elements(account: Account, call: Call) -> Answer:
    """Create or change elements; answers are full models and request_id is a number here (facts: amocrm 4.6)."""
    catalog = int(call.params["catalog"])
    if account.records.get("catalogs", catalog) is None:
        return missing(call)

    def show(row: Row, item: Row, request_id: str) -> Row:
        numeric = int(request_id) if request_id.isascii() and request_id.isdigit() and "request_id" not in item else request_id
        return row | {"is_deleted": False, "request_id": numeric}

    prepare = partial(_prepare_element, account, catalog, call.user_id, call.method == "PATCH")
    if "id" in call.params:
        known = account.records.get(elements_kind(catalog), int(call.params["id"])) is not None
        return single(account, call, "elements", prepare, show, known)
    return batch(account, call, "elements", prepare, show)


def _prepare_element(account: Account, catalog: int, by: int, known: bool, item: Row, errors: Errors) -> Callable[[], Row]:
    v.check_fields(account, item, ELEMENT | (_ID if known else {}), errors)
    row = _check_id(account, elements_kind(catalog), item, errors) if known else None
    if not known:
        v.require(item, ("name",), errors)
    sent = item.get("custom_fields_values")
    current = row["custom_fields_values"] if row else None
    merged(account.definitions.of(fields_owner(catalog)), current, sent if isinstance(sent, list) else None, errors)
    return partial(_save_element, account, catalog, by, item)


def _check_id(account: Account, kind: str, item: Row, errors: Errors) -> Row | None:
    row = account.records.get(kind, item["id"]) if isinstance(item.get("id"), int) else None
    if row is None:
        errors.add("NotSupportedChoice" if "id" in item else "FieldMissing", "id")
    return row


def _save_element(account: Account, catalog: int, by: int, item: Row) -> Row:
    kind = elements_kind(catalog)
    row = account.records.get(kind, item["id"]) if "id" in item else None
    if row is None:
        row = element_row(account, catalog, account.records.next_id("element_ids"), "", by, account.now())
    sent = {name: value for name, value in item.items() if name not in ("request_id", "custom_fields_values")}
    fields = account.definitions.of(fields_owner(catalog))
    values = merged(fields, row["custom_fields_values"], item.get("custom_fields_values"), Errors())
    when = {"updated_at": item.get("updated_at", account.now()), "updated_by": item.get("updated_by", by)}
    return account.records.save(kind, row | sent | {"custom_fields_values": values} | when)


def element_row(account: Account, catalog: int, id: int, name: str, by: int, at: int) -> Row:
    """Build an element; `is_deleted` is null on reading (facts: amocrm 4.6)."""
    head = {"id": id, "name": name, "created_by": by, "updated_by": by, "created_at": at, "updated_at": at, "is_deleted": None}
    return head | {"custom_fields_values": None, "catalog_id": catalog} | account.row_head(f"catalogs/{catalog}/elements/{id}")
