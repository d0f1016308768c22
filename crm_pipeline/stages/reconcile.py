"""Reconcile: match source records that changed, then rebuild the golden records they belong to."""

from collections.abc import Sequence

from crm_pipeline.database import golden
from crm_pipeline.errors import UsageError
from crm_pipeline.model.entities import ENTITIES, GOLDEN
from crm_pipeline.stages.match import match
from crm_pipeline.stages.parts import Parts, ReconcileResult
from crm_pipeline.stages.survive import survive


def reconcile(parts: Parts, entities: Sequence[str] | None = None, full: bool = False) -> dict[str, ReconcileResult]:
    """Bring what waits in the queue into `crm.*`, in batches of one transaction each; return the counts per entity.

    Work is proportional to the queue, and doing it again writes nothing. `full`: every source record is queued first, which
    gives the same tables. Golden records of other entities that refer to what moved are rebuilt in the same call.
    """
    wanted = _wanted(entities)
    done = {entity: ReconcileResult() for entity in wanted}
    progressed = True
    while progressed:
        before = dict(done)
        for entity in wanted:
            done[entity] += _match(parts, entity, full)
        for entity in wanted:
            done[entity] += _survive(parts, entity, full)
        progressed, full = done != before, False
    return done


def _wanted(entities: Sequence[str] | None) -> list[str]:
    unknown = sorted(set(entities or ()) - set(ENTITIES))
    if unknown:
        raise UsageError(f"There is no entity {unknown[0]!r}.", what_to_do=f"Use one of: {', '.join(GOLDEN)}.")
    return [entity for entity in GOLDEN if not entities or entity in entities]


def _match(parts: Parts, entity: str, full: bool) -> ReconcileResult:
    done = match(parts, entity, parts.rules, everything=full)
    return ReconcileResult(queued=done.queued, matched=done.joined, parted=done.parted, merged=done.merged, reviews=done.reviews)


def _survive(parts: Parts, entity: str, full: bool) -> ReconcileResult:
    if full:
        with parts.engine.begin() as db:
            golden.queue_all(db, entity)
    done = survive(parts, entity, parts.rules)
    unchanged = done.rebuilt - done.inserted - done.updated - done.deleted
    return ReconcileResult(
        0, done.inserted, done.updated, unchanged, done.deleted, conflicts=dict(done.conflicts), offered=done.offered
    )
