"""Extract: read the streams of one entity and land them page by page, each page with its cursor in one transaction."""

import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from crm_pipeline.connectors import Connector, Link, Stream
from crm_pipeline.database.cursors import Cursor, Place, oldest_watermark
from crm_pipeline.database.definitions import mapping_context
from crm_pipeline.database.landing import Landing
from crm_pipeline.database.locks import Writer
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import AccessDenied, ImplausibleWalk, RequestRefused
from crm_pipeline.model.arrivals import is_implausible
from crm_pipeline.model.records import MappingContext, Page, RawRecord, WalkRequest
from crm_pipeline.stages.landing import bury, land
from crm_pipeline.stages.parts import Asked, EntityResult, Parts, Progress, no_progress

LIVE = ("initial", "incremental")
"""Modes that move the live cursor."""
UNSTORED = ("record",)
"""Modes too short to be resumed: they have no cursor."""


@dataclass(frozen=True)
class _Job:
    """One entity of one connection being read."""

    writer: Writer
    link: Link
    connector: Connector
    entity: str
    context: MappingContext
    result: EntityResult
    progress: Progress


@dataclass(frozen=True)
class _Walk:
    """One walk of one stream."""

    stream: Stream
    place: Place
    request: WalkRequest
    sees_all: bool
    """What it has not seen is gone, so it remembers what it sees."""


def extract(
    parts: Parts, link: Link, entity: str, asked: Asked, *, writer: Writer, account: dict[str, object], crm: str,
    result: EntityResult | None = None, progress: Progress = no_progress,
) -> EntityResult:  # fmt: skip
    """Read every stream of an entity as asked and return the counts; `result` has them even when an error is raised.

    Raises what the connector raises, ConnectionBusy when the lock was lost, ImplausibleWalk when too much seems deleted.
    """
    result = result if result is not None else EntityResult()
    connector = parts.connectors[crm]
    with writer.transaction() as db:
        context = mapping_context(db, link.connection_id, account, parts.settings.default_region)
    job = _Job(writer, link, connector, entity, context, result, progress)
    began, requests = time.monotonic(), link.http.requests_made
    try:
        _extract(job, [stream for stream in connector.streams if stream.entity == entity], asked)
    finally:
        result.seconds = round(time.monotonic() - began, 3)
        result.requests = link.http.requests_made - requests
    return result


def _extract(job: _Job, streams: Sequence[Stream], asked: Asked) -> None:
    wanted = [stream for stream in streams if stream.windowed or asked.mode != "window"]
    offered = [stream for stream in wanted if _read_if_offered(job, stream, asked)]
    _sweep(job, offered, asked.mode)
    live = [stream.name for stream in streams if stream in offered or stream not in wanted]
    with job.writer.transaction() as db:
        watermark = oldest_watermark(db, job.link.connection_id, job.entity, live)
    job.result.cursor = watermark.isoformat() if watermark else None


def _read_if_offered(job: _Job, stream: Stream, asked: Asked) -> bool:
    """Read a stream; one that only adds to the entity is left out with a warning where the CRM does not offer or allow it."""
    try:
        _read(job, stream, asked)
    except (AccessDenied, RequestRefused) as error:
        if not stream.auxiliary:
            raise
        job.result.warnings.append(f"{stream.name} left out: {error}")
        return False
    return True


def _read(job: _Job, stream: Stream, asked: Asked) -> None:
    place = Place(job.link.connection_id, job.entity, stream.name + _suffix(asked))
    with job.writer.transaction() as db:
        cursor = place.read(db)
    for mode in _modes(asked.mode, cursor):
        walk = _begin(job, stream, place, replace(asked, mode=mode))
        _follow(job, walk)
    if asked.mode == "window":
        with job.writer.transaction() as db:
            place.drop(db)


def _suffix(asked: Asked) -> str:
    if asked.mode in LIVE:
        return ""
    period = f":{asked.since.isoformat()}..{asked.until.isoformat()}" if asked.since and asked.until else ""
    return f"@{asked.mode}{period}"


def _modes(asked: str, cursor: Cursor) -> tuple[str, ...]:
    """Return the walks to make, in order: an incremental one needs an initial one that has finished."""
    if asked != "incremental":
        return (asked,)
    if cursor.walk_mode == "initial":
        return ("initial", "incremental")
    return ("incremental",) if cursor.watermark else ("initial",)


def _begin(job: _Job, stream: Stream, place: Place, asked: Asked) -> _Walk:
    """Decide where the walk starts: where an unfinished one of the same mode stopped, or afresh."""
    sees_all = asked.mode == "verify" or (stream.complete and asked.mode in LIVE)
    with job.writer.transaction() as db:
        cursor = place.read(db)
        resumes = cursor.walk_mode == asked.mode and cursor.walk_state is not None
        if not resumes and asked.mode not in UNSTORED:
            place.begin(db, asked.mode)
            Landing(place.connection_id).forget_seen(db, place.stream)
    since = cursor.watermark if asked.mode == "incremental" else asked.since
    resume = cursor.walk_state if resumes else None
    return _Walk(stream, place, WalkRequest(asked.mode, since, asked.until, asked.ids, resume), sees_all)


def _follow(job: _Job, walk: _Walk) -> None:
    started_at, finished = None, False
    pages = job.connector.walk(job.link, walk.stream, walk.request)
    with closing(pages):  # type: ignore[type-var]  # a generator; closing it ends its requests in flight
        for page in pages:
            started_at, finished = page.started_at or started_at, page.resume is None
            with job.writer.transaction() as db:
                counts = replace(job.result)
                _land_page(db, job, walk, page, counts)
            _take(job.result, counts)
            job.result.warnings += [said for said in page.warnings if said not in job.result.warnings]
            job.progress(job.link.name, job.entity, job.result)
    if not finished and walk.request.mode not in UNSTORED:
        with job.writer.transaction() as db:
            walk.place.finish(db, started_at)


def _take(result: EntityResult, counts: EntityResult) -> None:
    """Take over counts of a page once it is committed, so that they never tell of a page that was not kept."""
    for name, value in counts.counts().items():
        setattr(result, name, value)


def _land_page(db: Connection, job: _Job, walk: _Walk, page: Page, counts: EntityResult) -> None:
    land(db, job.connector, job.context, page.records, counts)
    if walk.sees_all:
        _see(db, walk, page.records)
    if walk.request.mode in UNSTORED:
        return
    if page.resume is None:
        walk.place.finish(db, page.started_at)
    else:
        walk.place.advance(db, page.resume, page.started_at)


def _see(db: Connection, walk: _Walk, records: Sequence[RawRecord]) -> None:
    seen: dict[str, set[str]] = {}
    for record in records:
        if not record.deleted:
            seen.setdefault(record.kind, set()).add(record.external_id)
    for kind, ids in seen.items():
        Landing(walk.place.connection_id).see(db, walk.place.stream, kind, ids)


def _sweep(job: _Job, streams: Sequence[Stream], mode: str) -> None:
    """Bury what the finished complete walks of an entity have not seen; kinds that share streams are judged together."""
    if mode not in (*LIVE, "verify"):
        return
    for kind in dict.fromkeys(kind for stream in streams for kind in stream.kinds):
        of_kind = [stream for stream in streams if kind in stream.kinds]
        if all(stream.complete for stream in of_kind) or (mode == "verify" and kind == job.entity):
            _sweep_kind(job, kind, of_kind, "@verify" if mode == "verify" else "")


def _sweep_kind(job: _Job, kind: str, streams: Sequence[Stream], suffix: str) -> None:
    landing, names = Landing(job.link.connection_id), [stream.name + suffix for stream in streams]
    with job.writer.transaction() as db:
        unseen = _unseen(db, job, landing, kind, names)
    there = {key for stream in streams if not stream.complete for key in _still_there(job, stream, kind, unseen)}
    gone = [key for key in unseen if key not in there]
    with job.writer.transaction() as db:
        bury(db, landing, kind, [RawRecord(kind, key, None, deleted=True) for key in gone])
        for name in names:
            landing.forget_seen(db, name)
    job.result.deleted += len(gone)


def _unseen(db: Connection, job: _Job, landing: Landing, kind: str, streams: Sequence[str]) -> list[str]:
    """Return the ids these walks have not seen. Raises ImplausibleWalk when they are too many."""
    began_at = _began_at(db, job, streams)
    live, seen, seen_at_all = landing.count_live(db, kind, streams, began_at)
    if is_implausible(live, seen, seen_at_all):
        raise ImplausibleWalk(
            f"The walk of {kind} saw {seen} of {live} records; nothing was deleted.",
            what_to_do="Check the rights of the token's user in the CRM, then sync again.",
        )
    return landing.missing(db, kind, streams, began_at) if live > seen else []


def _still_there(job: _Job, stream: Stream, kind: str, unseen: Sequence[str]) -> set[str]:
    """Ask for what a walk has not seen by its ids, and land what is there: an edit may have moved it out of the walk's sight."""
    if not unseen:
        return set()
    there: set[str] = set()
    for page in job.connector.walk(job.link, stream, WalkRequest("record", ids=tuple(unseen))):
        live = [record for record in page.records if not record.deleted]
        with job.writer.transaction() as db:
            land(db, job.connector, job.context, live, job.result)
        there |= {record.external_id for record in live if record.kind == kind}
    return there


def _began_at(db: Connection, job: _Job, streams: Sequence[str]) -> datetime:
    """Return when, by Postgres' clock, the first of these walks began: what was landed later it need not have seen."""
    began = [Place(job.link.connection_id, job.entity, stream).read(db).walk_began_at for stream in streams]
    return min(moment for moment in began if moment)
