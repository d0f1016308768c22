"""Custom field values of a row: what may be written, and what is read back (facts: amocrm 4.10)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from .definitions import Fields
from .validation import Errors

ACCOUNT_ZONE = ZoneInfo("Europe/Moscow")
CHOICE = ("select", "multiselect", "radiobutton", "category", "multitext", "smart_address")
NUMBERS = ("numeric", "price", "monetary")
DAYS = ("date", "birthday")
MOMENTS = (*DAYS, "date_time")
OBJECTS = ("legal_entity", "items", "linked_entity", "file", "payer", "supplier")
LEGAL_KEYS = frozenset(
    [
        "name",
        "entity_type",
        "address",
        "real_address",
        "bank_account_number",
        "director",
        "vat_id",
        "tax_registration_reason_code",
        "kpp",
        "bank_code",
        "unp",
        "bin",
        "egrpou",
        "mfo",
        "oked",
        "external_uid",
    ]
)
VALUE_KEYS = frozenset({"value", "enum_id", "enum_code", "enum", "catalog_id", "catalog_element_id"})
LATEST = 10**11  # seconds; later dates have no calendar
_SECONDS = re.compile(r"^-?[0-9]{1,12}$")
_NUMBER = re.compile(r"^-?\d+(\.\d+)?$")
Reader = Callable[[dict[str, Any], dict[str, Any], str, Errors], dict[str, Any]]


def merged(
    fields: Fields, current: list[dict[str, Any]] | None, sent: list[Any] | None, errors: Errors
) -> list[dict[str, Any]] | None:
    """Answer the row's values after a write: a field sent replaces all its values, null clears it, the rest stays."""
    kept = {entry["field_id"]: entry for entry in current or []}
    for index, item in enumerate(sent or []):
        _merge_one(fields, kept, item, f"custom_fields_values.{index}", errors)
    return list(kept.values()) or None


def _merge_one(fields: Fields, kept: dict[int, dict[str, Any]], item: Any, path: str, errors: Errors) -> None:
    if not isinstance(item, dict):
        errors.add("InvalidType:array", path)
        return
    for name in item.keys() - {"field_id", "field_code", "values", "field_name", "field_type"}:
        errors.add("FieldNotExpected", f"{path}.{name}")
    field = _field(fields, item, path, errors)
    if field is None:
        return
    values = item.get("values", ())
    if values is None or values == []:
        kept.pop(field["id"], None)
    elif not isinstance(values, list):
        errors.add("FieldMissing" if "values" not in item else "InvalidType:array", f"{path}.values")
    else:
        kept[field["id"]] = _entry(field, [_value(field, value, f"{path}.values.{n}", errors) for n, value in enumerate(values)])


def _field(fields: Fields, item: dict[str, Any], path: str, errors: Errors) -> dict[str, Any] | None:
    if "field_id" not in item and "field_code" not in item:
        errors.add("FieldMissing", f"{path}.field_id")
        return None
    by = "field_id" if item.get("field_id") is not None else "field_code"
    wanted = int if by == "field_id" else str
    if not isinstance(item.get(by), wanted) or isinstance(item[by], bool):
        errors.add(f"InvalidType:{'int' if wanted is int else 'string'}", f"{path}.{by}")
        return None
    field = fields.find(item[by])
    if field is None or ("field_code" in item and item["field_code"] not in (field["code"], None)):
        errors.add("NotSupportedChoice", f"{path}.{by if field is None else 'field_code'}")
        return None
    return field


def _entry(field: dict[str, Any], values: list[dict[str, Any]]) -> dict[str, Any]:
    head = {"field_id": field["id"], "field_name": field["name"], "field_code": field["code"], "field_type": field["type"]}
    return head | {"values": values}


def _value(field: dict[str, Any], value: Any, path: str, errors: Errors) -> dict[str, Any]:
    if not isinstance(value, dict):
        errors.add("InvalidType:array", path)
        return {}
    for name in value.keys() - VALUE_KEYS:
        errors.add("FieldNotExpected", f"{path}.{name}")
    return _READERS.get(field["type"], _text)(field, value, path, errors)


def _text(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    given = value.get("value")
    if "value" not in value:
        errors.add("FieldMissing", f"{path}.value")
    elif isinstance(given, bool) or not isinstance(given, (str, int, float)):
        errors.add("InvalidType:string", f"{path}.value")
    return {"value": str(given)}


def _number(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    given = value.get("value")
    if isinstance(given, bool) or not _NUMBER.match(str(given)):
        errors.add("InvalidType:numeric", f"{path}.value")
    return {"value": str(given)}


def _checkbox(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    if value.get("value") not in (True, False):
        errors.add("InvalidType:bool", f"{path}.value")
    return {"value": bool(value.get("value"))}


def _moment(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    at = _unix(value.get("value"))
    if at is None:
        errors.add("InvalidType:int", f"{path}.value")
        return {}
    return {"value": local_midnight(at) if field["type"] in DAYS else at}


def _unix(given: Any) -> int | None:
    if isinstance(given, bool) or not isinstance(given, (int, str)):
        return None
    if isinstance(given, int) or _SECONDS.match(given):
        return int(given) if abs(int(given)) < LATEST else None
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def local_midnight(at: int) -> int:
    """Answer midnight of the account's day an instant falls in (facts: amocrm 4.10: 00:00 UTC reads back as 21:00 before)."""
    day = datetime.fromtimestamp(at, ACCOUNT_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    return int(day.timestamp())


def _object(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    given = value.get("value")
    if not isinstance(given, dict):
        errors.add("InvalidType:array", f"{path}.value")
        return {}
    if field["type"] == "legal_entity":
        for name in given.keys() - LEGAL_KEYS:
            errors.add("FieldNotExpected", f"{path}.value.{name}")
        if not given.get("name"):
            errors.add("FieldMissing", f"{path}.value.name")
    return {"value": given}


def _chained(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    for name in ("catalog_id", "catalog_element_id"):
        if not isinstance(value.get(name), int):
            errors.add("FieldMissing", f"{path}.{name}")
    return {name: value.get(name) for name in ("catalog_id", "catalog_element_id")}


def _choice(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    for by, name in (("enum_id", "id"), ("enum_code", "code"), ("enum", "code"), ("value", "value")):
        if value.get(by) is None:
            continue
        enum = next((e for e in field["enums"] or () if e[name] == value[by]), None)
        if enum is None:
            errors.add("NotSupportedChoice", f"{path}.{by}")
            return {}
        return {"value": enum["value"], "enum_id": enum["id"], "enum_code": enum["code"]}
    errors.add("FieldMissing", f"{path}.value")
    return {}


def _labelled(field: dict[str, Any], value: dict[str, Any], path: str, errors: Errors) -> dict[str, Any]:
    """Read a text with a label, as phones have; without one the first label is taken."""
    written = _text(field, value, path, errors)
    asked = {name: value[name] for name in ("enum_id", "enum_code", "enum") if value.get(name) is not None}
    enum = _choice(field, asked, path, errors) if asked else _first(field)
    return written | {"enum_id": enum.get("enum_id"), "enum_code": enum.get("enum_code")}


def _first(field: dict[str, Any]) -> dict[str, Any]:
    enum = (field["enums"] or [{"id": None, "code": None}])[0]
    return {"enum_id": enum["id"], "enum_code": enum["code"]}


_READERS: dict[str, Reader] = dict.fromkeys(CHOICE, _choice) | dict.fromkeys(NUMBERS, _number)
_READERS |= dict.fromkeys(MOMENTS, _moment) | dict.fromkeys(OBJECTS, _object)
_READERS |= {"multitext": _labelled, "smart_address": _labelled, "checkbox": _checkbox, "chained_list": _chained}
