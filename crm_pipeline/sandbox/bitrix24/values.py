"""Values a call writes → values as stored in the classic row (facts: bitrix24 4.2, 4.4, 4.8).

Here: one value at a time by its field's type, and which fields a call may write at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .faces import Row, by_item, by_name
from .fields import Field
from .moments import Moments

IMPORTABLE = ("CREATED_BY_ID", "MODIFY_BY_ID")


class BadValue(ValueError):
    """A value does not fit its field; carries the field."""

    def __init__(self, field: Field):
        super().__init__(field.name)
        self.field = field


def classic_values(kind: str, given: Mapping[str, Any], moments: Moments, importing: bool = False) -> Row:
    """Store what a classic call may write; unknown and read-only fields are dropped silently. Raises BadValue."""
    fields = by_name(kind)
    known = [fields[name] for name in given if name in fields]
    return {f.name: stored(f, given[f.name], moments) for f in known if not f.read_only or (importing and f.name in IMPORTABLE)}


def item_values(kind: str, given: Mapping[str, Any], moments: Moments) -> Row:
    """Store what crm.item.add and update may write, user fields under either name. Raises BadValue."""
    fields = by_item(kind) | {field.name: field for field in by_item(kind).values() if field.custom}
    known = [(fields[name], value) for name, value in given.items() if name in fields]
    return {field.name: stored(field, value, moments) for field, value in known if not field.read_only}


def stored(field: Field, value: Any, moments: Moments) -> Any:
    """Convert one value to its stored form. Raises BadValue."""
    if field.multiple:
        listed = list(value.values()) if isinstance(value, Mapping) else value if isinstance(value, list) else [value]
        return [one for item in listed if (one := _single(field, item, moments)) not in (None, "")]
    return _single(field, value, moments)


def _single(field: Field, value: Any, moments: Moments) -> Any:
    if value is None or value == "" or (value is False and field.type not in ("char", "boolean")):
        return "" if value == "" and field.type in ("string", "crm_status", "money") else None
    try:
        return _STORED.get(field.type, _text)(field, value, moments)
    except (TypeError, ValueError) as error:
        raise BadValue(field) from error


def _text(field: Field, value: Any, moments: Moments) -> str:
    if isinstance(value, dict | list):
        raise ValueError(field.name)
    return str(value)


def _integer(field: Field, value: Any, moments: Moments) -> str:
    return str(int(float(value))) if "." in str(value) else str(int(value))


def _reference(field: Field, value: Any, moments: Moments) -> str | None:
    return str(int(value)) if int(value) > 0 else None


def _double(field: Field, value: Any, moments: Moments) -> str:
    number = float(str(value).replace(",", "."))
    return f"{number:g}" if field.custom and not number.is_integer() else f"{number:.0f}" if field.custom else f"{number:.2f}"


def _char(field: Field, value: Any, moments: Moments) -> str:
    return "Y" if str(value).lower() in ("y", "1", "true") else "N"


def _boolean(field: Field, value: Any, moments: Moments) -> str:
    return "1" if str(value).lower() in ("y", "1", "true") else "0"


def _date(field: Field, value: Any, moments: Moments) -> str:
    return moments.day(moments.iso(_seconds(value, moments)) if not _iso_day(value) else str(value))


def _datetime(field: Field, value: Any, moments: Moments) -> str:
    return moments.iso(_seconds(value, moments))


def _seconds(value: Any, moments: Moments) -> int:
    seconds = moments.seconds(value)
    if seconds is None:
        raise ValueError(value)
    return seconds


def _iso_day(value: Any) -> bool:
    text = str(value)
    return len(text) >= 10 and text[4:5] == "-" and text[7:8] == "-" and text[:4].isdigit()


def _choice(field: Field, value: Any, moments: Moments) -> str | None:
    ids = {number for number, _ in field.items}
    return str(int(value)) if int(value) in ids else None


_STORED: dict[str, Callable[[Field, Any, Moments], Any]] = {
    "integer": _integer,
    "user": _integer,
    "reference": _reference,
    "double": _double,
    "char": _char,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "enumeration": _choice,
}
