"""Phones, e-mails, web addresses and messengers of both faces: `fm` of `crm.item.*`, PHONE/EMAIL/WEB/IM of the classic lists.

Facts: bitrix24 4.5. A value that cannot be normalized is kept as it stands.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_list
from crm_pipeline.connectors.bitrix24.payloads import MULTI_FIELDS
from crm_pipeline.connectors.bitrix24.reading import clean, key
from crm_pipeline.model.cleaning import email, flag, phone, web
from crm_pipeline.model.records import MappingContext, Payload

Row = dict[str, Any]

KINDS = {"PHONE": "phone", "EMAIL": "email", "WEB": "web", "IM": "messenger"}
_FLAT = {
    "phone": "PHONE", "phoneMobile": "PHONE", "phoneWork": "PHONE", "phoneMailing": "PHONE",
    "email": "EMAIL", "emailHome": "EMAIL", "emailWork": "EMAIL", "emailMailing": "EMAIL",
}  # fmt: skip
"""Flat extras of `crm.item.*`: all there is when an answer leaves out `fm`."""


def _phone(written: str, context: MappingContext) -> str:
    return phone(written, context.region) or written


def _email(written: str, context: MappingContext) -> str:
    return email(written) or written.lower()


def _web(written: str, context: MappingContext) -> str:
    return web(written) or written


def _as_written(written: str, context: MappingContext) -> str:
    return written


_NORMAL: dict[str, Callable[[str, MappingContext], str]] = {
    "phone": _phone,
    "email": _email,
    "web": _web,
    "messenger": _as_written,
}


def contact_points(payload: Payload, context: MappingContext) -> tuple[Row, ...] | None:
    """Return the rows of `contact_points`; None when the payload does not say whether there are any."""
    if "id" not in payload:
        return _rows(_classic(payload), context)
    if payload.get("fm") is not None:
        return _rows(_item(payload["fm"]), context)
    flat = list(_flat(payload))
    known = flat or (flag(payload.get("hasPhone")) is False and flag(payload.get("hasEmail")) is False)
    return _rows(flat, context) if known else None


Value = tuple[Any, Any, Any, Any]
"""Type (PHONE …), value, label, the CRM's id of the value."""


def values_of(payload: Payload) -> list[Value]:
    """Return every value with its own id, as it is held; without ids when the payload has only the flat extras."""
    if "id" not in payload:
        return list(_classic(payload))
    return list(_item(payload["fm"]) if payload.get("fm") is not None else _flat(payload))


def normal(kind: str, written: str, context: MappingContext) -> str:
    """Return a value as the mapping would read it."""
    return _NORMAL[kind](written, context)


def _item(fm: Any) -> Iterator[Value]:
    for found in as_list(fm):
        if isinstance(found, Mapping):
            yield found.get("typeId"), found.get("value"), found.get("valueType"), found.get("id")


def _classic(payload: Payload) -> Iterator[Value]:
    for kind in MULTI_FIELDS:
        for found in as_list(payload.get(kind)):
            if isinstance(found, Mapping):
                yield kind, found.get("VALUE"), found.get("VALUE_TYPE"), found.get("ID")


def _flat(payload: Payload) -> Iterator[Value]:
    for name, kind in _FLAT.items():
        if clean(payload.get(name)):
            yield kind, payload[name], None, None


def _rows(values: Iterable[Value], context: MappingContext) -> tuple[Row, ...]:
    """Number the values within their kind; the first of a kind is the primary one, a repeated value counts once."""
    rows: dict[tuple[str, str], Row] = {}
    counts = dict.fromkeys(_NORMAL, 0)
    for type_id, value, label, value_id in values:
        kind, written = KINDS.get(type_id), clean(value)
        if kind is None or written is None:
            continue
        normal = _NORMAL[kind](written, context)
        if (kind, normal) in rows:
            continue
        rows[kind, normal] = {
            "kind": kind, "value": normal, "original": written, "label": clean(label), "is_primary": counts[kind] == 0,
            "position": counts[kind], "remote_value_id": key(value_id),
        }  # fmt: skip
        counts[kind] += 1
    return tuple(rows.values())


def first_of(points: Iterable[Row] | None, kind: str) -> str | None:
    """Return the first value of a kind."""
    return next((row["value"] for row in points or () if row["kind"] == kind), None)
