"""Extract: read the streams of one entity and land them page by page, each page with its cursor in one transaction.

A walk is read ahead of its landing (`reading.py`): while one page is being written, the next is asked for, mapped and spelled,
and the next stream begins as soon as a walk has been read. Landing itself is done by one thread, page by page in order.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.database.cursors import Place, oldest_watermark
from crm_pipeline.database.definitions import mapping_context
from crm_pipeline.database.landing import Landing
from crm_pipeline.database.locks import Writer
from crm_pipeline.database.refusals import REFUSALS, Connection
from crm_pipeline.errors import AccessDenied, ImplausibleWalk, RequestRefused
from crm_pipeline.model.arrivals import is_implausible
from crm_pipeline.model.records import RawRecord, WalkRequest
from crm_pipeline.stages.drafts import Drafter, Drafts
from crm_pipeline.stages.landing import bury, land
from crm_pipeline.stages.parts import Asked, EntityResult, Parts, Progress, no_progress
from crm_pipeline.stages.reading import LIVE, UNSTORED, Job, Reading, Relay, Walk, place_of


class Extraction:
    """One entity of one connection: begun ahead if there is time, then run once."""

    def __init__(
        self, parts: Parts, link: Link, entity: str, asked: Asked, *, writer: Writer, account: dict[str, object], crm: str,
        result: EntityResult, progress: Progress = no_progress, then: Callable[[], None] = lambda: None,
    ):  # fmt: skip
        """Prepare it. `then`: is told when everything of it has been read, before all of it is landed."""
        connector = parts.connectors[crm]
        with writer.transaction() as db:
            context = mapping_context(db, link.connection_id, account, parts.settings.default_region)
        self._job = Job(writer, link, Drafter(connector, context), entity, result, progress)
        self._asked = asked
        self._streams = [stream for stream in connector.streams if stream.entity == entity]
        self._wanted = [stream for stream in self._streams if stream.windowed or asked.mode != "window"]
        self._relay = Relay(self._job, self._wanted, asked, then)

    def begin(self) -> None:
        """Begin reading the first stream."""
        self._relay.pass_on()

    def run(self) -> EntityResult:
        """Read every stream as asked and return the counts; the result has them even when an error is raised.

        Raises what the connector raises, ConnectionBusy when the lock was lost, ImplausibleWalk when too much seems deleted.
        """
        began = time.monotonic()
        try:
            _extract(self._job, self._relay, self._streams, self._wanted, self._asked)
        finally:
            self.close()
            self._job.result.seconds = round(time.monotonic() - began, 3)
        return self._job.result

    def close(self) -> None:
        """End what was begun and is not wanted any more."""
        self._relay.close()


def _extract(job: Job, relay: Relay, streams: Sequence[Stream], wanted: Sequence[Stream], asked: Asked) -> None:
    offered = [stream for stream in wanted if _read_if_offered(job, relay, stream, asked)]
    _sweep(job, offered, asked.mode)
    live = [stream.name for stream in streams if stream in offered or stream not in wanted]
    with job.writer.transaction() as db:
        watermark = oldest_watermark(db, job.link.connection_id, job.entity, live)
    job.result.cursor = watermark.isoformat() if watermark else None


def _read_if_offered(job: Job, relay: Relay, stream: Stream, asked: Asked) -> bool:
    """Read a stream; one that only adds to the entity is left out with a warning where the CRM does not offer or allow it."""
    try:
        _read(job, relay, stream, asked)
    except (AccessDenied, RequestRefused) as error:
        if not stream.auxiliary:
            raise
        job.result.warnings.append(f"{stream.name} left out: {error}")
        return False
    return True


def _read(job: Job, relay: Relay, stream: Stream, asked: Asked) -> None:
    reading, later = relay.take()
    _follow(job, relay, reading)
    for mode in later:
        _follow(job, relay, relay.walk(stream, mode))
    if asked.mode == "window":
        with job.writer.transaction() as db:
            place_of(job, stream, asked).drop(db)


def _follow(job: Job, relay: Relay, reading: Reading) -> None:
    started_at, finished, walk = None, False, reading.walk
    with closing(reading):
        if walk.stream.complete:  # short: waiting for one after the other would leave the CRM idle
            relay.pass_on()
        for page in reading:
            started_at, finished = page.started_at or started_at, page.state is None
            if finished or reading.has_room:
                relay.pass_on()
            reading.learn(news=_land_page(job, walk, page))
    if not finished and walk.request.mode not in UNSTORED:
        with job.writer.transaction() as db:
            walk.place.finish(db, started_at)


def _land_page(job: Job, walk: Walk, page: Drafts) -> bool:
    """Land a page with its cursor and say so; return whether most of it was news."""
    try:
        counts = _written(job, walk, page, whole=True)
    except REFUSALS:
        counts = _written(job, walk, page, whole=False)
    unchanged = counts.unchanged - job.result.unchanged
    _take(job.result, counts)
    job.result.warnings += [said for said in page.warnings if said not in job.result.warnings]
    job.progress(job.link.name, job.entity, job.result)
    return unchanged * 2 < page.read


def _written(job: Job, walk: Walk, page: Drafts, *, whole: bool) -> EntityResult:
    """Write a page in a transaction. Savepoints for what may be refused cost time, so the first try goes without."""
    counts = replace(job.result)
    with job.writer.transaction() as db:
        land(db, job.drafter, page, counts, whole=whole)
        _move_cursor(db, walk, page)
    return counts


def _take(result: EntityResult, counts: EntityResult) -> None:
    """Take over counts of a page once it is committed, so that they never tell of a page that was not kept."""
    for name, value in counts.counts().items():
        setattr(result, name, value)


def _move_cursor(db: Connection, walk: Walk, page: Drafts) -> None:
    if walk.sees_all:
        _see(db, walk, page)
    if walk.request.mode in UNSTORED:
        return
    if page.state is None:
        walk.place.finish(db, page.started_at)
    else:
        walk.place.advance(db, page.state, page.started_at)


def _see(db: Connection, walk: Walk, page: Drafts) -> None:
    for kind, records in page.records.items():
        seen = [key for key, record in records.items() if not record.deleted]
        Landing(walk.place.connection_id).see(db, walk.place.stream, kind, seen)


def _sweep(job: Job, streams: Sequence[Stream], mode: str) -> None:
    """Bury what the finished complete walks of an entity have not seen; kinds that share streams are judged together."""
    if mode not in (*LIVE, "verify"):
        return
    for kind in dict.fromkeys(kind for stream in streams for kind in stream.kinds):
        of_kind = [stream for stream in streams if kind in stream.kinds]
        if all(stream.complete for stream in of_kind) or (mode == "verify" and kind == job.entity):
            _sweep_kind(job, kind, of_kind, "@verify" if mode == "verify" else "")


def _sweep_kind(job: Job, kind: str, streams: Sequence[Stream], suffix: str) -> None:
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


def _unseen(db: Connection, job: Job, landing: Landing, kind: str, streams: Sequence[str]) -> list[str]:
    """Return the ids these walks have not seen. Raises ImplausibleWalk when they are too many."""
    began_at = _began_at(db, job, streams)
    live, seen, seen_at_all = landing.count_live(db, kind, streams, began_at)
    if is_implausible(live, seen, seen_at_all):
        raise ImplausibleWalk(
            f"The walk of {kind} saw {seen} of {live} records; nothing was deleted.",
            what_to_do="Check the rights of the token's user in the CRM, then sync again.",
        )
    return landing.missing(db, kind, streams, began_at) if live > seen else []


def _still_there(job: Job, stream: Stream, kind: str, unseen: Sequence[str]) -> set[str]:
    """Ask for what a walk has not seen by its ids, and land what is there: an edit may have moved it out of the walk's sight."""
    if not unseen:
        return set()
    there: set[str] = set()
    link = replace(job.link, http=job.link.http.apart())
    for page in job.drafter.connector.walk(link, stream, WalkRequest("record", ids=tuple(unseen))):
        live = [record for record in page.records if not record.deleted]
        with job.writer.transaction() as db:
            land(db, job.drafter, job.drafter.drafts(live), job.result)
        there |= {record.external_id for record in live if record.kind == kind}
    job.result.requests += link.http.requests_made
    return there


def _began_at(db: Connection, job: Job, streams: Sequence[str]) -> datetime:
    """Return when, by Postgres' clock, the first of these walks began: what was landed later it need not have seen."""
    began = [Place(job.link.connection_id, job.entity, stream).read(db).walk_began_at for stream in streams]
    return min(moment for moment in began if moment)
