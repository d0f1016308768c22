"""Reading leads, contacts and companies: lists and single rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .answers import BASE, EMPTY, Answer, problem
from .filters import ALPHA, Condition, conditions, search
from .pages import Listing, serve
from .parts import asked, decorated, trashed
from .records import Row

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

ORDERS = {"leads": ("created_at", "updated_at", "id"), "contacts": ("updated_at", "id"), "companies": ("updated_at", "id")}


def list_entities(account: Account, call: Call) -> Answer:
    """Answer a page of leads, contacts or companies, or of their trash with `with=only_deleted`."""
    kind, names = call.params["kind"], asked(call.query)
    where = entity_conditions(account, kind, call.query)
    if "only_deleted" in names and (kind == "leads" or account.switches.only_deleted_everywhere):
        trash = Listing(kind, kind, ORDERS[kind], where, decorate=lambda found: trashed(account, found), deleted=1)
        return serve(account, call, trash)
    listing = Listing(kind, kind, ORDERS[kind], where, decorate=lambda found: decorated(account, kind, names, found))
    return serve(account, call, listing)


def entity_conditions(account: Account, kind: str, query: dict[str, Any]) -> list[Condition]:
    """Answer the conditions of a query; without the paid filter `filter` is ignored in silence (facts: amocrm 0.2)."""
    found: list[Condition] = []
    filters = query.get("filter")
    if account.switches.api_filter and isinstance(filters, dict) and ALPHA[kind].keys() & filters.keys():
        found.append(conditions(filters, ALPHA[kind]))
    if isinstance(query.get("query"), str) and query["query"].strip():
        found.append(search(query["query"].strip()))
    return found


def get_entity(account: Account, call: Call) -> Answer:
    """Answer one row with what `with` asks for; a missing one is 204 or 404 by switch."""
    kind, id = call.params["kind"], int(call.params["id"])
    row = account.records.get(kind, id)
    if row is None:
        return gone(account, call, kind, id)
    (body,) = decorated(account, kind, asked(call.query), [(id, account.records.text(row))])
    if account.switches.empty_custom_fields == "list":
        body = body.replace('"custom_fields_values":null', '"custom_fields_values":[]')
    return Answer(200, body.encode())


def gone(account: Account, call: Call, kind: str, id: int) -> Answer:
    """Answer for a row that is missing, or in the trash (facts: amocrm 4.14: 204, 404 or is_deleted alike)."""
    shown = account.switches.deleted_entity if account.records.state(kind, id) == 1 else account.switches.missing_entity
    if shown == "body":
        row: Row = account.records.any(kind, id) or {}
        return Answer(200, account.records.text(row).encode())
    return missing(call) if shown == "404" else EMPTY


def missing(call: Call) -> Answer:
    """Answer 404 as the vendor words it."""
    return problem(404, f"Cannot {call.method} {BASE}{call.path}")
