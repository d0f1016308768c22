"""Reconcile: bring source records that changed into the golden tables. For now one golden record per source record."""

from collections.abc import Sequence

from crm_pipeline.database import golden
from crm_pipeline.errors import UsageError
from crm_pipeline.model.entities import ENTITIES, GOLDEN
from crm_pipeline.stages.parts import Parts, ReconcileResult

BATCH = 5000


def reconcile(parts: Parts, entities: Sequence[str] | None = None, full: bool = False) -> dict[str, ReconcileResult]:
    """Bring what waits in the queue into `crm.*`, in batches of one transaction each; return the counts per entity.

    Work is proportional to the queue, and doing it again writes nothing. `full`: every source record is queued first, which
    gives the same tables. Records woken because something they refer to has appeared are done in the same call.
    """
    wanted = _wanted(entities)
    done = {entity: ReconcileResult() for entity in wanted}
    if full:
        for entity in wanted:
            with parts.engine.begin() as db:
                golden.queue_all(db, entity)
    progressed = True
    while progressed:
        before = dict(done)
        for entity in wanted:
            done[entity] += _reconcile(parts, entity)
        progressed = done != before
    return done


def _wanted(entities: Sequence[str] | None) -> list[str]:
    unknown = sorted(set(entities or ()) - set(ENTITIES))
    if unknown:
        raise UsageError(f"There is no entity {unknown[0]!r}.", what_to_do=f"Use one of: {', '.join(GOLDEN)}.")
    return [entity for entity in GOLDEN if not entities or entity in entities]


def _reconcile(parts: Parts, entity: str) -> ReconcileResult:
    """Do what waits for one entity now."""
    done, place = ReconcileResult(), 0
    with parts.engine.connect() as connection:
        while True:
            with connection.begin():
                taken = golden.take_batch(connection, entity, place, BATCH)
                if taken is None:
                    return done
                keys, inserted, updated, deleted = golden.reconcile_batch(connection, entity)
            place = taken
            done += ReconcileResult(keys, inserted, updated, keys - inserted - updated - deleted, deleted)
