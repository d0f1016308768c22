"""How amoCRM v4 answers are shaped: lists, embedded parts, the names of entities. Knows no column of ours and no request.

Every reader here is tolerant: what may be null, missing, `[]` instead of an object or an array of one is read alike
(facts: amocrm 4, 9.11).
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from crm_pipeline.model.cleaning import moment, reference
from crm_pipeline.model.records import Payload, RawRecord

ENTITY_OF = {"leads": "deals", "contacts": "contacts", "companies": "companies"}
"""amoCRM's plural names → our entities."""

PLURAL_OF = {entity: plural for plural, entity in ENTITY_OF.items()}

SINGULAR = {"lead": "deals", "contact": "contacts", "company": "companies", "task": "tasks"}
"""The singular names of events and webhooks → our entities (facts: amocrm 4.12)."""

WON, LOST = "142", "143"
"""The same two status ids in every pipeline (facts: amocrm 4.8)."""

ENTITY_TYPE = "entity_type"
"""Added to notes and field definitions, whose own payload does not always name the list they came from."""

CATALOG_ID = "catalog_id"


def rows_of(answer: Any, key: str) -> list[Payload]:
    """Return the rows of a list answer; a bare array is accepted too."""
    if isinstance(answer, list):
        return [row for row in answer if isinstance(row, dict)]
    found = embedded(answer, key)
    return found if found is not None else []


def embedded(payload: Any, key: str) -> list[Payload] | None:
    """Return `_embedded.<key>` as a list of objects, an object as a list of one; None when it is not there."""
    parts = payload.get("_embedded") if type(payload) is dict else None
    found = parts.get(key) if type(parts) is dict else None
    if type(found) is list:
        return [part for part in found if type(part) is dict]
    if type(found) is dict:
        return [found] if found else []
    return None


def has_next(answer: Any) -> bool:
    """Return whether a list answer names a next page (facts: amocrm 3.1)."""
    links = answer.get("_links") if isinstance(answer, Mapping) else None
    following = links.get("next") if isinstance(links, Mapping) else None
    return bool(following.get("href") if isinstance(following, Mapping) else following)


def total_of(answer: Any) -> int | None:
    """Return `_total_items`, which only some lists tell (facts: amocrm 3.1)."""
    total = answer.get("_total_items") if isinstance(answer, Mapping) else None
    return int(total) if isinstance(total, (int, str)) and str(total).isdigit() else None


def seconds(row: Mapping[str, Any], key: str = "updated_at") -> int:
    """Return a row's time in unix seconds, 0 when it has none."""
    value = row.get(key)
    if isinstance(value, int):
        return value
    read = moment(value)
    return int(read.timestamp()) if read else 0


def named(row: Mapping[str, Any]) -> str:
    """Return a row's id as text, empty when it has none."""
    return reference(row.get("id")) or ""


def is_deleted(row: Mapping[str, Any]) -> bool:
    """Return whether a row says of itself that it is in the trash."""
    return row.get("is_deleted") is True


def raw_record(kind: str, row: Payload, external_id: str | None = None) -> RawRecord:
    """Return a row as it is landed; one that says it is deleted becomes a tombstone."""
    created, updated = at(row.get("created_at")), at(row.get("updated_at"))
    if is_deleted(row):
        return tombstone(kind, external_id or named(row))
    return RawRecord(kind, external_id or named(row), row, created, updated or created)


def at(value: Any) -> datetime | None:
    """Return an instant from unix seconds."""
    # Times come as whole seconds in nearly every row: the short way is what keeps a contact under 40 µs.
    return datetime.fromtimestamp(value, UTC) if type(value) is int and 0 < value < 4_000_000_000 else moment(value)


def tombstone(kind: str, external_id: str) -> RawRecord:
    """Return the news that a record is gone. Undated: a restored record may come back with its old time of change."""
    return RawRecord(kind, external_id, None, deleted=True)


def stage_id(pipeline: Any, status: Any) -> str | None:
    """Return a stage's external id: the status ids 142 and 143 are shared by all pipelines (facts: amocrm 4.8)."""
    of_pipeline, of_status = reference(pipeline), reference(status)
    return f"{of_pipeline}:{of_status}" if of_pipeline and of_status else None


def value_part(values: Any, key: str) -> Mapping[str, Any]:
    """Return the first part of an event's value_before or value_after that has the key, `{}` without one."""
    parts: Sequence[Any] = values if isinstance(values, list) else [values]
    found: Mapping[str, Any] = next(
        (part[key] for part in parts if isinstance(part, Mapping) and isinstance(part.get(key), Mapping)), {}
    )
    return dict(found)
