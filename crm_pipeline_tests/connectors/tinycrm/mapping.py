"""Payloads of the tiny CRM, whose field names are simply our column names."""

from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from crm_pipeline.errors import Unreadable
from crm_pipeline.model.entities import CHILDREN, COLUMNS, MARKERS, Child
from crm_pipeline.model.records import MappingContext, RawRecord, SourceRecord

TIMES = ("changed_at", "closed_at", "due_at", "completed_at", "happened_at")


def normalize(raw: RawRecord, context: MappingContext) -> list[SourceRecord]:
    """Map one payload; {"broken": why} cannot be read, nor can values of a shape nobody expects."""
    try:
        return [_normalize(raw, context)]
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        raise Unreadable(f"unexpected: {error}") from None


def _normalize(raw: RawRecord, context: MappingContext) -> SourceRecord:
    payload = raw.payload or {}
    if payload.get("broken"):
        raise Unreadable(f"broken: {payload['broken']}")
    values = {column: _typed(column, payload.get(column)) for column in COLUMNS[raw.kind]}
    if raw.kind in ("contacts", "companies", "deals"):
        values |= {marker: payload.get(marker) for marker in MARKERS}
    if raw.kind == "deals":
        values["stage_category"] = context.stages.get(values["stage_external_id"])
    children = {child.table: _children(child, payload.get(child.table, ())) for child in CHILDREN.get(raw.kind, ())}
    custom = {key: _custom(context, raw.kind, key, value) for key, value in payload.get("custom", {}).items()}
    return SourceRecord(raw.kind, raw.external_id, values, raw.remote_created_at, raw.remote_updated_at, custom, children)


def _children(child: Child, rows: Any) -> tuple[dict[str, Any], ...]:
    found = [
        {column: row.get(column, n if column == "position" else None) for column in child.columns} for n, row in enumerate(rows)
    ]
    return tuple({tuple(row[column] for column in child.key): row for row in found}.values())


def _typed(column: str, value: Any) -> Any:
    if value is None:
        return None
    if column in TIMES:
        return datetime.fromisoformat(value)
    if column == "birthday":
        return date.fromisoformat(value)
    return _decimal(value) if column in ("amount", "price") else value


def _decimal(value: Any) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise Unreadable(f"{value!r} is no amount") from None


def _custom(context: MappingContext, kind: str, key: str, value: Any) -> dict[str, Any]:
    known = context.fields.get(f"{kind}:{key}", {})
    return {
        "name": known.get("name", key),
        "type": known.get("kind", "text"),
        "value": known.get("options", {}).get(str(value), value),
    }
