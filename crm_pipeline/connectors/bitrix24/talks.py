"""Tasks, activities and timeline comments into source records. Pure (facts: bitrix24 4.12, 4.13, 4.14)."""

import re
from typing import Any

from crm_pipeline.connectors.bitrix24.brackets import as_list
from crm_pipeline.connectors.bitrix24.landing import COMMENT
from crm_pipeline.connectors.bitrix24.payloads import NAME_OF_ENTITY, OWNER_TYPES, SHORT_CODES
from crm_pipeline.connectors.bitrix24.reading import id_of, reference_of, text_of, times
from crm_pipeline.model.cleaning import moment, plain_text, reference, text
from crm_pipeline.model.records import MappingContext, Payload, RawRecord, SourceRecord

_COMPLETED = "5"
_TASK_MIRROR = "3"
_BINDING = re.compile(r"([A-Z]+)_(\d+)")
_ENTITY_OF_NAME = {name: entity for entity, name in NAME_OF_ENTITY.items()}
_DIRECTION = {"1": "in", "2": "out"}
_KIND_OF_TYPE = {"1": "meeting", "2": "call", "4": "email"}
_KIND_OF_PROVIDER = (
    ("SMS", "sms"), ("OPENLINE", "chat"), ("WHATSAPP", "chat"), ("CHAT", "chat"), ("CALL", "call"), ("EMAIL", "email"),
    ("MEETING", "meeting"), ("VISIT", "meeting"), ("ZOOM", "meeting"),
)  # fmt: skip
"""Part of PROVIDER_ID → kind, for activities a provider defines (TYPE_ID 6)."""

Target = tuple[str | None, str | None]


def task(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map a task; what it is about stands in `ufCrmTask` as `C_91`, `CO_14`, `D_410`."""
    targets = _targets(payload.get("ufCrmTask"))
    completed = text(payload.get("realStatus", payload.get("status"))) == _COMPLETED
    first: Target = targets[0] if targets else (None, None)
    values = {
        "title": text_of(payload, "title"),
        "body": text_of(payload, "description"),
        "kind": "task",
        "due_at": moment(payload.get("deadline"), context.timezone),
        "is_completed": completed,
        "completed_at": moment(payload.get("closedDate"), context.timezone) if completed else None,
        "owner_external_id": reference_of(payload, "responsibleId"),
        "target_entity": first[0],
        "target_external_id": first[1],
    }
    rows = tuple({"target_entity": entity, "target_external_id": key} for entity, key in targets)
    children = {"task_targets": rows} if "ufCrmTask" in payload else {}
    record_times = times(raw, payload, "createdDate", "changedDate", context)
    return [SourceRecord("tasks", id_of(payload, "id", "ID"), values, *record_times, children=children)]


def _targets(bindings: Any) -> list[tuple[str, str]]:
    """Return entity and id of each binding to a contact, company or deal."""
    written = [bindings] if isinstance(bindings, str) else as_list(bindings)
    found = [match for binding in written if isinstance(binding, str) and (match := _BINDING.fullmatch(binding))]
    return list(dict.fromkeys((SHORT_CODES[match[1]], match[2]) for match in found if match[1] in SHORT_CODES))


def communication(raw: RawRecord, payload: Payload, context: MappingContext) -> list[SourceRecord]:
    """Map an activity or a timeline comment; an activity that mirrors a task is no communication."""
    if raw.external_id.startswith(COMMENT):
        return [_comment(raw, payload, context)]
    if text(payload.get("TYPE_ID")) == _TASK_MIRROR:
        return []
    return [_activity(raw, payload, context)]


def _comment(raw: RawRecord, payload: Payload, context: MappingContext) -> SourceRecord:
    key = id_of(payload, "ID")
    owner = reference_of(payload, "ENTITY_ID")
    entity = _ENTITY_OF_NAME.get(str(payload.get("ENTITY_TYPE")).lower())
    happened_at = moment(payload.get("CREATED"), context.timezone)
    values = _talk("note", None, text_of(payload, "COMMENT"), happened_at, reference_of(payload, "AUTHOR_ID"), (entity, owner))
    return SourceRecord("communications", f"{COMMENT}{key}", values, raw.remote_created_at or happened_at, raw.remote_updated_at)


def _activity(raw: RawRecord, payload: Payload, context: MappingContext) -> SourceRecord:
    kind = _kind(payload)
    started = moment(payload.get("START_TIME"), context.timezone)
    created = moment(payload.get("CREATED"), context.timezone)
    body = text_of(payload, "DESCRIPTION") or text_of(payload, "SUBJECT")
    author = reference_of(payload, "RESPONSIBLE_ID") or reference_of(payload, "AUTHOR_ID")
    direction = _DIRECTION.get(str(payload.get("DIRECTION"))) if kind != "meeting" else None
    values = _talk(kind, direction, body, started or created, author, _owner(payload))
    if kind == "call":
        ended = moment(payload.get("END_TIME"), context.timezone)
        length = (ended - started).total_seconds() if started and ended else -1
        values["duration_seconds"] = int(length) if 0 <= length < 86_400 else None
    return SourceRecord("communications", id_of(payload, "ID"), values, *times(raw, payload, "CREATED", "LAST_UPDATED", context))


def _kind(payload: Payload) -> str:
    """Return what kind of talk it was: by TYPE_ID, else by the provider's name."""
    known = _KIND_OF_TYPE.get(str(payload.get("TYPE_ID")))
    provider = str(payload.get("PROVIDER_ID") or "").upper()
    return known or next((kind for part, kind in _KIND_OF_PROVIDER if part in provider), "other")


def _owner(payload: Payload) -> Target:
    """Return contact, company or deal it belongs to; leads and others are not kept."""
    entity = OWNER_TYPES.get(str(payload.get("OWNER_TYPE_ID")))
    return (entity, reference(payload.get("OWNER_ID"))) if entity else (None, None)


def _talk(
    kind: str, direction: str | None, body: str | None, happened_at: Any, author: str | None, target: Target
) -> dict[str, Any]:
    return {
        "kind": kind,
        "direction": direction,
        "body": body,
        "body_text": plain_text(body),
        "happened_at": happened_at,
        "duration_seconds": None,
        "author_external_id": author,
        "target_entity": target[0] if target[1] else None,
        "target_external_id": target[1] if target[0] else None,
        "recording_url": None,
    }
