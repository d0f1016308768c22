"""Replay: try again what lies in quarantine, after a mapping was fixed."""

from collections.abc import Sequence

from crm_pipeline.database.connections import get
from crm_pipeline.database.quarantine import kinds
from crm_pipeline.model.entities import HISTORY
from crm_pipeline.stages.normalize import normalize
from crm_pipeline.stages.parts import ConnectionResult, Parts


def replay(parts: Parts, connection: str, entities: Sequence[str] | None = None) -> ConnectionResult:
    """Normalize quarantined payloads again, without asking the CRM. `quarantined` counts those that still cannot be read."""
    row = get(parts.engine, connection)
    result = ConnectionResult(row.name, row.crm)
    with parts.engine.connect() as db:
        found = kinds(db, row.id)
    for entity in dict.fromkeys("deals" if kind == HISTORY else kind for kind in found):
        if not entities or entity in entities:
            result.entities[entity] = normalize(parts, connection, entity, only_quarantined=True)
    return result
