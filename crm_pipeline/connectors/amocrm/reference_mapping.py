"""Payloads of reference data and stage history → source records: users, pipelines, stages, field definitions, stage changes."""

from collections.abc import Mapping
from typing import Any

from crm_pipeline.connectors.amocrm.definitions import OPTIONS_AT, field_kind, is_multiple, options_of
from crm_pipeline.connectors.amocrm.payloads import LOST, WON, at, named, stage_id, value_part
from crm_pipeline.connectors.amocrm.records import source_record, whole
from crm_pipeline.model.cleaning import flag, reference, text
from crm_pipeline.model.records import MappingContext, Payload, RawRecord, SourceRecord

CATEGORIES = {WON: "won", LOST: "lost"}


def user(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    """Map a user."""
    found = row.get("rights")
    rights: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    active, admin = flag(rights.get("is_active")), flag(rights.get("is_admin"))
    values = {
        "name": text(row.get("name")),
        "email": text(row.get("email")),
        "is_active": active is not False,
        "is_admin": admin is True,
    }
    return source_record("users", row, raw, values)


def pipeline(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    """Map a pipeline."""
    main, archived = flag(row.get("is_main")) or False, flag(row.get("is_archive")) or False
    values = {"name": text(row.get("name")), "sort": whole(row.get("sort")), "is_main": main, "is_archived": archived}
    return source_record("pipelines", row, raw, values)


def stage(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    """Map a status inside its pipeline."""
    values = {
        "name": text(row.get("name")),
        "sort": whole(row.get("sort")),
        "pipeline_external_id": reference(row.get("pipeline_id")),
        "category": CATEGORIES.get(named(row), "open"),
        "color": text(row.get("color")),
    }
    return source_record("stages", row, raw, values)


def custom_field(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    """Map a field definition; its entity is in its external id."""
    remote_type = text(row.get("type")) or ""
    values = {
        "entity": raw.external_id.partition(":")[0],
        "field_key": named(row),
        "name": text(row.get("name")),
        "kind": field_kind(remote_type),
        "remote_type": remote_type or None,
        "is_multiple": is_multiple(remote_type),
        "options": options_of(row, OPTIONS_AT),
    }
    return source_record("custom_fields", row, raw, values)


def stage_change(row: Payload, raw: RawRecord, context: MappingContext) -> SourceRecord:
    """Map an event `lead_status_changed`."""
    after, before = value_part(row.get("value_after"), "lead_status"), value_part(row.get("value_before"), "lead_status")
    values = {
        "deal_external_id": reference(row.get("entity_id")),
        "pipeline_external_id": reference(after.get("pipeline_id")),
        "stage_external_id": stage_id(after.get("pipeline_id"), after.get("id")),
        "from_pipeline_external_id": reference(before.get("pipeline_id")),
        "from_stage_external_id": stage_id(before.get("pipeline_id"), before.get("id")),
        "changed_at": at(row.get("created_at")),
        "author_external_id": reference(row.get("created_by")),
    }
    return source_record("stage_changes", row, raw, values)
