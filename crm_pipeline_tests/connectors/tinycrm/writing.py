"""Writing to the tiny CRM: one request a record, whose fields are simply our columns."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from crm_pipeline.connectors import Link
from crm_pipeline.errors import AnswerLost, RequestRefused
from crm_pipeline.model.entities import COLUMNS, MARKERS
from crm_pipeline.model.writing import (
    APPLIED,
    COMPLETE,
    CREATE,
    LINK,
    ORIGINATOR,
    POINT_SETS,
    REFUSED,
    REOPEN,
    UNKNOWN,
    UNLINK,
    UPDATE,
    LinkTo,
    Outcome,
    Writable,
    Write,
)
from crm_pipeline_tests.connectors.tinycrm.client import get, put

_RECORD = frozenset({CREATE, UPDATE, LINK, UNLINK})
_POINTS = frozenset(POINT_SETS)
_DERIVED = {"stage_category", "body_text", "completed_at"}
"""Columns the tiny CRM works out by itself, or that follow from others."""


def _columns(entity: str) -> frozenset[str]:
    return frozenset(COLUMNS[entity]) - _DERIVED


WRITABLE: Mapping[str, Writable] = {
    "companies": Writable(frozenset({CREATE, UPDATE}), _columns("companies") | _POINTS, required=("name",)),
    "contacts": Writable(_RECORD, _columns("contacts") | _POINTS, frozenset({"companies"})),
    "deals": Writable(_RECORD, _columns("deals"), frozenset({"contacts", "companies", "products"})),
    "tasks": Writable(frozenset({CREATE, UPDATE, COMPLETE, REOPEN}), _columns("tasks"), required=("title",)),
    "communications": Writable(
        frozenset({CREATE}), _columns("communications"), required=("kind", "target_entity", "target_external_id")
    ),
}
ROWS: Mapping[str, tuple[str, str]] = {
    "contacts": ("deal_contacts", "contact_external_id"),
    "companies": ("contact_companies", "company_external_id"),
    "products": ("deal_products", "product_external_id"),
}
"""What is linked → the list it is kept in, and the field that names it there."""


def express(entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that can be held, as they are."""
    return {column: value for column, value in values.items() if column in WRITABLE[entity].columns}


def find(link: Link, creates: Sequence[Write]) -> dict[str, str]:
    """Look for records by the marker they were made with."""
    found = {one.key: get(link, one.entity, {"marker": one.marker})["items"] for one in creates}
    return {key: items[0]["id"] for key, items in found.items() if items}


def write(link: Link, writes: Sequence[Write], lane: str) -> Iterator[Outcome]:
    """Do one after the other."""
    for one in writes:
        yield _written(link, one, lane)


def _written(link: Link, one: Write, lane: str, left_out: tuple[str, ...] = ()) -> Outcome:
    method, path = ("POST", one.entity) if one.external_id is None else ("PATCH", f"{one.entity}/{one.external_id}")
    fields = {name: value for name, value in _fields(one).items() if name not in left_out}
    try:
        done = put(link, method, path, fields, lane)
    except AnswerLost as error:
        return Outcome(one.key, UNKNOWN, code="lost", detail=str(error))
    except RequestRefused as error:
        if error.code == "unknown_field" and error.detail not in left_out:
            return _written(link, one, lane, (*left_out, str(error.detail)))
        return Outcome(one.key, REFUSED, code=error.code, detail=str(error))
    columns = tuple(
        column for column in one.values if column in left_out or (column in POINT_SETS and "contact_points" in left_out)
    )
    return Outcome(one.key, APPLIED, done["id"], datetime.fromisoformat(done["updated_at"]), left_out=columns)


def _fields(one: Write) -> dict[str, Any]:
    """Return what is sent: plain fields, contact points and links as whole lists, the marker of a new record."""
    held = (one.current.payload if one.current else None) or {}
    fields = {column: _spelled(value) for column, value in one.values.items() if column not in POINT_SETS}
    if points := {kind: one.values[column] or () for column, kind in POINT_SETS.items() if column in one.values}:
        fields["contact_points"] = _points(held.get("contact_points", ()), points)
    if one.operation in (COMPLETE, REOPEN):
        fields["is_completed"] = one.operation == COMPLETE
    if one.operation == CREATE:
        fields |= dict(zip(MARKERS, (ORIGINATOR, one.marker), strict=True))
    return fields | _links(one, held)


def _points(held: Sequence[Mapping[str, Any]], wanted: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return the points of other kinds as they are, and the wanted ones, those that are there with all that is known of them."""
    known = {(point["kind"], point["value"]): dict(point) for point in held}
    others = [dict(point) for point in held if point["kind"] not in wanted]
    return others + [
        known.get((kind, value), {"kind": kind, "value": value}) for kind, values in wanted.items() for value in values
    ]


def _links(one: Write, held: Mapping[str, Any]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for link in one.links:
        if one.entity == "deals" and link.entity == "companies":
            fields["company_external_id"] = None if one.operation == UNLINK else link.external_id
            continue
        rows, name = ROWS[link.entity]
        others = [row for row in fields.get(rows, held.get(rows, ())) if row[name] != link.external_id]
        fields[rows] = others if one.operation == UNLINK else [*others, _row(link, name)]
    for number, row in enumerate(fields.get("deal_products", ())):
        row["position"] = number
    return fields


def _row(link: LinkTo, name: str) -> dict[str, Any]:
    more: Mapping[str, dict[str, Any]] = {
        "contacts": {"is_main": link.is_main},
        "companies": {"is_primary": link.is_main},
        "products": {"product_name": link.name, "quantity": _spelled(link.quantity), "price": _spelled(link.price)},
    }
    return {name: link.external_id, **more[link.entity]}


def _spelled(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    return value.isoformat() if isinstance(value, datetime | date) else value
