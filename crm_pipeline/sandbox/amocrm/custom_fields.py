"""Custom field definitions: read by anybody, written by administrators; deleting one erases its values (facts: amocrm 4.10)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import orjson

from . import validation as v
from .answers import EMPTY, Answer, hal
from .batches import batch, single
from .brackets import values
from .definitions import fields_kind
from .entities import gone, missing
from .filters import among, filters_of, key
from .pages import Listing, serve
from .records import Row
from .validation import Check, Errors

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

TYPES = (
    "text",
    "numeric",
    "checkbox",
    "select",
    "multiselect",
    "date",
    "url",
    "textarea",
    "radiobutton",
    "streetaddress",
    "smart_address",
    "birthday",
    "legal_entity",
    "date_time",
    "price",
    "category",
    "items",
    "tracking_data",
    "linked_entity",
    "chained_list",
    "monetary",
    "file",
    "multitext",
    "payer",
    "supplier",
)
FIELDS: dict[str, Check] = {
    "name": v.filled_text,
    "type": v.one_of(*TYPES),
    "code": v.nullable(v.text),
    "sort": v.integer,
    "group_id": v.nullable(v.text),
    "is_api_only": v.boolean,
    "is_required": v.boolean,
    "is_visible": v.boolean,
    "enums": v.nullable(v.listing),
    "nested": v.nullable(v.listing),
    "required_statuses": v.nullable(v.listing),
    "hidden_statuses": v.nullable(v.listing),
    "remind": v.nullable(v.text),
    "currency": v.nullable(v.text),
    "settings": v.nullable(v.listing),
    "tracking_callback": v.nullable(v.text),
    "request_id": v.label,
}


def owner_of(call: Call) -> str:
    """Answer whose fields a call is about: "leads" or "catalog_1209"."""
    return f"catalog_{call.params['catalog']}" if "catalog" in call.params else call.params["kind"]


def _path(owner: str) -> str:
    return f"catalogs/{owner.removeprefix('catalog_')}" if owner.startswith("catalog_") else owner


def list_fields(account: Account, call: Call) -> Answer:
    """Answer a page of definitions with totals."""
    types = values(filters_of(call.query).get("type"))
    where = [among(key("type"), types)] if types else []
    return serve(account, call, Listing(fields_kind(owner_of(call)), "custom_fields", ("sort", "id"), where, totals=True))


def get_field(account: Account, call: Call) -> Answer:
    """Answer one definition."""
    kind, id = fields_kind(owner_of(call)), int(call.params["id"])
    row = account.records.get(kind, id)
    return Answer(200, account.records.text(row).encode()) if row else gone(account, call, kind, id)


def list_groups(account: Account, call: Call) -> Answer:
    """Answer the groups of fields: the standard one."""
    group = {
        "id": "default",
        "name": "Основное",
        "is_predefined": True,
        "type": "default",
        "entity_type": owner_of(call),
        "sort": 0,
    }
    links = {"self": {"href": f"{account.records.base}{call.path}?page=1&limit=50"}}
    return hal({"_total_items": 1, "_page": 1, "_page_count": 1, "_links": links, "_embedded": {"custom_field_groups": [group]}})


def write_fields(account: Account, call: Call) -> Answer:
    """Create or change definitions; full models come back."""
    owner = owner_of(call)

    def show(row: Row, item: Row, request_id: str) -> Row:
        return row | {"request_id": request_id}

    prepare = partial(_prepare, account, owner, call.method == "PATCH")
    if "id" in call.params:
        known = account.definitions.of(owner).find(int(call.params["id"])) is not None
        return single(account, call, "custom_fields", prepare, show, known)
    return batch(account, call, "custom_fields", prepare, show)


def delete_field(account: Account, call: Call) -> Answer:
    """Remove a definition and every value of it: 204."""
    row = account.definitions.of(owner_of(call)).find(int(call.params["id"]))
    if row is None:
        return missing(call)
    remove_field(account, owner_of(call), row)
    return EMPTY


def remove_field(account: Account, owner: str, row: Row) -> None:
    """Remove a definition and erase its values; the rows' updated_at does not move."""
    account.definitions.save(owner, row, deleted=2)
    kind = f"elements_{owner.removeprefix('catalog_')}" if owner.startswith("catalog_") else owner
    holders = account.records.select(kind, "body LIKE ?", (f'%"field_id":{row["id"]},%',))
    for _, body in holders:
        holder = orjson.loads(body)
        kept = [entry for entry in holder["custom_fields_values"] or [] if entry["field_id"] != row["id"]]
        account.records.save(kind, holder | {"custom_fields_values": kept or None})


def _prepare(account: Account, owner: str, known: bool, item: Row, errors: Errors) -> Callable[[], Row]:
    v.check_fields(account, item, FIELDS | ({"id": v.integer} if known else {}), errors)
    fields = account.definitions.of(owner)
    if known and fields.find(item.get("id", 0)) is None:
        errors.add("NotSupportedChoice" if "id" in item else "FieldMissing", "id")
    _check_enums(account, item.get("enums"), errors)
    if not known:
        v.require(item, ("name", "type"), errors)
        if item.get("code") and fields.find(str(item["code"])) is not None:
            errors.add("NotSupportedChoice", "code")
    return partial(_save, account, owner, item)


def _save(account: Account, owner: str, item: Row) -> Row:
    row = account.definitions.of(owner).find(item["id"]) if "id" in item else None
    if row is None:
        row = field_row(account, owner, account.records.next_id("field_ids"), item["name"], item["type"])
    sent = {name: value for name, value in item.items() if name not in ("request_id", "enums")}
    row = row | sent
    if "enums" in item:
        row["enums"] = _enums(account, item["enums"])
    account.definitions.save(owner, row)
    return row


_ENUM: dict[str, Check] = {"id": v.integer, "value": v.filled_text, "sort": v.integer, "code": v.nullable(v.text)}


def _check_enums(account: Account, sent: Any, errors: Errors) -> None:
    for index, enum in enumerate(sent if isinstance(sent, list) else []):
        if not isinstance(enum, dict):
            errors.add("InvalidType:array", f"enums.{index}")
            continue
        v.check_fields(account, enum, _ENUM, errors, f"enums.{index}.")
        v.require(enum, ("value",), errors, f"enums.{index}.")


def _enums(account: Account, sent: list[Any] | None) -> list[Row] | None:
    if sent is None:
        return None
    found = []
    for index, enum in enumerate(sent):
        id = enum.get("id") or account.records.next_id("enum_ids")
        found.append({"id": id, "value": enum["value"], "sort": enum.get("sort", index), "code": enum.get("code")})
    return found


def field_row(
    account: Account,
    owner: str,
    id: int,
    name: str,
    type: str,
    code: str | None = None,
    enums: list[Row] | None = None,
    predefined: bool = False,
) -> Row:
    """Build a definition; which keys there are depends on the owner (facts: amocrm 4.10)."""
    row: Row = {
        "id": id,
        "name": name,
        "type": type,
        "account_id": account.id,
        "code": code,
        "sort": 500 + id % 100,
        "is_api_only": False,
    }
    if owner in ("contacts", "companies"):
        row["is_predefined"] = predefined
    row |= {"is_deletable": not predefined, "enums": enums, "group_id": None, "required_statuses": []}
    if owner == "leads":
        row |= {"hidden_statuses": [], "is_computed": False}
    if owner.startswith("catalog_"):
        row |= {"is_visible": True, "is_required": False, "nested": None}
    row |= {
        "remind": None,
        "currency": None,
        "chained_lists": None,
        "tracking_callback": None,
        "search_in": None,
        "settings": None,
    }
    row |= {"entity_type": "catalogs" if owner.startswith("catalog_") else owner}
    if owner.startswith("catalog_"):
        row["catalog_id"] = int(owner.removeprefix("catalog_"))
    return row | {"_links": account.row_head(f"{_path(owner)}/custom_fields/{id}")["_links"]}
