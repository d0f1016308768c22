"""Normalize: read records again from their raw payloads, without asking the CRM, in batches of bounded size."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crm_pipeline.connectors import Connector
from crm_pipeline.database import raw
from crm_pipeline.database.connections import ConnectionRow, get
from crm_pipeline.database.cursors import Place
from crm_pipeline.database.definitions import fingerprint, mapping_context
from crm_pipeline.database.landing import Landing
from crm_pipeline.database.locks import Writer, writer
from crm_pipeline.database.refusals import Connection
from crm_pipeline.model.entities import HISTORY
from crm_pipeline.model.records import MappingContext, RawRecord
from crm_pipeline.stages.drafts import Draft, Drafter, by_entity
from crm_pipeline.stages.landing import owed
from crm_pipeline.stages.parts import EntityResult, Parts

BATCH = 1000


@dataclass(frozen=True)
class _Again:
    """One entity of one connection being normalized again."""

    connector: Connector
    context: MappingContext
    log: bool
    result: EntityResult


def normalize(
    parts: Parts, connection: str, entity: str, *, only_quarantined: bool = False, writing: Writer | None = None
) -> EntityResult:
    """Normalize an entity's payloads again and write what comes out differently.

    `only_quarantined`: only those in quarantine, whose changes are then logged; else the records themselves have not changed,
    only our reading of them, so nothing is logged. `writing`: the caller's writer lock. Raises ConnectionBusy.
    """
    began = time.monotonic()
    row = get(parts.engine, connection)
    if writing is None:
        with writer(parts.engine, row.id) as own:
            return normalize(parts, connection, entity, only_quarantined=only_quarantined, writing=own)
    with writing.transaction() as db:
        context = mapping_context(db, row.id, row.account, parts.settings.default_region)
    again = _Again(parts.connectors[row.crm], context, only_quarantined, EntityResult())
    for kind in _kinds(entity):
        _normalize_kind(again, kind, writing, raw.quarantined if only_quarantined else raw.live)
    if not only_quarantined:
        with writing.transaction() as db:
            _definitions(row.id, entity).note(db, fingerprint(context, entity))
    again.result.seconds = round(time.monotonic() - began, 3)
    return again.result


def is_outdated(parts: Parts, connection: ConnectionRow, entity: str, db: Connection) -> bool:
    """Return whether an entity was normalized under other definitions than there are now; notes them the first time."""
    context = mapping_context(db, connection.id, connection.account, parts.settings.default_region)
    place, current = _definitions(connection.id, entity), fingerprint(context, entity)
    noted = place.read(db).walk_state
    if noted is None:
        place.note(db, current)
    return noted is not None and noted != current


def _definitions(connection_id: int, entity: str) -> Place:
    return Place(connection_id, entity, "@definitions")


def _kinds(entity: str) -> tuple[str, ...]:
    return (entity, HISTORY) if entity == "deals" else (entity,)


def _normalize_kind(again: _Again, kind: str, writing: Writer, read: Callable[..., list[RawRecord]]) -> None:
    after: Any = ""
    while after is not None:
        with writing.transaction() as db:
            records = read(db, again.context.connection_id, kind, after, BATCH)
            _normalize_batch(db, again, kind, records)
        after = records[-1].external_id if len(records) == BATCH else None


def _normalize_batch(db: Connection, again: _Again, kind: str, records: list[RawRecord]) -> None:
    landing, result = Landing(again.context.connection_id), again.result
    drafter = Drafter(again.connector, again.context)
    drafts = [Draft(record) for record in records]
    for draft in drafts:
        drafter.map(draft)
    result.read += len(records)
    written, new = 0, 0
    for entity, sources in by_entity(drafts).items():
        touched, fresh = landing.save_changed(db, entity, sources, log=again.log)
        debt = owed(entity, [one.record for one in sources if one.record.external_id in touched])
        if debt:
            landing.owe_reconciling(db, *debt)
        written, new = written + len(touched), new + fresh
    unread = [draft.unread for draft in drafts if draft.unread]
    landing.release(db, kind, [draft.record.external_id for draft in drafts if not draft.unread])
    landing.quarantine(db, kind, unread)
    result.inserted, result.updated = result.inserted + new, result.updated + written - new
    result.quarantined += len(unread)
    result.unchanged = max(0, result.read - result.quarantined - result.inserted - result.updated)
