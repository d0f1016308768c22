"""Values of user fields, typed by their definitions, under the same key in both faces (facts: bitrix24 4.2, 4.3).

`crm.item.*` spells `UF_CRM_17` as `ufCrm_17`. The account check keeps the vendor's own table of names; a field newer than
that is found among the known definitions by comparing both names without case and underscores.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_map
from crm_pipeline.model.cleaning import day, flag, moment, money, reference, text
from crm_pipeline.model.records import MappingContext, Payload

KIND_OF_TYPE = {
    "string": "text", "integer": "number", "double": "number", "boolean": "boolean", "date": "date", "datetime": "datetime",
    "enumeration": "enum", "money": "money", "url": "link", "file": "file", "address": "text", "resourcebooking": "json",
}  # fmt: skip
"""User type → our kind; every other type (employee, crm, iblock_element, crm_status …) holds references and is text."""

_TAX = re.compile(r"(?i)\bинн\b|\binn\b|tax[ _]?id|\bvat(?:[ _]?(?:id|number))?\b|^uf_crm_inn$")


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
    return text(value)


def _file(value: Any, zone: str) -> str | None:
    """Keep a file's id only: its addresses are signed and hold a token (facts: bitrix24 9)."""
    return text(value.get("id") or value.get("ID")) if isinstance(value, dict) else text(value)


_READ: dict[str, Callable[[Any, str], Any]] = {
    "number": _number, "money": _number, "date": _day, "datetime": _moment, "file": _file,
    "boolean": lambda value, zone: flag(value), "json": lambda value, zone: value if value or value == 0 else None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Definition:
    """One user field as values need it."""

    key: str
    name: str
    kind: str
    options: Mapping[str, str]
    is_tax_id: bool

    @classmethod
    def of(cls, key: str, known: Mapping[str, Any] | None) -> "Definition":
        """Build it from what `source.custom_fields` holds; an unknown field is text under its own name."""
        known = known or {}
        name = str(known.get("name") or key)
        options = {str(number): str(label) for number, label in as_map(known.get("options")).items()}
        return cls(key, name, str(known.get("kind") or "text"), options, bool(_TAX.search(name) or _TAX.search(key)))

    def typed(self, value: Any, zone: str) -> dict[str, Any] | None:
        """Return the entry of `custom_fields`; None when the value is empty."""
        several = isinstance(value, list)
        raw: list[Any] = [
            item for item in (value if several else [value]) if item is not None and item is not False and item != ""
        ]
        raw = [value] if self.kind == "boolean" and value is False else raw
        if self.kind == "enum":
            return self._enum([key for item in raw if (key := reference(item))], several)
        read = _READ.get(self.kind, _text)
        found: list[Any] = [item for one in raw if (item := read(one, zone)) is not None]
        if not found:
            return None
        entry = {"name": self.name, "type": self.kind, "value": found if several else found[0]}
        return entry | _currency(raw[0]) if self.kind == "money" else entry

    def _enum(self, ids: list[str], several: bool) -> dict[str, Any] | None:
        if not ids:
            return None
        labels = [self.options.get(found, found) for found in ids]
        return {"name": self.name, "type": "enum", "value": labels if several else labels[0], "enum": ids if several else ids[0]}


def _currency(value: Any) -> dict[str, str]:
    """Return the currency of `"1500|USD"`."""
    code = str(value).partition("|")[2].strip()
    return {"currency": code} if code else {}


class Definitions:
    """The definitions of one context, found by the name a payload uses. Filled as names are met."""

    def __init__(self, context: MappingContext):
        self._fields = context.fields
        self._zone = context.timezone
        self._names = as_map(context.facts.get("uf_names"))
        self._met: dict[tuple[str, str], Definition] = {}
        self._squashed = {_squash(name): name for name in self._fields}

    def read(self, entity: str, payload: Payload) -> tuple[dict[str, Any], str | None]:
        """Return the `custom_fields` of a payload and the tax id among them, digits only."""
        found: dict[str, Any] = {}
        tax_id: str | None = None
        for name, value in payload.items():
            if name[:2] not in ("uf", "UF") or value is None or value == "" or value == []:
                continue
            definition = self._met.get((entity, name)) or self._meet(entity, name)
            entry = definition.typed(value, self._zone)
            if entry:
                found[definition.key] = entry
                tax_id = tax_id or (_digits(entry["value"]) if definition.is_tax_id else None)
        return found, tax_id

    def _meet(self, entity: str, name: str) -> Definition:
        key = name if name.startswith("UF_") else self._field_key(entity, name)
        definition = Definition.of(key, self._fields.get(f"{entity}:{key}"))
        self._met[entity, name] = definition
        return definition

    def _field_key(self, entity: str, name: str) -> str:
        told = as_map(self._names.get(entity)).get(name)
        known = self._squashed.get(_squash(f"{entity}:{name}"))
        return str(told) if told else known.partition(":")[2] if known else spelled(name)


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
