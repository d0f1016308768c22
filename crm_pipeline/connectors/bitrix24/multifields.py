"""Phones, e-mails and web addresses as changes of single values: kept ones are not touched, so none is ever doubled.

A value sent without its id is added, however often it is sent (facts: bitrix24 4.5): only what the record does not hold is sent
so. What belongs here: comparing wanted values with held ones, and both notations. When it is sent belongs to `orders`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors.bitrix24.contact_points import KINDS, normal, values_of
from crm_pipeline.connectors.bitrix24.payloads import Params
from crm_pipeline.model.records import MappingContext, Payload

TYPES = {"phones": "PHONE", "emails": "EMAIL", "webs": "WEB"}
_LABEL = "WORK"


@dataclass(frozen=True, slots=True)
class Change:
    """One value to add (no id), to change, or to delete (no value)."""

    type_id: str
    id: str | None
    value: str
    label: str = _LABEL


@dataclass(frozen=True, slots=True)
class _Held:
    id: str
    """Empty where the payload does not tell: such a value is known to be there, and can neither be changed nor deleted."""
    normal: str
    written: str
    label: str


def changes(payload: Payload | None, values: Mapping[str, Any], context: MappingContext) -> list[Change]:
    """Return what makes a record hold the wanted lists; `payload` None: a new record."""
    found: list[Change] = []
    for column, type_id in TYPES.items():
        held = _held(payload, type_id, context)
        wanted = _wanted(column, values, held)
        if wanted is not None:
            lead = values.get("website") if column == "webs" else None
            found += _differences(type_id, wanted, held, lead)
    return found


def as_item(found: Sequence[Change]) -> Params:
    """Write changes as `fm` of `crm.item.*`: an object of ids, new ones n0, n1 …; the type is mandatory in each."""
    return {"fm": {change.id or f"n{place}": _item(change) for place, change in enumerate(found)}} if found else {}


def as_classic(found: Sequence[Change]) -> Params:
    """Write changes as lists of PHONE, EMAIL, WEB."""
    types = dict.fromkeys(change.type_id for change in found)
    return {type_id: [_classic(change) for change in found if change.type_id == type_id] for type_id in types}


def _item(change: Change) -> Params:
    if not change.value:
        return {"typeId": change.type_id, "value": ""}
    return {"typeId": change.type_id, "valueType": change.label, "value": change.value}


def _classic(change: Change) -> Params:
    if not change.value:
        return {"ID": change.id, "DELETE": "Y"}
    return ({"ID": change.id} if change.id else {}) | {"VALUE": change.value, "VALUE_TYPE": change.label}


def _held(payload: Payload | None, type_id: str, context: MappingContext) -> list[_Held]:
    return [
        _Held(str(value_id or ""), normal(KINDS[type_id], str(value).strip(), context), str(value), str(label or _LABEL))
        for kind, value, label, value_id in values_of(payload or {})
        if kind == type_id and value
    ]


def _wanted(column: str, values: Mapping[str, Any], held: Sequence[_Held]) -> list[str] | None:
    """Return the wanted values; a website given without the list of addresses takes the first one's place."""
    if column in values:
        return list(values[column] or ())
    if column != "webs" or "website" not in values:
        return None
    site, known = values["website"], [value.normal for value in held]
    if not site:
        return []
    return known if site in known else [site, *known[1:]]


def _differences(type_id: str, wanted: Sequence[str], held: Sequence[_Held], lead: str | None) -> list[Change]:
    kept = [value for value in held if value.normal in wanted]
    gone = [Change(type_id, value.id, "") for value in held if value.normal not in wanted and value.id]
    known = {value.normal for value in kept}
    missing = [value for value in wanted if value not in known]
    moved: list[Change] = []
    if lead and kept and kept[0].normal != lead and all(value.id for value in kept):
        moved, missing = _led(type_id, kept, missing, lead)
    return gone + moved + [Change(type_id, None, value) for value in missing]


def _led(type_id: str, kept: Sequence[_Held], missing: list[str], lead: str) -> tuple[list[Change], list[str]]:
    """Put `lead` into the first value's place and what stood there into the other's, or behind."""
    first, other = kept[0], next((value for value in kept if value.normal == lead), None)
    changed = [Change(type_id, first.id, other.written if other else lead, first.label)]
    if other:
        return [*changed, Change(type_id, other.id, first.written, other.label)], missing
    return changed, [value for value in missing if value != lead] + [first.normal]
