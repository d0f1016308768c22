"""Phones, e-mails, sites and messengers: how each API adds, changes and deletes single values (facts: bitrix24 4.5).

Here: the lists of values only. A record carries them under PHONE, EMAIL, WEB, IM, LINK; an empty one is absent.
"""

import re
from collections.abc import Callable
from typing import Any

from .faces import Row
from .fields import MULTI
from .refusals import core

NewId = Callable[[], int]
Values = list[dict[str, str]]
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")


def value(number: int, type_id: str, value_type: str, text: str) -> dict[str, str]:
    """Build one stored value."""
    return {"ID": str(number), "VALUE_TYPE": value_type, "VALUE": text, "TYPE_ID": type_id}


def apply_classic(current: Values, entries: Any, type_id: str, new_id: NewId) -> Values:
    """Apply a classic list: no ID adds, ID + VALUE changes, ID alone, with DELETE or with an empty VALUE deletes.

    Values not mentioned stay. Raises Refusal for an e-mail that is none.
    """
    kept = {entry["ID"]: dict(entry) for entry in current}
    for entry in _entries(entries):
        _one_classic(kept, entry, type_id, new_id)
    return list(kept.values())


def apply_fm(row: Row, fm: Any, new_id: NewId) -> dict[str, Values]:
    """Apply `fm` of crm.item.update and return the new lists per type.

    Keys n0, n1… add, an id changes, an id with an empty value deletes; a list appends; text is ignored; an entry without
    typeId is ignored; an unknown id makes a new value.
    """
    kept = {name: {entry["ID"]: dict(entry) for entry in row.get(name, ())} for name in MULTI}
    for key, entry in _numbered(fm):
        type_id = str(entry.get("typeId") or "")
        if type_id in kept:
            _one_fm(kept[type_id], key, entry, type_id, new_id)
    return {name: list(values.values()) for name, values in kept.items()}


def flags(kind: str, row: Row) -> dict[str, str]:
    """Return HAS_PHONE and HAS_EMAIL of a contact or company, and drop empty lists from the row."""
    for name in MULTI:
        if name in row and not row[name]:
            del row[name]
    return {} if kind == "deal" else {f"HAS_{name}": "Y" if row.get(name) else "N" for name in ("PHONE", "EMAIL")}


def _entries(entries: Any) -> list[dict[str, Any]]:
    listed = entries.values() if isinstance(entries, dict) else entries if isinstance(entries, list) else ()
    return [entry if isinstance(entry, dict) else {"VALUE": entry} for entry in listed]


def _one_classic(kept: dict[str, dict[str, str]], entry: dict[str, Any], type_id: str, new_id: NewId) -> None:
    number, text = str(entry.get("ID") or ""), str(entry.get("VALUE") or "").strip()
    if number in ("", "0") or (number not in kept and text):
        if text:
            _add(kept, type_id, str(entry.get("VALUE_TYPE") or "WORK"), text, new_id)
    elif not text or str(entry.get("DELETE", "N")).upper() == "Y":
        kept.pop(number, None)
    else:
        _check(type_id, text)
        kept[number] |= {"VALUE": text, "VALUE_TYPE": str(entry.get("VALUE_TYPE") or kept[number]["VALUE_TYPE"])}


def _add(kept: dict[str, dict[str, str]], type_id: str, value_type: str, text: str, new_id: NewId) -> None:
    _check(type_id, text)
    number = new_id()
    kept[str(number)] = value(number, type_id, value_type, text)


def _check(type_id: str, text: str) -> None:
    if type_id == "EMAIL" and not _EMAIL.match(text):
        raise core(f"The e-mail address {text} is invalid.<br>")


def _numbered(fm: Any) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(fm, list):
        pairs = [(f"n{place}", entry) for place, entry in enumerate(fm)]
    else:
        pairs = [(str(key), entry) for key, entry in fm.items()] if isinstance(fm, dict) else []
    return [(key, entry) for key, entry in pairs if isinstance(entry, dict)]


def _one_fm(kept: dict[str, dict[str, str]], key: str, entry: dict[str, Any], type_id: str, new_id: NewId) -> None:
    text = str(entry.get("value") or "").strip()
    if key in kept and not text:
        del kept[key]
    elif key in kept:
        kept[key] |= {"VALUE": text, "VALUE_TYPE": str(entry.get("valueType") or kept[key]["VALUE_TYPE"])}
    elif text:
        number = new_id()
        kept[str(number)] = value(number, type_id, str(entry.get("valueType") or "WORK"), text)
