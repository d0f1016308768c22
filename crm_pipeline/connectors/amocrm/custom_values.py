"""Values of amoCRM's custom fields: typed values for `custom_fields`, and those that have a column or table of ours."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from crm_pipeline.connectors.amocrm.definitions import KINDS, MULTIPLE, label
from crm_pipeline.model.cleaning import day, email, flag, moment, money, phone, reference, text, web
from crm_pipeline.model.records import MappingContext, Payload

Value = Mapping[str, Any]
Point = Mapping[str, Any]
Child = Mapping[str, Any]


@dataclass(slots=True)
class Fields:
    """What a record's custom fields say."""

    custom: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    position: str | None = None
    birthday: date | None = None
    tax_id: str | None = None
    sku: str | None = None
    price: Decimal | None = None


def read_fields(entity: str, row: Payload, context: MappingContext) -> Fields:
    """Read `custom_fields_values`, which is null or `[]` when there are none."""
    found = Fields()
    points: Points = {}
    for sent in row.get("custom_fields_values") or ():
        code = sent.get("field_code") or ""
        values = sent.get("values")
        if not values:
            continue
        if type(values[0]) is not dict:
            values = _values(values)
        if code in POINT_KINDS:
            _add_points(points, code, values, context)
        elif code == "POSITION":
            found.position = text(values[0].get("value"))
        else:
            _keep(found, entity, code, sent, values, context)
    found.points = tuple(points.values())
    return found


def _values(values: Sequence[Any]) -> list[Value]:
    """Return a field's values as objects; plain scalars are accepted (facts: amocrm 8.2)."""
    return [value if isinstance(value, Mapping) else {"value": value} for value in values]


# Phones, e-mails, sites, messengers -----------------------------------------------------------------------------------

POINT_KINDS: dict[str, tuple[str, Callable[[str, str], str | None]]] = {
    "PHONE": ("phone", phone),
    "EMAIL": ("email", lambda written, region: email(written)),
    "WEB": ("web", lambda written, region: web(written)),
    "IM": ("messenger", lambda written, region: written.lower()),
}


Points = dict[tuple[str, str], dict[str, Any]]


def _add_points(points: Points, code: str, values: Sequence[Value], context: MappingContext) -> None:
    kind, clean = POINT_KINDS[code]
    for value in values:
        original = text(value.get("value"))
        if original is None:
            continue
        key = (kind, clean(original, context.region) or original)
        if key in points:
            continue
        points[key] = {
            "kind": kind,
            "value": key[1],
            "original": original,
            # the key `enum` appears in one official sample (facts: amocrm 4.2)
            "label": text(value.get("enum_code") or value.get("enum")),
            "is_primary": not any(known == kind for known, _ in points),
            "position": len(points),
            "remote_value_id": None,
        }


# Everything else ------------------------------------------------------------------------------------------------------

_UNDEFINED: Child = {}
TAX_NAMES = frozenset(("инн", "inn", "tax_id", "tax id", "taxid", "vat_id", "vat id", "vat", "vat number", "tin"))


def _keep(found: Fields, entity: str, code: str, sent: Payload, values: Sequence[Value], context: MappingContext) -> None:
    key = reference(sent.get("field_id"))
    if key is None:
        return
    definition = context.fields.get(f"{entity}:{key}", _UNDEFINED)
    remote_type = sent.get("field_type") or definition.get("remote_type") or "text"
    kept = _entry(remote_type, sent, values, definition, context)
    found.custom[key] = kept
    _columns(found, entity, code, remote_type, kept, values)


def _entry(
    remote_type: str, sent: Payload, values: Sequence[Value], definition: Child, context: MappingContext
) -> dict[str, Any]:
    typed = _typed(remote_type, values, definition.get("options"), context)
    several = len(typed) > 1 or remote_type in MULTIPLE
    entry = {
        "name": text(sent.get("field_name")) or text(definition.get("name")),
        "type": KINDS.get(remote_type, "json"),
        "value": typed if several else typed[0],
    }
    enums = [reference(value.get("enum_id")) for value in values if value.get("enum_id")]
    if enums:
        entry["enum"] = enums if several else enums[0]
    return entry


def _typed(remote_type: str, values: Sequence[Value], options: Any, context: MappingContext) -> list[Any]:
    kind = KINDS.get(remote_type, "json")
    if kind == "enum":
        return [label(value.get("value"), options, value.get("enum_id")) for value in values]
    if remote_type == "smart_address":
        return [{"part": text(value.get("enum_code")), "value": text(value.get("value"))} for value in values]
    read = READERS.get(kind)
    return [read(value.get("value"), context.timezone) if read else _object(value) for value in values]


def _number(value: Any, zone: str) -> int | float | None:
    number = money(value)
    if number is None:
        return None
    return int(number) if number == number.to_integral_value() and abs(number) < 2**53 else float(number)


def _day(value: Any, zone: str) -> str | None:
    found = day(value, zone)
    return found.isoformat() if found else None


def _moment(value: Any, zone: str) -> str | None:
    found = moment(value, zone)
    return found.isoformat() if found else None


def _object(value: Value) -> Any:
    """Return a structured value as it is; some types have their keys beside `value` (chained lists: facts amocrm 4.10)."""
    return value["value"] if value.get("value") is not None else dict(value)


READERS: dict[str, Callable[[Any, str], Any]] = {
    "text": lambda value, zone: text(value),
    "link": lambda value, zone: text(value),
    "number": _number,
    "money": _number,
    "boolean": lambda value, zone: flag(value),
    "date": _day,
    "datetime": _moment,
}


def _columns(found: Fields, entity: str, code: str, remote_type: str, kept: Child, values: Sequence[Value]) -> None:
    """Take what has a column of its own beside its place among the custom fields."""
    if entity == "contacts":
        if remote_type == "birthday" and found.birthday is None and kept["value"]:
            found.birthday = date.fromisoformat(kept["value"] if isinstance(kept["value"], str) else kept["value"][0])
    elif entity == "companies":
        found.tax_id = found.tax_id or _tax_id(code, remote_type, kept, values)
    elif entity == "products" and code == "SKU":
        found.sku = text(values[0].get("value"))
    elif entity == "products" and code == "PRICE":
        found.price = money(values[0].get("value"))


def _tax_id(code: str, remote_type: str, kept: Child, values: Sequence[Value]) -> str | None:
    if remote_type == "legal_entity":
        entities = [value.get("value") for value in values]
        return next((text(one.get("vat_id")) for one in entities if isinstance(one, Mapping) and one.get("vat_id")), None)
    names = {code.casefold(), str(kept["name"] or "").casefold()}
    return text(values[0].get("value")) if names & TAX_NAMES else None
