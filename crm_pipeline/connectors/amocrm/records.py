"""The frame of every source record amoCRM's payloads become: times, custom fields, children."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from crm_pipeline.connectors.amocrm.custom_values import Fields
from crm_pipeline.model.cleaning import EPOCH, moment, money
from crm_pipeline.model.records import Payload, RawRecord, SourceRecord

Child = Mapping[str, Any]
Children = dict[str, tuple[Child, ...]]


def source_record(
    entity: str, row: Payload, raw: RawRecord, values: Child, fields: Fields | None = None, children: Children | None = None
) -> SourceRecord:
    """Return a source record with the row's own times; without a time of change, that of creation counts."""
    created, updated = at(row.get("created_at")), at(row.get("updated_at"))
    return SourceRecord(
        entity, raw.external_id, values, created, updated or created, fields.custom if fields else {}, children or {}
    )


def at(value: Any) -> datetime | None:
    """Return an instant from unix seconds."""
    # Times come as whole seconds in nearly every row: the short way is what keeps a contact under 40 µs.
    return EPOCH + timedelta(seconds=value) if type(value) is int and 0 < value < 4_000_000_000 else moment(value)


def whole(value: Any) -> int | None:
    """Return a whole number that fits a column of integers."""
    number = money(value)
    return int(number) if number is not None and 0 <= number < 2**31 else None
