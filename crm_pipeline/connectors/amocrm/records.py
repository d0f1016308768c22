"""The frame of every source record amoCRM's payloads become: times, custom fields, children."""

from collections.abc import Mapping
from typing import Any

from crm_pipeline.connectors.amocrm.custom_values import Fields
from crm_pipeline.connectors.amocrm.payloads import at
from crm_pipeline.model.cleaning import money
from crm_pipeline.model.records import Payload, RawRecord, SourceRecord
from crm_pipeline.model.writing import ORIGINATOR

Child = Mapping[str, Any]
Children = dict[str, tuple[Child, ...]]


def source_record(
    entity: str, row: Payload, raw: RawRecord, values: Child, fields: Fields | None = None, children: Children | None = None
) -> SourceRecord:
    """Return a source record with the row's own times; without a time of change, that of creation counts."""
    created = raw.remote_created_at or at(row.get("created_at"))
    updated = raw.remote_updated_at or at(row.get("updated_at")) or created
    if fields and fields.marker:
        values = {**values, "originator_id": ORIGINATOR, "origin_id": fields.marker}
    return SourceRecord(entity, raw.external_id, values, created, updated, fields.custom if fields else {}, children or {})


def whole(value: Any) -> int | None:
    """Return a whole number that fits a column of integers."""
    number = money(value)
    return int(number) if number is not None and 0 <= number < 2**31 else None
