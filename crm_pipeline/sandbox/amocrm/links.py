"""Links between rows: read, link, unlink, singly and in masses (facts: amocrm 4.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import validation as v
from .answers import EMPTY, Answer, hal, href, refuse
from .batches import form_refusal
from .brackets import integers
from .catalogs import elements_kind
from .entities import missing
from .filters import filters_of
from .linkbook import ALLOWED, element_link, reference
from .records import Row
from .validation import Check, Errors, validation_answer

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

_METADATA: dict[str, Check] = {
    "is_main": v.boolean,
    "main_contact": v.boolean,
    "catalog_id": v.integer,
    "quantity": v.number,
    "price_id": v.nullable(v.integer),
    "updated_by": v.author,
}
_ITEM: dict[str, Check] = {
    "to_entity_id": v.integer,
    "to_entity_type": v.text,
    "metadata": v.nullable(v.mapping),
    "entity_id": v.integer,
    "request_id": v.label,
}


# reading


def get_links(account: Account, call: Call) -> Answer:
    """Answer the links of one row, or of several given as filter[entity_id][]."""
    kind, filters = call.params["kind"], filters_of(call.query)
    mass = "id" not in call.params
    ids = integers(filters.get("entity_id")) if mass else [int(call.params["id"])]
    if mass and not ids:
        raise refuse(400, "filter[entity_id] is required")
    if not mass and account.records.get(kind, ids[0]) is None:
        return EMPTY if account.switches.missing_entity == "204" else missing(call)
    found = [
        _owned(link, kind, id) if mass else link for id in ids for link in links_of(account, kind, id) if _wanted(link, filters)
    ]
    shown = f"{call.path.removeprefix('/api/v4/')}?page=1&limit=50"
    return hal({"_total_items": len(found), "_links": {"self": href(shown)}, "_embedded": {"links": found}})


def _owned(link: Row, kind: str, id: int) -> Row:
    return {"entity_id": id, "entity_type": kind} | link


def _wanted(link: Row, filters: dict[str, Any]) -> bool:
    if "to_entity_type" in filters and link["to_entity_type"] != filters["to_entity_type"]:
        return False
    if "to_entity_id" in filters and link["to_entity_id"] not in integers(filters["to_entity_id"]):
        return False
    catalog = (link["metadata"] or {}).get("catalog_id")
    return "to_catalog_id" not in filters or catalog in integers(filters["to_catalog_id"])


def links_of(account: Account, kind: str, id: int) -> list[Row]:
    """List the links of a row; the main contact is read as `main_contact` (facts: amocrm 4.9)."""
    book, row = account.links, account.records.get(kind, id) or {}
    found = [_link(e["id"], "catalog_elements", e["metadata"]) for e in book.elements(kind, id)]
    if kind == "leads":
        found += [_link(pair["contact"], "contacts", {"main_contact": pair["is_main"]}) for pair in book.pairs(id)]
    if kind == "contacts":
        found += [_link(pair["lead"], "leads", None) for pair in book.pairs_of_contact(id)]
    if kind == "companies":
        found += [_link(one, other, None) for other in ("leads", "contacts") for one in book.members(other, id)]
    companies = row.get("_embedded", {}).get("companies", [])
    return found + [_link(company["id"], "companies", None) for company in companies]


def _link(id: int, kind: str, metadata: Row | None) -> Row:
    return {"to_entity_id": id, "to_entity_type": kind, "metadata": metadata}


# changing


def link(account: Account, call: Call) -> Answer:
    """Link rows; the answer lists the links with both ends."""
    items = _items(account, call)
    if isinstance(items, Answer):
        return items
    for item in items:
        connect(account, call.params["kind"], item["entity_id"], item, call.user_id)
    shown = [
        {"entity_id": i["entity_id"], "entity_type": call.params["kind"]}
        | _link(i["to_entity_id"], i["to_entity_type"], i.get("metadata"))
        for i in items
    ]
    links = {"self": href(call.path.removeprefix("/api/v4/"))}
    return hal({"_total_items": len(shown), "_links": links, "_embedded": {"links": shown}})


def unlink(account: Account, call: Call) -> Answer:
    """Part rows: 204."""
    items = _items(account, call)
    if isinstance(items, Answer):
        return items
    for item in items:
        disconnect(account, call.params["kind"], item["entity_id"], item, call.user_id)
    return EMPTY


def _items(account: Account, call: Call) -> list[Row] | Answer:
    if (refused := form_refusal(call.body, 250)) is not None:
        return refused
    kind, own = call.params["kind"], call.params.get("id")
    if own is None and not account.switches.mass_links:
        return missing(call)
    if own is not None and account.records.get(kind, int(own)) is None:
        return missing(call)
    items = [item | {"entity_id": int(own)} if own and isinstance(item, dict) else item for item in call.body]
    failed = [(str(n), errors) for n, item in enumerate(items) if (errors := _errors(account, kind, item)).found]
    return validation_answer(failed) if failed else items


def _errors(account: Account, kind: str, item: Any) -> Errors:
    errors = Errors()
    if not isinstance(item, dict):
        errors.add("InvalidType:array", "")
        return errors
    v.check_fields(account, item, _ITEM, errors)
    v.require(item, ("to_entity_id", "to_entity_type", "entity_id"), errors)
    metadata = item.get("metadata") or {}
    if isinstance(metadata, dict):
        v.check_fields(account, metadata, _METADATA, errors, "metadata.")
    if not errors.found:
        _check_ends(account, kind, item, metadata, errors)
    return errors


def _check_ends(account: Account, kind: str, item: Row, metadata: Row, errors: Errors) -> None:
    other = item["to_entity_type"]
    if other not in ALLOWED[kind] or (kind == "contacts" and other == "leads"):
        errors.add("NotSupportedChoice", "to_entity_type")
        return
    if account.records.get(kind, item["entity_id"]) is None:
        errors.add("NotSupportedChoice", "entity_id")
    if other == "catalog_elements" and "catalog_id" not in metadata:
        errors.add("FieldMissing", "metadata.catalog_id")
        return
    target = elements_kind(metadata["catalog_id"]) if other == "catalog_elements" else other
    if account.records.get(target, item["to_entity_id"]) is None:
        errors.add("NotSupportedChoice", "to_entity_id")


def connect(account: Account, kind: str, id: int, item: Row, by: int) -> None:
    """Make one link and note it."""
    other, other_id, metadata = item["to_entity_type"], item["to_entity_id"], item.get("metadata") or {}
    if other == "catalog_elements":
        changed = _connect_element(account, kind, id, other_id, metadata)
    elif "companies" in (kind, other):
        one, one_id, company = _member(kind, id, other, other_id)
        changed = set_company(account, one, one_id, company)
    else:
        changed = account.links.link_contact(id, other_id, metadata.get("is_main", metadata.get("main_contact")), account.now())
    if changed:
        account.changes.linked(kind, id, other, other_id, by)


def disconnect(account: Account, kind: str, id: int, item: Row, by: int) -> None:
    """Remove one link and note it."""
    other, other_id = item["to_entity_type"], item["to_entity_id"]
    if other == "catalog_elements":
        kept = account.links.elements(kind, id)
        rest = [element for element in kept if element["id"] != other_id]
        account.links.set_elements(kind, id, rest, account.now())
        changed = len(rest) < len(kept)
    elif "companies" in (kind, other):
        one, one_id, company = _member(kind, id, other, other_id)
        changed = set_company(account, one, one_id, None, only=company)
    else:
        changed = account.links.unlink_contact(id, other_id, account.now())
    if changed:
        account.changes.linked(kind, id, other, other_id, by, gone=True)


def _member(kind: str, id: int, other: str, other_id: int) -> tuple[str, int, int]:
    """Tell which side belongs to the company: (kind, id, company id)."""
    return (kind, id, other_id) if other == "companies" else (other, other_id, id)


def _connect_element(account: Account, kind: str, id: int, element: int, metadata: Row) -> bool:
    kept = account.links.elements(kind, id)
    rest = [one for one in kept if one["id"] != element]
    made = element_link(element, metadata["catalog_id"], metadata.get("quantity", 1), metadata.get("price_id"))
    account.links.set_elements(kind, id, [*rest, made], account.now())
    return made not in kept


def set_company(account: Account, kind: str, id: int, company: int | None, only: int | None = None) -> bool:
    """Put a lead or contact under a company, or under none; a row has at most one (facts: amocrm 4.1)."""
    row = account.records.get(kind, id)
    if row is None or (only is not None and [c["id"] for c in row["_embedded"]["companies"]] != [only]):
        return False
    companies = [reference("companies", company)] if company is not None else []
    if row["_embedded"]["companies"] and company is not None and row["_embedded"]["companies"][0]["id"] == company:
        return False
    row["_embedded"]["companies"] = companies
    account.records.save(kind, row)
    return True
