"""Values of user fields, typed by their definitions, under the same key in both faces (facts: bitrix24 4.2, 4.3).

`crm.item.*` spells `UF_CRM_17` as `ufCrm_17`. The account check keeps the vendor's own table of names; a field newer than
that is found among the known definitions by comparing both names without case and underscores.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.connectors.bitrix24.reading import clean, key
from crm_pipeline.model.cleaning import day, flag, moment, money, text
from crm_pipeline.model.records import MappingContext, Payload

KIND_OF_TYPE = {
    "string": "text", "integer": "number", "double": "number", "boolean": "boolean", "date": "date", "datetime": "datetime",
    "enumeration": "enum", "money": "money", "url": "link", "file": "file", "address": "text", "resourcebooking": "json",
}  # fmt: skip
"""User type → our kind; every other type (employee, crm, iblock_element, crm_status …) holds references and is text."""

_TAX = re.compile(r"(?i)\bинн\b|\binn\b|tax[ _]?id|\bvat(?:[ _]?(?:id|number))?\b|^uf_crm_inn$")


Entry = dict[str, Any]
Read = Callable[[Any, str], Any]
"""A filled single value and the portal's zone → what stands in `custom_fields`; None: nothing to read."""


def _number(value: Any, zone: str) -> int | float | None:
    found = money(value)
    if found is None:
        return None
    return int(found) if found == found.to_integral_value() else float(found)


def _day(value: Any, zone: str) -> str | None:
    found = day(value, zone)
    return found.isoformat() if found else None


def _moment(value: Any, zone: str) -> str | None:
    found = moment(value, zone)
    return found.isoformat() if found else None


def _text(value: Any, zone: str) -> str | None:
    return clean(value)


def _flag(value: Any, zone: str) -> bool | None:
    return flag(value)


def _file(value: Any, zone: str) -> str | None:
    """Keep a file's id only: its addresses are signed and hold a token (facts: bitrix24 9)."""
    return text(value.get("id") or value.get("ID")) if isinstance(value, dict) else text(value)


def _reference(value: Any, zone: str) -> str | None:
    return key(value)


def _json(value: Any, zone: str) -> Any:
    return value


_READ: dict[str, Read] = {
    "number": _number, "money": _number, "date": _day, "datetime": _moment, "file": _file, "boolean": _flag, "json": _json,
    "enum": _reference,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """One user field as values need it."""

    key: str
    name: str
    kind: str
    options: Mapping[str, str]
    is_tax_id: bool
    read: Read

    @classmethod
    def of(cls, key: str, known: Mapping[str, Any] | None) -> "Definition":
        """Build it from what `source.custom_fields` holds; an unknown field is text under its own name."""
        known = known or {}
        name, kind = str(known.get("name") or key), str(known.get("kind") or "text")
        options = {str(number): str(label) for number, label in as_map(known.get("options")).items()}
        return cls(key, name, kind, options, bool(_TAX.search(name) or _TAX.search(key)), _READ.get(kind, _text))

    def typed(self, value: Any, zone: str) -> Entry | None:
        """Return the entry of `custom_fields`; None when the value is empty (PHP: null, "", [], false unless it is a flag)."""
        if value is None or value == "" or (value is False and self.kind != "boolean"):
            return None
        found = self._several(value, zone) if isinstance(value, list) else self.read(value, zone)
        if found is None or found == []:
            return None
        entry = {"name": self.name, "type": self.kind, "value": found}
        return _MORE[self.kind](self, entry, value) if self.kind in _MORE else entry

    def _several(self, values: list[Any], zone: str) -> list[Any]:
        read = (self.read(value, zone) for value in values if value is not None and value != "")
        return [value for value in read if value is not None]


def _labelled(definition: Definition, entry: Entry, value: Any) -> Entry:
    """Put labels for the ids of an enumeration's items, and keep the ids beside them."""
    ids, options = entry["value"], definition.options
    labels = [options.get(one, one) for one in ids] if isinstance(ids, list) else options.get(ids, ids)
    return entry | {"value": labels, "enum": ids}


def _with_currency(definition: Definition, entry: Entry, value: Any) -> Entry:
    """Add the currency of `"1500|USD"`."""
    first = value[0] if isinstance(value, list) else value
    code = str(first).partition("|")[2].strip()
    return entry | {"currency": code} if code else entry


_MORE: dict[str, Callable[[Definition, Entry, Any], Entry]] = {"enum": _labelled, "money": _with_currency}

_MOST_SHAPES = 500
"""Different sets of keys remembered; payloads of one listing nearly all have the same."""


class Definitions:
    """The definitions of one context, found by the name a payload uses. Filled as payloads are met."""

    def __init__(self, context: MappingContext):
        self._fields = context.fields
        self._zone = context.timezone
        self._names = as_map(context.facts.get("uf_names"))
        self._shapes: dict[tuple[str, ...], tuple[tuple[str, Definition], ...]] = {}
        self._squashed = {_squash(name): name for name in self._fields}

    def read(self, entity: str, payload: Payload) -> tuple[dict[str, Any], str | None]:
        """Return the `custom_fields` of a payload and the tax id among them, digits only."""
        found: dict[str, Any] = {}
        tax_id: str | None = None
        shape = (entity, *payload)
        for name, definition in self._shapes.get(shape) or self._shape(shape):
            entry = definition.typed(payload[name], self._zone)
            if entry:
                found[definition.key] = entry
                tax_id = tax_id or (_digits(entry["value"]) if definition.is_tax_id else None)
        return found, tax_id

    def _shape(self, shape: tuple[str, ...]) -> tuple[tuple[str, Definition], ...]:
        """Return the user fields among the keys of a payload with their definitions."""
        entity, *names = shape
        met = tuple((name, self._meet(entity, name)) for name in names if name[:2] in ("uf", "UF"))
        if len(self._shapes) >= _MOST_SHAPES:
            self._shapes.clear()
        self._shapes[shape] = met
        return met

    def _meet(self, entity: str, name: str) -> Definition:
        key = name if name.startswith("UF_") else self._field_key(entity, name)
        return Definition.of(key, self._fields.get(f"{entity}:{key}"))

    def _field_key(self, entity: str, name: str) -> str:
        told = as_map(self._names.get(entity)).get(name)
        known = self._squashed.get(_squash(f"{entity}:{name}"))
        return str(told) if told else known.partition(":")[2] if known else spelled(name)


def tax_field(context: MappingContext) -> str | None:
    """Return the key of the companies' field the tax id is read from; None when there is none, or it could be any of several."""
    keys = [name.partition(":")[2] for name in context.fields if name.startswith("companies:")]
    known = [Definition.of(key, context.fields[f"companies:{key}"]) for key in keys]
    found = [one.key for one in known if one.is_tax_id and one.kind == "text"]
    return found[0] if len(found) == 1 else None


def item_name(entity: str, key: str, context: MappingContext) -> str:
    """Return how `crm.item.*` names a user field: as the vendor's table says, else by its documented rule (facts: bitrix24 4.3).

    >>> item_name("deals", "UF_CRM_2_1639669411830", MappingContext(1))
    'ufCrm2_1639669411830'
    """
    told = as_map(as_map(context.facts.get("uf_names")).get(entity))
    by_table = next((name for name, upper in told.items() if upper == key), None)
    parts = key.removeprefix("UF_CRM_").split("_")
    short = f"ufCrm{parts[0]}_{'_'.join(parts[1:])}" if len(parts) > 1 and parts[0].isdigit() else f"ufCrm_{'_'.join(parts)}"
    return by_table or short


def spelled(name: str) -> str:
    """Return the UF name of a `crm.item` name, the last resort: `ufCrm2_16` → `UF_CRM_2_16`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Z])", "_", name).upper()


def _squash(name: str) -> str:
    return name.replace("_", "").lower()


def _digits(value: Any) -> str | None:
    return re.sub(r"\D", "", str(value)) or None


_last: list[tuple[MappingContext, Definitions]] = []


def definitions(context: MappingContext) -> Definitions:
    """Return the definitions of a context; those of the last one are kept, for records come by the thousand."""
    if not _last or _last[-1][0] is not context:
        _last[:] = [(context, Definitions(context))]
    return _last[-1][1]
