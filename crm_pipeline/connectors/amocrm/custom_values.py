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
    marker: str | None = None
    """Golden id of a record we made."""


MARKER_CODE = "CRM_PIPELINE_ID"


def read_fields(entity: str, row: Payload, context: MappingContext) -> Fields:
    """Read `custom_fields_values`, which is null or `[]` when there are none."""
    found = Fields()
    sent_fields = row.get("custom_fields_values")
    if not sent_fields:
        return found
    points: Points = {}
    readers, region, zone = readers_of(entity, context), context.region, context.timezone
    for sent in sent_fields:
        values = sent.get("values")
        if not values:
            continue
        if type(values[0]) is not dict:
            values = _values(values)
        code = sent.get("field_code") or ""
        if code in POINT_KINDS:
            _add_points(points, code, values, region)
        elif code == "POSITION":
            found.position = text(values[0].get("value"))
        elif code == MARKER_CODE:
            found.marker = text(values[0].get("value"))
        else:
            _keep(found, readers.of(sent, code), values, zone)
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


def _add_points(points: Points, code: str, values: Sequence[Value], region: str) -> None:
    kind, clean = POINT_KINDS[code]
    for value in values:
        original = text(value.get("value"))
        if original is None:
            continue
        key = (kind, clean(original, region) or original)
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


def _keep(found: Fields, reader: "Reader | None", values: Sequence[Value], zone: str) -> None:
    if reader is None:
        return
    kept = reader.entry(values, zone)
    found.custom[reader.key] = kept
    if reader.column:
        reader.column(found, reader, kept, values)


@dataclass(frozen=True, slots=True)
class Reader:
    """What is to be done with the values of one field, decided once: records come by the thousand, fields by the dozen."""

    key: str
    name: str | None
    code: str
    remote_type: str
    kind: str
    options: Any
    column: "Column | None"
    """Takes what has a column of its own beside its place among the custom fields."""

    @classmethod
    def of(cls, entity: str, code: str, sent: Payload, context: MappingContext) -> "Reader | None":
        """Decide by what is sent of the field beside its values; None: it has no usable id."""
        key = reference(sent.get("field_id"))
        if key is None:
            return None
        definition = context.fields.get(f"{entity}:{key}", _UNDEFINED)
        remote_type = sent.get("field_type") or definition.get("remote_type") or "text"
        name = text(sent.get("field_name")) or text(definition.get("name"))
        kind, column = KINDS.get(remote_type, "json"), _column(entity, code, remote_type)
        return cls(key, name, code, remote_type, kind, definition.get("options"), column)

    def entry(self, values: Sequence[Value], zone: str) -> dict[str, Any]:
        """Return the entry of `custom_fields`."""
        typed = self._typed(values, zone)
        several = len(typed) > 1 or self.remote_type in MULTIPLE
        entry = {"name": self.name, "type": self.kind, "value": typed if several else typed[0]}
        enums = [reference(value.get("enum_id")) for value in values if value.get("enum_id")]
        if enums:
            entry["enum"] = enums if several else enums[0]
        return entry

    def _typed(self, values: Sequence[Value], zone: str) -> list[Any]:
        if self.kind == "enum":
            return [label(value.get("value"), self.options, value.get("enum_id")) for value in values]
        if self.remote_type == "smart_address":
            return [{"part": text(value.get("enum_code")), "value": text(value.get("value"))} for value in values]
        read = READERS.get(self.kind)
        return [read(value.get("value"), zone) if read else _object(value) for value in values]


MOST_READERS = 2_000
"""Fields remembered; what is sent of a field is nearly always the same."""


class Readers:
    """The readers of one entity in one context, found by all that is sent of a field beside its values."""

    def __init__(self, entity: str, context: MappingContext):
        self._entity = entity
        self._context = context
        self._known: dict[tuple[Any, ...], Reader | None] = {}

    def of(self, sent: Payload, code: str) -> Reader | None:
        """Return the reader of a field."""
        told = (sent.get("field_id"), sent.get("field_name"), sent.get("field_type"), code)
        try:
            return self._known[told]
        except KeyError:
            if len(self._known) >= MOST_READERS:
                self._known.clear()
        except TypeError:  # a collection where a name or an id belongs
            return Reader.of(self._entity, code, sent, self._context)
        self._known[told] = reader = Reader.of(self._entity, code, sent, self._context)
        return reader


_last: dict[str, tuple[MappingContext, Readers]] = {}


def readers_of(entity: str, context: MappingContext) -> Readers:
    """Return the readers of an entity; those of its last context are kept, for records come by the thousand."""
    known = _last.get(entity)
    if known is None or known[0] is not context:
        known = _last[entity] = (context, Readers(entity, context))
    return known[1]


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


Column = Callable[[Fields, Reader, Child, Sequence[Value]], None]


def _column(entity: str, code: str, remote_type: str) -> Column | None:
    """Return what takes a field's values into a column of ours, None for most fields."""
    if entity == "contacts":
        return _take_birthday if remote_type == "birthday" else None
    if entity == "companies":
        return _take_tax_id
    return _OF_PRODUCTS.get(code) if entity == "products" else None


def _take_birthday(found: Fields, reader: Reader, kept: Child, values: Sequence[Value]) -> None:
    if found.birthday is None and kept["value"]:
        found.birthday = date.fromisoformat(kept["value"] if isinstance(kept["value"], str) else kept["value"][0])


def _take_tax_id(found: Fields, reader: Reader, kept: Child, values: Sequence[Value]) -> None:
    found.tax_id = found.tax_id or _tax_id(reader.code, reader.remote_type, kept, values)


def _take_sku(found: Fields, reader: Reader, kept: Child, values: Sequence[Value]) -> None:
    found.sku = text(values[0].get("value"))


def _take_price(found: Fields, reader: Reader, kept: Child, values: Sequence[Value]) -> None:
    found.price = money(values[0].get("value"))


_OF_PRODUCTS: dict[str, Column] = {"SKU": _take_sku, "PRICE": _take_price}


def _tax_id(code: str, remote_type: str, kept: Child, values: Sequence[Value]) -> str | None:
    if remote_type == "legal_entity":
        entities = [value.get("value") for value in values]
        return next((text(one.get("vat_id")) for one in entities if isinstance(one, Mapping) and one.get("vat_id")), None)
    names = {code.casefold(), str(kept["name"] or "").casefold()}
    return text(values[0].get("value")) if names & TAX_NAMES else None
