"""The list of events with its own, always-on filters (facts: amocrm 3.3, 3.4)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import orjson

from .answers import Answer, refuse
from .brackets import Node, integers, values
from .events import number_of
from .filters import NOTHING, Condition, among, filters_of, inside, key, moments, scalar_means_from
from .pages import Found, Listing, serve, shuffled_seconds
from .parts import asked
from .records import PLURAL, Row

if TYPE_CHECKING:
    from .account import Account
    from .call import Call

MOST = {"id": 100, "created_by": 10, "entity_id": 10}
ORDERS = {"newest": "created DESC, id DESC", "oldest": "created ASC, id ASC", "shuffled": "created DESC, id DESC"}
_NAMES = {"contact_name": "contact", "lead_name": "lead", "company_name": "company"}
_ENUMS = "EXISTS (SELECT 1 FROM json_each(body, '$.{0}') AS v WHERE {1})"
_EXACT = ("$[0].sale_field_value.sale", "$[0].name_field_value.name", "$[0].nps.rate", "$[0].custom_field_value.text")


def list_events(account: Account, call: Call) -> Answer:
    """Answer a page of events; the largest page and the order are switches."""
    where = event_conditions(account, filters_of(call.query))
    decorate = partial(_decorated, account, asked(call.query))
    order = ORDERS[account.switches.events_order]
    # The order of events is stored as time and number; `created` equals `updated`, which has the index.
    order = order.replace("created", "updated")
    listing = Listing("events", "events", where=where, order=order, max_limit=account.switches.events_max, decorate=decorate)
    return serve(account, call, listing)


def event_conditions(account: Account, filters: Mapping[str, Node]) -> list[Condition]:
    """Answer the conditions; impossible combinations are refused with 400."""
    if not isinstance(filters, dict):
        return []
    entities = _texts(filters.get("entity"))
    _check(filters, entities)
    found: list[Condition] = []
    if "id" in filters:
        numbers = [number for id in _texts(filters["id"]) if (number := number_of(id)) is not None]
        found.append(among("id", numbers))
    if "created_at" in filters:
        found.append(moments("updated", scalar_means_from)(filters["created_at"]))
    if "created_by" in filters:
        found.append(among(key("created_by"), integers(filters["created_by"], commas=True)))
    if entities and "entity_id" in filters:
        ids = integers(filters["entity_id"], commas=True)
        found.append(among("parent", [f"{entities[0]}:{id}" for id in ids]))
    elif entities:
        found.append(among(key("entity_type"), list(entities)))
    if "type" in filters:
        found.append(_types(_texts(filters["type"])))
    return found + [_value(side, filters[side]) for side in ("value_after", "value_before") if side in filters]


def _texts(node: Node) -> list[str]:
    """Split comma lists and arrays alike; `leads` and `lead` name the same entity."""
    return [part.strip() for leaf in values(node) for part in leaf.split(",") if part.strip()]


def _check(filters: Mapping[str, Node], entities: list[str]) -> None:
    if "entity_id" in filters and len(entities) != 1:
        raise refuse(400, "filter[entity_id] needs exactly one filter[entity]")
    for name, most in MOST.items():
        if len(_texts(filters.get(name))) > most:
            raise refuse(400, f"filter[{name}] takes at most {most} values")
    types = _texts(filters.get("type"))
    if len(types) > 1 and any(type.startswith("custom_field_") for type in types):
        raise refuse(400, "custom field events cannot be combined with other types")


def _types(types: list[str]) -> Condition:
    (first, *_) = types or [""]
    middle = first.removeprefix("custom_field_").removesuffix("_value_changed")
    if first.startswith("custom_field_") and middle.isascii() and middle.isdigit() and len(middle) < 19:
        id = int(middle)
        shapes = " OR ".join(
            f"json_extract(body, '$.{side}[0].custom_field_value.field_id') = ?" for side in ("value_after", "value_before")
        )
        return f"{key('type')} LIKE 'custom_field_%' AND ({shapes})", [id, id]
    if first == "custom_field_value_changed":
        return f"{key('type')} LIKE 'custom_field_%value_changed'", []
    return among(key("type"), list(types))


def _value(side: str, node: Node) -> Condition:
    """Match what a value became or was (facts: amocrm 3.4)."""
    found: list[Condition] = []
    for name, wanted in node.items() if isinstance(node, dict) else ():
        if name == "leads_statuses":
            found.append(_statuses(side, wanted))
        elif name == "responsible_user_id":
            ids = integers(wanted, commas=True)
            found.append(among(f"json_extract(body, '$.{side}[0].responsible_user.id')", ids))
        elif name == "custom_field_values":
            ids = integers(wanted, commas=True)
            found.append(inside(_ENUMS.format(side, "{0}"), among("json_extract(v.value, '$.custom_field_value.enum_id')", ids)))
        elif name == "value":
            shapes = " OR ".join(f"CAST(json_extract(body, '$.{side}{path[1:]}') AS TEXT) = ?" for path in _EXACT)
            found.append((f"({shapes})", [str(wanted)] * len(_EXACT)))
    if not found:
        return "1", []
    return " AND ".join(f"({sql})" for sql, _ in found), [argument for _, arguments in found for argument in arguments]


def _statuses(side: str, node: Node) -> Condition:
    parts = [part for part in node.values() if isinstance(part, dict)] if isinstance(node, dict) else []
    at = f"$.{side}[0].lead_status"
    one = f"(json_extract(body, '{at}.pipeline_id') = ? AND json_extract(body, '{at}.id') = ?)"
    numbers = [number for part in parts for number in integers(part.get("pipeline_id"))[:1] + integers(part.get("status_id"))[:1]]
    if not parts or len(numbers) != 2 * len(parts):
        return NOTHING
    return " OR ".join([one] * len(parts)), list(numbers)


def _decorated(account: Account, names: list[str], found: Found) -> list[str]:
    if account.switches.events_order == "shuffled":
        found = shuffled_seconds(found)
    wanted = {kind for name, kind in _NAMES.items() if name in names}
    if not wanted:
        return [body for _, body in found]
    return [orjson.dumps(_named(account, orjson.loads(body), wanted)).decode() for _, body in found]


def _named(account: Account, event: Row, wanted: set[str]) -> Row:
    if event["entity_type"] in wanted:
        row = account.records.get(PLURAL[event["entity_type"]], event["entity_id"])
        event["_embedded"]["entity"] |= {"name": row["name"]} if row else {}
    return event
