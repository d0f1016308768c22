"""What one step does: one entity of one connection is synced and reconciled, and Dagster is told what came of it.

Used by the assets (launched from the lineage) and by the jobs (launched by sensors and people), so both do the same.
"""

import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

import dagster as dg

from crm_pipeline.database.checks import ask
from crm_pipeline.database.connections import get
from crm_pipeline.errors import CrmPipelineError
from crm_pipeline.model.entities import GOLDEN
from crm_pipeline.orchestration.failures import failing_in_words, to_failure
from crm_pipeline.orchestration.metadata import Metadata, golden_metadata, has_done, sync_metadata
from crm_pipeline.stages.normalize import normalize
from crm_pipeline.stages.parts import EntityResult, Progress, ReconcileResult
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.suggest import suggest
from crm_pipeline.stages.sync import sync

SAY_EVERY = 10.0
"""Seconds between two lines of progress."""

RENEWING = ("initial", "incremental", "verify")
"""Modes after which an entity is up to date."""

QUIET_FOR = 3600.0
"""Seconds for which a sync that happened by itself and found nothing new is not told of again."""

AT_MOST_COMPARED = 20_000
"""Contacts looked at in one step for others who resemble them, some seconds' work; the others wait for the next."""

Context = dg.OpExecutionContext | dg.AssetExecutionContext
Said = dict[dg.AssetKey, Metadata]


def sync_entity(
    context: Context, connection: str, entity: str, mode: str, since: datetime | None = None, until: datetime | None = None
) -> EntityResult:
    """Sync one entity and return its counts. Raises dg.Failure with what to do."""
    parts, lease = context.resources.pipeline, context.resources.lease
    with in_words(context, connection, entity):
        done = sync(parts, connection, mode, [entity], since=since, until=until, run_id=lease.run_id, progress=_telling(context))
        if entity in done.raised:
            raise done.raised[entity]
    return done.entities[entity]


def crm_of(context: Context, connection: str) -> str:
    """Return the CRM of a connection. Raises dg.Failure when there is no such connection."""
    with failing_in_words(connection=connection):
        return get(context.resources.pipeline.engine, connection).crm


def normalize_entity(context: Context, crm: str, connection: str, entity: str) -> Said:
    """Normalize one entity again from its raw records; return what to say about `source/<crm>/<entity>`."""
    with in_words(context, connection, entity):
        result = normalize(context.resources.pipeline, connection, entity)
    return landed(context, crm, connection, entity, "normalize", result)


def landed(context: Context, crm: str, connection: str, entity: str, mode: str, result: EntityResult) -> Said:
    """Return what to say about `raw/<crm>/<entity>` and `source/<crm>/<entity>` after a sync."""
    parts = context.resources.pipeline
    (standing,) = ask(parts.engine, "standing", entity=entity, connection=connection)
    rate = 1 / parts.link(connection).http.meter.interval if result.requests else None
    lag = standing["lag_seconds"] if mode in RENEWING else None

    def metadata(layer: str) -> Metadata:
        return sync_metadata(result, connection=connection, mode=mode, rows=standing[layer], lag=lag, rate=rate)

    return {dg.AssetKey([layer, crm, entity]): metadata(layer) for layer in ("raw", "source")}


def is_news(context: Context, connection: str, said: Said) -> bool:
    """Return whether a sync is worth an event: somebody asked for it, it found something, or nothing was said for an hour.

    At five-minute intervals nearly all syncs of nearly all entities find nothing, and the event log keeps every event.
    """
    if "dagster/sensor_name" not in context.run.tags:
        return True
    if any(metadata[name] for metadata in said.values() for name in ("inserted", "updated", "deleted", "quarantined")):
        return True
    lately = dg.AssetRecordsFilter(next(iter(said)), asset_partitions=[connection], after_timestamp=time.time() - QUIET_FOR)
    return not context.instance.fetch_materializations(lately, limit=1).records


def report(context: Context, connection: str, said: Said) -> None:
    """Log the materializations of one connection's assets, for a step that is not the assets' own."""
    for key, metadata in said.items():
        context.log_event(dg.AssetMaterialization(key, partition=connection, metadata=metadata))


def reconcile_entity(context: Context, entity: str) -> None:
    """Carry what a sync changed into the golden tables and log their materializations."""
    for told in golden_news(context, entity):
        context.log_event(told)


def golden_news(
    context: Context, entity: str, quietly: bool = False, later: Container[str] = ()
) -> Iterator[dg.AssetMaterialization]:
    """Carry what a sync changed into `crm.<entity>`, if there is such a table, and on to what refers to it; yield what to say.

    quietly: only of what was not as it should be already; later: entities whose own step comes after this one.
    """
    if entity in GOLDEN and entity not in _with_own_step(context):
        result = _reconciled(context, entity)
        if has_done(result) or not quietly:
            yield _told(context, entity, result)
    yield from _carried_on(context, later)


def reconcile_golden(context: Context, entity: str, full: bool = False) -> Metadata:
    """Reconcile one entity, and what refers to it unless its asset is selected too; return the metadata of `crm/<entity>`."""
    result = _reconciled(context, entity, full)
    for told in _carried_on(context):
        context.log_event(told)
    return _golden_metadata(context, entity, result)


def reconcile_waiting(context: Context) -> None:
    """Bring the golden tables up to date with whatever waits, and log the materializations of those that moved."""
    with in_words(context, "crm", "outgoing"):
        done = reconcile(context.resources.pipeline)
    for entity, result in done.items():
        if has_done(result):
            context.log_event(_told(context, entity, result))


def _carried_on(context: Context, later: Container[str] = ()) -> Iterator[dg.AssetMaterialization]:
    """Rebuild golden records that wait because what they refer to moved, but for entities that have a step of their own.

    Once through in load order is enough: references lead back only.
    """
    engine, own = context.resources.pipeline.engine, _with_own_step(context)
    for entity in GOLDEN:
        if entity not in own and entity not in later and ask(engine, "golden_waits", entity=entity)[0]["waits"]:
            result = _reconciled(context, entity)
            if has_done(result):
                yield _told(context, entity, result)


def _told(context: Context, entity: str, result: ReconcileResult) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(["crm", entity], metadata=_golden_metadata(context, entity, result))


def _reconciled(context: Context, entity: str, full: bool = False) -> ReconcileResult:
    parts = context.resources.pipeline
    with in_words(context, "crm", entity):
        done = reconcile(parts, entities=[entity], full=full)[entity]
        asked = suggest(parts, AT_MOST_COMPARED) if entity == "contacts" else 0
    return replace(done, reviews=done.reviews + asked)


def _golden_metadata(context: Context, entity: str, result: ReconcileResult) -> Metadata:
    engine = context.resources.pipeline.engine
    (standing,) = ask(engine, "golden_standing", entity=entity)
    return golden_metadata(result, standing, ask(engine, "newest_open", entity=entity))


@contextmanager
def in_words(context: Context, connection: str, entity: str) -> Iterator[None]:
    """Turn our errors into Failures, and let the rest of the run know when this connection is out of reach."""
    lease = context.resources.lease
    after, met = lease.stopped_by(connection, entity)
    if met is not None:
        raise to_failure(met, after, connection=connection, entity=entity)
    try:
        yield
    except CrmPipelineError as error:
        lease.note(connection, entity, error)
        raise to_failure(error, connection=connection, entity=entity) from None
    lease.clear(connection)


def _telling(context: Context) -> Progress:
    """Return a progress that logs a line now and then."""
    is_time = now_and_then()

    def tell(connection: str, entity: str, result: EntityResult) -> None:
        if is_time():
            context.log.info(f"{connection}/{entity}: {result.read} read so far")

    return tell


def now_and_then() -> Callable[[], bool]:
    """Return a function that says whether it is time for another line: every line is a row of the event log."""
    said = time.monotonic()

    def is_time() -> bool:
        nonlocal said
        if time.monotonic() - said <= SAY_EVERY:
            return False
        said = time.monotonic()
        return True

    return is_time


def _with_own_step(context: Context) -> frozenset[str]:
    """Return the entities whose golden table has a step of its own in this run."""
    chosen = context.run.asset_selection or ()
    return frozenset(key.path[1] for key in chosen if key.path[0] == "crm")
