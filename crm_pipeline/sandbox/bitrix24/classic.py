"""crm.contact.*, crm.company.*, crm.deal.*: UPPER_CASE keys, strings, plain lists (facts: bitrix24 4.4–4.7)."""

from __future__ import annotations

from functools import partial
from typing import Any

import orjson

from . import changes, multifields
from .calls import Answer, Call, register
from .columns import classic_columns
from .faces import Row, multiple_names
from .fields import ENTITY_TYPES, MULTI
from .filters import Dialect
from .json_text import Rows
from .paging import List, names_of, page
from .portal import Portal
from .records import Record
from .refusals import NOT_FOUND, Refusal, classic, core
from .values import BadValue, classic_values

LINK_PARAMETERS = {"contact": "COMPANY_IDS", "deal": "CONTACT_IDS", "company": "CONTACT_ID"}
_EMPTY = {"list": [], "false": False, "null": None}


def list_rows(portal: Portal, call: Call, kind: str) -> Answer:
    """List rows; `*` covers neither user nor multi-fields, the default is `*` and `UF_*`."""
    unknown = _unknown_key if portal.switches.classic_unknown_filter == "error" else None
    found = page(portal, call, List(kind, classic_columns(kind), Dialect(portal.moments, unknown=unknown), snap=True))
    return found.answer(_selected(portal, kind, found.texts, names_of(call.get("select"))))


def get_row(portal: Portal, call: Call, kind: str) -> Row:
    """Return the whole row with its multi-fields."""
    record = portal.records.load(kind, call.classic_id())
    if record is None:
        raise NOT_FOUND
    return emptied(portal, kind, record.row)


def add_row(portal: Portal, call: Call, kind: str) -> int:
    """Add a row and return its id; IMPORT lets one set the times."""
    given = call.classic_fields()
    if kind == "company" and not given.get("TITLE"):
        raise core("Required field 'Company name' is not filled in.<br>")
    importing = str((call.get("params") or {}).get("IMPORT", "N")).upper() == "Y"
    created = portal.moments.seconds(given["DATE_CREATE"]) if importing and given.get("DATE_CREATE") else None
    values = _values(portal, kind, given, {}, importing)
    record = changes.create(portal, kind, values, _linked(kind, given), call.actor, at=created)
    if importing and (modified := portal.moments.seconds(given.get("DATE_MODIFY") or "")):
        record.updated = modified
        portal.records.save(record)
    return record.id


def update_row(portal: Portal, call: Call, kind: str) -> bool:
    """Change the given fields; moving a deal to another pipeline this way is ignored."""
    number, given = call.classic_id(), call.classic_fields()
    record = portal.records.load(kind, number)
    if record is None:
        raise classic(f"{kind.capitalize()} is not found")
    values = _values(portal, kind, given, record.row)
    values.pop("CATEGORY_ID", None)
    _check_stage(portal, record, values)
    changes.change(portal, record, values, _linked(kind, given), call.actor)
    return True


def delete_row(portal: Portal, call: Call, kind: str) -> bool:
    """Move a row to the recycle bin."""
    number = call.classic_id()
    if portal.records.load(kind, number) is None:
        raise NOT_FOUND if kind == "deal" else classic(f"{kind.capitalize()} is not found")
    changes.remove(portal, kind, number, call.actor)
    return True


def emptied(portal: Portal, kind: str, row: Row) -> Row:
    """Show empty multiple user fields as the switch says."""
    return with_empty(portal, [name for name, _ in multiple_names(kind)], row)


def with_empty(portal: Portal, names: list[str], row: Row) -> Row:
    """Replace `[]` under the names by the disputed shape (facts: bitrix24 12.12)."""
    if portal.switches.empty_multiple != "list":
        row |= {name: _EMPTY[portal.switches.empty_multiple] for name in names if row.get(name) == []}
    return row


def _selected(portal: Portal, kind: str, texts: list[str], names: list[str]) -> Rows:
    wanted = names or ["*", "UF_*"]
    if {"*", "UF_*"} <= set(wanted) and portal.switches.empty_multiple == "list":
        unwanted = [f'"{name}":[' for name in MULTI if name not in wanted]
        return Rows([_picked(text, wanted) if any(key in text for key in unwanted) else text for text in texts])
    rows = [emptied(portal, kind, orjson.loads(text)) for text in texts]
    return Rows([orjson.dumps(_pick(row, wanted)).decode() for row in rows])


def _picked(text: str, wanted: list[str]) -> str:
    return orjson.dumps(_pick(orjson.loads(text), wanted)).decode()


def _pick(row: Row, wanted: list[str]) -> Row:
    if "*" not in wanted:
        named = {name: row[name] for name in wanted if name in row}
        return named | ({key: row[key] for key in row if key.startswith("UF_")} if "UF_*" in wanted else {})
    drop = [name for name in MULTI if name not in wanted]
    if "UF_*" not in wanted:
        drop += [key for key in row if key.startswith("UF_") and key not in wanted]
    for key in drop:
        row.pop(key, None)
    return row


def _values(portal: Portal, kind: str, given: Row, row: Row, importing: bool = False) -> Row:
    try:
        values = classic_values(kind, given, portal.moments, importing)
    except BadValue as error:
        raise core(f"Invalid value of field {error.field.name}.<br>") from error
    if kind != "deal":
        new_id = portal.records.multifield_id
        values |= {n: multifields.apply_classic(row.get(n, []), given[n], n, new_id) for n in MULTI if n in given}
    return values


def _check_stage(portal: Portal, record: Record, values: Row) -> None:
    if "STAGE_ID" in values:
        stages = portal.dictionaries.stages(int(record.row["CATEGORY_ID"]))
        if values["STAGE_ID"] not in [stage["STATUS_ID"] for stage in stages]:
            raise core("Invalid value of field STAGE_ID.<br>")


def _linked(kind: str, given: Row) -> list[int] | None:
    value: Any = given.get(LINK_PARAMETERS[kind])
    if value is None:
        return None
    listed = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return [int(number) for number in listed if str(number).isdigit() and int(number)]


def _unknown_key(where: str, name: str) -> Refusal:
    return core(f"Unknown field '{name}' in {where}.<br>")


_METHODS = {"list": list_rows, "get": get_row, "add": add_row, "update": update_row, "delete": delete_row}
for _kind in ENTITY_TYPES:
    for _name, _run in _METHODS.items():
        register(f"crm.{_kind}.{_name}", partial(_run, kind=_kind))
