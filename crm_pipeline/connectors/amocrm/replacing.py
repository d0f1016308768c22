"""Values of custom fields as they are sent: all of a field's values at once, what a person wrote kept as it is while wanted.

Which field holds which column is `holders.py`'s business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import phonenumbers

from crm_pipeline.connectors.amocrm.custom_values import POINT_KINDS
from crm_pipeline.connectors.amocrm.expressing import IN_FIELDS
from crm_pipeline.connectors.amocrm.holders import LEGAL, MARKER, Holder, Holders
from crm_pipeline.connectors.amocrm.payloads import named
from crm_pipeline.model.cleaning import day, money, text, timezone, web
from crm_pipeline.model.records import MappingContext, Payload
from crm_pipeline.model.writing import CREATE, Write

CLEARED = None
"""What empties a field (facts: amocrm 4.10)."""
MOBILE, WORK = "MOB", "WORK"
CODES = {"phones": "PHONE", "emails": "EMAIL", "webs": "WEB"}


@dataclass(frozen=True, slots=True)
class Entry:
    """All values of one field; none: it is emptied."""

    field_id: int
    columns: tuple[str, ...]
    values: Sequence[Payload]


@dataclass(frozen=True, slots=True)
class FieldValues:
    """What goes into fields, and the columns the account has no field for."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]


def field_values(write: Write, holders: Holders, context: MappingContext) -> FieldValues:
    """Return the values of the fields a write touches."""
    wanted = {column: value for column, value in write.values.items() if column in IN_FIELDS}
    if "webs" in wanted and "webs" in holders:
        wanted.pop("website", None)  # it is the first of them
    if write.operation == CREATE:
        wanted = {column: value for column, value in wanted.items() if value not in (None, [], ())}
        if write.marker and holders.get(MARKER):
            wanted[MARKER] = write.marker
    entries = [entry for column, value in wanted.items() for entry in _entries(write, column, value, holders, context)]
    return FieldValues(tuple(entries), tuple(column for column in wanted if not holders.get(column)))


def _entries(write: Write, column: str, value: Any, holders: Holders, context: MappingContext) -> list[Entry]:
    several = holders.get(column, ())
    if not several:
        return []
    held = {holder: found for holder in several if (found := _held(write, holder.field_id))}
    order = list(_order_of(write, held)) or [several[0]]
    if value in (None, [], ()):
        return [Entry(one.field_id, (column,), _emptied(one, held[one])) for one in order if one in held]
    holder = order[0]
    values = SPELLERS[column](value, held.get(holder, []), holder, write, context)
    return [Entry(holder.field_id, (column,), values)]


def _order_of(write: Write, held: Mapping[Holder, Any]) -> list[Holder]:
    """Return the fields that hold something in the order they are read in: the first one counts."""
    places = [named({"id": one.get("field_id")}) for one in _sent(write)]
    return sorted(held, key=lambda one: places.index(str(one.field_id)))


def _sent(write: Write) -> list[Payload]:
    payload = (write.current.payload if write.current else None) or {}
    return [one for one in payload.get("custom_fields_values") or () if isinstance(one, dict)]


def _held(write: Write, field_id: int) -> list[Payload]:
    """Return the values a field has now, as objects."""
    found = next((one.get("values") for one in _sent(write) if named({"id": one.get("field_id")}) == str(field_id)), None)
    return [dict(value) if isinstance(value, Mapping) else {"value": value} for value in found or ()]


def _emptied(holder: Holder, held: list[Payload]) -> list[Payload]:
    """Return what remains of a field that is emptied: of an organisation's particulars all but the number."""
    return [_particulars(one, None, "") for one in held] if holder.type == LEGAL else []


# One column each ------------------------------------------------------------------------------------------------------

Speller = Callable[[Any, list[Payload], Holder, Write, MappingContext], list[Payload]]


def _points(column: str) -> Speller:
    _, clean = POINT_KINDS[CODES[column]]

    def spell(value: Any, held: list[Payload], holder: Holder, write: Write, context: MappingContext) -> list[Payload]:
        """Keep what is there and wanted as it was written, add what is missing."""
        wanted = list(dict.fromkeys(value))
        known = [(_read(clean, one, context.region), one) for one in held]
        kept = [_verbatim(one) for read, one in known if read in wanted]
        there = {read for read, _ in known}
        first = write.values.get("website") if column == "webs" else None
        made = kept + [_labelled({"value": one}, _label(column, one, write), holder) for one in wanted if one not in there]
        return sorted(made, key=lambda one: _read(clean, one, context.region) != first) if first else made

    return spell


def _read(clean: Callable[[str, str], str | None], value: Payload, region: str) -> str | None:
    original = text(value.get("value"))
    return (clean(original, region) or original) if original else None


def _verbatim(value: Payload) -> Payload:
    """Return a value as it is sent back: with one name of its label, for a read value has more keys than are taken."""
    label = value.get("enum_code") or value.get("enum")
    named_by = {"enum_id": value["enum_id"]} if value.get("enum_id") else {"enum_code": label} if label else {}
    return {"value": value.get("value"), **named_by}


def _labelled(value: Payload, label: str, holder: Holder) -> Payload:
    """Add a label where the field has it; one whose labels are not known takes the usual ones (facts: amocrm 4.10)."""
    return {**value, "enum_code": label} if holder.type == "multitext" and label in (holder.labels or (label,)) else value


def _label(column: str, value: str, write: Write) -> str:
    return MOBILE if column == "phones" and write.entity == "contacts" and _is_mobile(value) else WORK


def _is_mobile(value: str) -> bool:
    try:
        kind = phonenumbers.number_type(phonenumbers.parse(value, None))
    except phonenumbers.NumberParseException:
        return False
    return kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)


def _plain(value: Any, held: list[Payload], holder: Holder, write: Write, context: MappingContext) -> list[Payload]:
    return [{"value": text(value)}]


def _website(value: Any, held: list[Payload], holder: Holder, write: Write, context: MappingContext) -> list[Payload]:
    """Put an address in the place of the first one."""
    first = text(held[0].get("value")) if held else None
    same = first is not None and (web(first) or first) == value
    rest = [_verbatim(one) for one in held[1:]] if holder.type == "multitext" else []
    return [_verbatim(held[0]) if same else _labelled({"value": value}, WORK, holder), *rest]


def _number(value: Any, held: list[Payload], holder: Holder, write: Write, context: MappingContext) -> list[Payload]:
    """Put a number as text, as it also comes back (facts: amocrm 4.10)."""
    found = money(value)
    return [{"value": f"{found:f}" if found is not None else text(value)}]


def _day(value: Any, held: list[Payload], holder: Holder, write: Write, context: MappingContext) -> list[Payload]:
    """Put a day as the midnight of the account's zone: there it stays the day it is (facts: amocrm 4.10, php#402)."""
    asked = value if isinstance(value, date) else day(value)
    midnight = datetime(asked.year, asked.month, asked.day, tzinfo=timezone(context.timezone)) if asked else None
    return [{"value": int(midnight.timestamp()) if midnight else None}]


def _tax_id(value: Any, held: list[Payload], holder: Holder, write: Write, context: MappingContext) -> list[Payload]:
    if holder.type != LEGAL:
        return _plain(value, held, holder, write, context)
    row = (write.current.payload if write.current else None) or {}
    name = text(write.values.get("name")) or text(row.get("name")) or text(value) or ""
    place = next((n for n, one in enumerate(held) if isinstance(one.get("value"), Mapping) and one["value"].get("vat_id")), 0)
    rows = held or [{"value": {}}]
    return [_particulars(one, text(value) if n == place else ..., name) for n, one in enumerate(rows)]


def _particulars(value: Payload, tax_id: Any, name: str) -> Payload:
    """Return an organisation's particulars with another number; keys of other countries are empty and not taken back
    (facts: amocrm 4.10, ufee)."""
    found = value.get("value")
    kept = {key: one for key, one in found.items() if one not in (None, "", [])} if isinstance(found, Mapping) else {}
    if tax_id is not ...:
        kept["vat_id"] = tax_id
    kept.setdefault("name", name)
    return {"value": {key: one for key, one in kept.items() if one is not None}}


SPELLERS: Mapping[str, Speller] = {
    "phones": _points("phones"), "emails": _points("emails"), "webs": _points("webs"), "website": _website,
    "position": _plain, "birthday": _day, "tax_id": _tax_id, "sku": _plain, "price": _number, MARKER: _plain,
}  # fmt: skip
