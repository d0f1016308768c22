"""Writing leads, contacts and companies: what a POST and a PATCH may hold, and the row that comes out (facts: amocrm 4.1-4.3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from . import validation as v
from .answers import Answer
from .batches import batch, echoed, single
from .custom_values import merged
from .linkbook import reference
from .records import Row
from .stages import staged
from .tags import tags_after
from .validation import Check, Errors

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

_COMMON: dict[str, Check] = {
    "name": v.text,
    "created_by": v.author,
    "updated_by": v.author,
    "created_at": v.integer,
    "updated_at": v.integer,
    "responsible_user_id": v.user,
    "custom_fields_values": v.nullable(v.listing),
    "tags_to_add": v.nullable(v.listing),
    "_embedded": v.mapping,
    "request_id": v.label,
}
_CONTACT: dict[str, Check] = _COMMON | {"first_name": v.nullable(v.text), "last_name": v.nullable(v.text)}
_LEAD: dict[str, Check] = _COMMON | {
    "price": v.price,
    "status_id": v.integer,
    "pipeline_id": v.pipeline,
    "closed_at": v.nullable(v.integer),
    "loss_reason_id": v.nullable(v.loss_reason),
    "visitor_uid": v.nullable(v.text),
}
CREATE: dict[str, dict[str, Check]] = {"leads": _LEAD, "contacts": _CONTACT, "companies": _COMMON}
UPDATE = {kind: allowed | {"id": v.integer, "tags_to_delete": v.nullable(v.listing)} for kind, allowed in CREATE.items()}
EMBEDDED_CREATE: dict[str, dict[str, Check]] = {
    "leads": {"tags": v.nullable(v.listing), "contacts": v.listing, "companies": v.listing, "source": v.mapping},
    "contacts": {"tags": v.nullable(v.listing)},
    "companies": {"tags": v.nullable(v.listing)},
}
EMBEDDED_UPDATE: dict[str, Check] = {"tags": v.nullable(v.listing)}
Act = Callable[[], Row]


def create_entities(account: Account, call: Call) -> Answer:
    """Create rows from an array."""
    kind = call.params["kind"]

    def show(row: Row, item: Row, request_id: str) -> Row:
        extra = {} if kind == "leads" else {"is_deleted": False, "is_unsorted": False}
        return {"id": row["id"], "request_id": request_id, **extra, "_links": row["_links"]}

    return batch(account, call, kind, partial(prepare_create, account, kind, call.user_id), show)


def update_entities(account: Account, call: Call) -> Answer:
    """Change rows from an array, or one row from an object."""
    kind = call.params["kind"]
    prepare = partial(prepare_update, account, kind, call.user_id)

    def show(row: Row, item: Row, request_id: str) -> Row:
        name = {} if kind == "leads" else {"name": row["name"]}
        return {"id": row["id"], **name, "updated_at": row["updated_at"], **echoed(item, request_id), "_links": row["_links"]}

    if "id" not in call.params:
        return batch(account, call, kind, prepare, show)
    return single(account, call, kind, prepare, show, account.records.get(kind, int(call.params["id"])) is not None)


# checking


def prepare_create(account: Account, kind: str, by: int, item: Row, errors: Errors) -> Act:
    """Check a new row; the act stores it."""
    v.check_fields(account, item, CREATE[kind], errors)
    _check_embedded(account, item, EMBEDDED_CREATE[kind], errors)
    blank: Row = {"_embedded": {"tags": []}, "custom_fields_values": None}
    _check_parts(account, kind, item, blank, errors)
    if kind == "leads":
        _check_links(account, item, errors)
    return partial(_create, account, kind, by, item)


def prepare_update(account: Account, kind: str, by: int, item: Row, errors: Errors) -> Act:
    """Check a change; the act applies it to the row as it is then."""
    v.check_fields(account, item, UPDATE[kind], errors)
    _check_embedded(account, item, EMBEDDED_UPDATE, errors)
    row = account.records.get(kind, item["id"]) if v.integer(account, item.get("id")) is None else None
    if row is None:
        errors.add("NotSupportedChoice" if "id" in item else "FieldMissing", "id")
    else:
        _check_parts(account, kind, item, row, errors)
    return partial(_update, account, kind, by, item)


def _check_embedded(account: Account, item: Row, allowed: dict[str, Check], errors: Errors) -> None:
    if isinstance(item.get("_embedded"), dict):
        v.check_fields(account, item["_embedded"], allowed, errors, "_embedded.")


def _check_parts(account: Account, kind: str, item: Row, row: Row, errors: Errors) -> None:
    sent = item.get("custom_fields_values")
    merged(account.definitions.of(kind), row["custom_fields_values"], sent if isinstance(sent, list) else None, errors)
    tags_after(account, kind, row["_embedded"]["tags"], item, errors, dry=True)
    if kind == "leads":
        staged(account, row, item, errors)


def _check_links(account: Account, item: Row, errors: Errors) -> None:
    embedded = item.get("_embedded") if isinstance(item.get("_embedded"), dict) else {}
    for name in ("contacts", "companies"):
        listed = embedded.get(name) if isinstance(embedded, dict) else None
        for index, link in enumerate(listed if isinstance(listed, list) else []):
            id = link.get("id") if isinstance(link, dict) else None
            if not isinstance(id, int) or account.records.get(name, id) is None:
                errors.add("NotSupportedChoice", f"_embedded.{name}.{index}.id")
        if name == "companies" and isinstance(listed, list) and len(listed) > 1:
            errors.add("TooMany:1", "_embedded.companies")


# doing


def _create(account: Account, kind: str, by: int, item: Row) -> Row:
    id, now = account.records.next_id(kind), account.now()
    row = _blank(account, kind, id, by, now) | _plain(kind, item) | _priced(account, item)
    row["updated_by"] = item.get("updated_by", row["created_by"])
    row = _written(account, kind, row, item)
    embedded = item.get("_embedded") or {}
    if kind == "leads" and embedded.get("companies"):
        row["_embedded"]["companies"] = [reference("companies", embedded["companies"][0]["id"])]
    account.changes.created(kind, row, by)
    for link in embedded.get("contacts", []) if kind == "leads" else []:
        account.links.link_contact(id, link["id"], link.get("is_main"), now)
        account.changes.linked("leads", id, "contacts", link["id"], by)
    return row


def _update(account: Account, kind: str, by: int, item: Row) -> Row:
    before = account.records.get(kind, item["id"])
    assert before is not None
    after = before | _plain(kind, item) | _priced(account, item)
    if _moves(account, item):
        after |= {"updated_at": item.get("updated_at", account.now()), "updated_by": item.get("updated_by", by)}
    return account.changes.updated(kind, before, _written(account, kind, after, item), by)


def _moves(account: Account, item: Row) -> bool:
    """Tell whether a PATCH moves updated_at: a change of tags alone does so by switch."""
    only_tags = not item.keys() - {"id", "request_id", "tags_to_add", "tags_to_delete", "_embedded"}
    return account.switches.tag_bumps or not only_tags


def _written(account: Account, kind: str, row: Row, item: Row) -> Row:
    unused = Errors()
    row["custom_fields_values"] = merged(
        account.definitions.of(kind), row["custom_fields_values"], item.get("custom_fields_values"), unused
    )
    if "custom_fields_values" in item and item["custom_fields_values"] is None:
        row["custom_fields_values"] = None
    # Popped and put back: _embedded stays the last key.
    embedded = row.pop("_embedded")
    row["_embedded"] = embedded | {"tags": tags_after(account, kind, embedded["tags"], item, unused, dry=False)}
    if kind == "leads":
        row |= staged(account, row, item, unused)
    if kind == "contacts":
        row["name"] = _full_name(row, item)
    return row


def _plain(kind: str, item: Row) -> Row:
    skipped = {
        "id",
        "request_id",
        "custom_fields_values",
        "tags_to_add",
        "tags_to_delete",
        "_embedded",
        "status_id",
        "pipeline_id",
    }
    return {name: value for name, value in item.items() if name not in skipped}


def _priced(account: Account, item: Row) -> Row:
    """Keep the minor units of a price beside its whole part, in an account that has them."""
    if "price" not in item or not account.switches.minor_units:
        return {}
    return {"price": int(item["price"]), "price_with_minor_units": float(item["price"])}


def _full_name(row: Row, item: Row) -> str:
    """Compose the name from its parts when only they were sent (facts: amocrm 4.2)."""
    if "name" in item or not item.keys() & {"first_name", "last_name"}:
        return row["name"]
    return " ".join(part for part in (row["first_name"], row["last_name"]) if part)


def _blank(account: Account, kind: str, id: int, by: int, now: int) -> Row:
    row: Row = {"id": id, "name": ""}
    if kind == "contacts":
        row |= {"first_name": "", "last_name": ""}
    if kind == "leads":
        row |= {"price": 0}
    row |= {"responsible_user_id": by or account.users.first_admin(), "group_id": 0}
    if kind == "leads":
        row |= {"status_id": None, "pipeline_id": None, "loss_reason_id": None, "source_id": None}
    row |= {"created_by": by, "updated_by": by, "created_at": now, "updated_at": now}
    if kind == "leads":
        row |= {"closed_at": None}
    row |= {"closest_task_at": None, "is_deleted": False}
    if kind == "contacts":
        row |= {"is_unsorted": False}
    row |= {"custom_fields_values": None}
    return row | tail(account, kind, id)


def tail(account: Account, kind: str, id: int) -> dict[str, Any]:
    """Build what stored rows end with; `_embedded` must stay the last key (parts.py splices there)."""
    extra = {"score": None} if kind == "leads" else {}
    closing: Row = {"labor_cost": None, "is_price_computed": False} if kind == "leads" else {}
    embedded: Row = {"tags": [], "companies": []} if kind != "companies" else {"tags": []}
    head = account.row_head(f"{kind}/{id}")
    return extra | {"account_id": head["account_id"]} | closing | {"_links": head["_links"], "_embedded": embedded}
