"""One record, two faces: the crm.item row is derived from the classic row and the linked ids (facts: bitrix24 4.2, 4.4–4.8).

Here: conversion only, no store and no clock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from operator import itemgetter
from typing import Any

from .fields import CLASSIC_ONLY, CUSTOM, ENTITY_TYPES, ITEM_LEFTOVERS, MULTI, STANDARD, Field

Row = dict[str, Any]
FLAT = {
    "phoneWork": ("PHONE", "WORK"),
    "phoneMobile": ("PHONE", "MOBILE"),
    "phoneMailing": ("PHONE", "MAILING"),
    "emailWork": ("EMAIL", "WORK"),
    "emailHome": ("EMAIL", "HOME"),
    "emailMailing": ("EMAIL", "MAILING"),
}
LINK_KEYS = {"contact": "companyIds", "company": "contactIds", "deal": "contactIds"}


def _whole(value: Any) -> Any:
    return None if value is None or value == "" else int(value)


def _reference(value: Any) -> Any:
    return int(value) if value else 0


def _number(value: Any) -> Any:
    if value is None or value == "":
        return None
    number = float(value)
    return int(number) if number.is_integer() else number


def _choice(value: Any) -> Any:
    return [int(item) for item in value] if isinstance(value, list) else _whole(value)


def _flag(value: Any) -> Any:
    return None if value is None or value == "" else "Y" if value == "1" else "N"


NATIVE: dict[str, Callable[[Any], Any]] = {
    "integer": _whole,
    "user": _whole,
    "reference": _reference,
    "double": _number,
    "enumeration": _choice,
    "boolean": _flag,
}


@cache
def all_fields(kind: str) -> tuple[Field, ...]:
    """List the standard and user fields of contact, company or deal."""
    return (*STANDARD[kind], *CUSTOM[kind])


@cache
def by_name(kind: str) -> dict[str, Field]:
    """Map classic name → field."""
    return {field.name: field for field in all_fields(kind)}


@cache
def by_item(kind: str) -> dict[str, Field]:
    """Map crm.item name → field."""
    return {field.item: field for field in all_fields(kind) if field.item and field.name not in CLASSIC_ONLY}


@dataclass(frozen=True)
class _Plan:
    """How one entity's face is made: keys whose value is taken over, and keys whose value is converted."""

    same: tuple[str, ...]
    take: Callable[[Row], tuple[Any, ...]]
    made: tuple[tuple[str, str, Callable[[Any], Any]], ...]


@cache
def _plan(kind: str) -> _Plan:
    fields = by_item(kind).values()
    same = [f for f in fields if f.type not in NATIVE]
    made = tuple((f.item, f.name, NATIVE[f.type]) for f in fields if f.type in NATIVE)
    return _Plan(tuple(f.item for f in same), itemgetter(*(f.name for f in same)), made)


def item_face(kind: str, row: Row, links: list[int]) -> Row:
    """Return the crm.item face: camelCase, native values, linked ids (main one first), `fm` and the flat extras."""
    plan = _plan(kind)
    face: Row = {"id": int(row["ID"])}
    face |= zip(plan.same, plan.take(row), strict=True)
    for item, name, convert in plan.made:
        face[item] = convert(row[name])
    face[LINK_KEYS[kind]] = links
    face |= dict.fromkeys(ITEM_LEFTOVERS[kind])
    face |= {"observers": [], "categoryId": 0} if kind == "contact" else {"observers": []}
    if kind != "deal":
        face |= _reach(row)
    face["entityTypeId"] = ENTITY_TYPES[kind]
    return face


def _reach(row: Row) -> Row:
    found = [value for name in MULTI if name in row for value in row[name]]
    first: dict[Any, str] = {}
    for value in found:
        first.setdefault(value["TYPE_ID"], value["VALUE"])
        first.setdefault((value["TYPE_ID"], value["VALUE_TYPE"]), value["VALUE"])
    face: Row = {name: first.get(place, "") for name, place in FLAT.items()}
    face |= {"phone": first.get("PHONE", ""), "email": first.get("EMAIL", ""), "imol": ""}
    face["fm"] = [fm_value(value) for value in found]
    return face


def fm_value(value: Row) -> Row:
    """Return one multi-field value as `fm` shows it."""
    return {"id": int(value["ID"]), "valueType": value["VALUE_TYPE"], "value": value["VALUE"], "typeId": value["TYPE_ID"]}


def blank(kind: str) -> Row:
    """Return a classic row with every key and no values; empty multiple user fields are `[]`."""
    return {field.name: [] if field.multiple else None for field in all_fields(kind)}


@cache
def multiple_names(kind: str) -> tuple[tuple[str, str], ...]:
    """List (classic, crm.item) names of multiple user fields: their empty value is disputed (facts: bitrix24 12.12)."""
    return tuple((field.name, field.item) for field in CUSTOM[kind] if field.multiple)
