"""Landing records: decide what is new and write it, all in the caller's transaction. What needs no database is in `drafts.py`.

A value the database refuses (a number too large, a kind it does not know) must not stop a page for ever: the page is then
written half by half until the one record is found, and that one goes to quarantine.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crm_pipeline.database.echo import hold_landing
from crm_pipeline.database.landing import Landing, Unread
from crm_pipeline.database.refusals import REFUSALS, Connection, reason
from crm_pipeline.model.arrivals import Arrivals, sort_arrivals
from crm_pipeline.model.entities import ENTITIES, HISTORY
from crm_pipeline.model.records import RawRecord, SourceRecord
from crm_pipeline.stages.drafts import Draft, Drafter, Drafts, by_entity
from crm_pipeline.stages.parts import EntityResult

ALWAYS_COMPARED = frozenset({"users", "pipelines", "stages", "custom_fields"})
"""Entities whose source records may come out of another record's payload: a fresh payload does not mean a fresh record."""


def land(db: Connection, drafter: Drafter, drafts: Drafts, result: EntityResult, *, whole: bool = False) -> None:
    """Bring one page's records into raw and source tables and count them in `result`.

    `whole`: raises one of REFUSALS when the database refuses anything of it; then it is to be landed once more, not whole.
    """
    hold_landing(db, drafter.context.connection_id)
    landing = Landing(drafter.context.connection_id)
    result.read += drafts.read
    result.unchanged += drafts.read - sum(map(len, drafts.records.values()))  # read twice on one page: the newest counted
    for kind, records in drafts.records.items():
        lander = _Lander(landing, drafter, kind, drafts.of_kind[kind], whole)
        arrivals = sort_arrivals(records.values(), landing.known(db, kind, records.keys()), lander.digest)
        _land_kind(db, lander, arrivals, result)


def owed(entity: str, records: Iterable[SourceRecord]) -> tuple[str, list[str]] | None:
    """Return what is to be reconciled because of these source records: entity and ids; None for what has no golden table."""
    if entity == "custom_fields":
        return None
    if entity == HISTORY:
        return "deals", list({str(record.values["deal_external_id"]) for record in records})
    return entity, [record.external_id for record in records]


@dataclass(frozen=True, slots=True)
class _Lander:
    """Writes records of one kind."""

    landing: Landing
    drafter: Drafter
    kind: str
    drafts: dict[str, Draft]
    whole: bool

    def digest(self, record: RawRecord) -> bytes:
        """Return the content hash of a live record."""
        return self.drafts[record.external_id].digest

    def finished(self, records: Iterable[tuple[RawRecord, bytes]]) -> list[Draft]:
        """Return the drafts of these records with their rows."""
        return [self.drafter.finish(self.drafts[record.external_id]) for record, _ in records]

    def fresh(self, db: Connection, drafts: Sequence[Draft]) -> int:
        """Write records never seen; return how many went to quarantine."""
        self.landing.save_fresh_raw(db, [draft.line for draft in drafts])
        for entity, sources in by_entity(drafts).items():
            if entity == self.kind and entity not in ALWAYS_COMPARED:
                self.landing.save_fresh(db, entity, sources)
            else:
                self.landing.save_changed(db, entity, sources)
        return self._settle(db, drafts)

    def changed(self, db: Connection, drafts: Sequence[Draft]) -> int:
        """Write new versions of records; return how many went to quarantine."""
        self.landing.save_changed_raw(db, [draft.line for draft in drafts])
        for entity, sources in by_entity(drafts).items():
            self.landing.save_changed(db, entity, sources)
        self.landing.release(db, self.kind, [draft.record.external_id for draft in drafts if not draft.unread])
        return self._settle(db, drafts)

    def refused(self, db: Connection, draft: Draft, reason: str) -> None:
        """Keep a record the tables refuse: its payload in raw if that is possible, and in quarantine."""
        self.landing.quarantine(db, self.kind, [Unread(draft.record, reason)])
        self.landing.save_changed_raw(db, [draft.line])

    def refused_payload(self, db: Connection, draft: Draft, reason: str) -> None:
        """Keep at least the id and the reason of a record whose very payload the tables refuse."""
        bare = RawRecord(self.kind, draft.record.external_id, None)
        self.landing.quarantine(db, self.kind, [Unread(bare, reason)])

    def _settle(self, db: Connection, drafts: Sequence[Draft]) -> int:
        unread = [draft.unread for draft in drafts if draft.unread]
        self.landing.quarantine(db, self.kind, unread)
        for entity, sources in by_entity(drafts).items():
            debt = owed(entity, [spelled.record for spelled in sources])
            if debt:
                self.landing.owe_reconciling(db, *debt)
        return len(unread)


def _land_kind(db: Connection, lander: _Lander, arrivals: Arrivals, result: EntityResult) -> None:
    result.unchanged += arrivals.unchanged
    result.inserted += len(arrivals.fresh)
    result.updated += len(arrivals.changed)
    result.quarantined += _write(db, lander, lander.fresh, lander.finished(arrivals.fresh))
    result.quarantined += _write(db, lander, lander.changed, lander.finished(arrivals.changed))
    lander.landing.save_unheard(db, lander.kind, arrivals.unheard)
    bury(db, lander.landing, lander.kind, arrivals.deleted)
    result.deleted += len(arrivals.deleted)


def bury(db: Connection, landing: Landing, kind: str, gone: Sequence[RawRecord]) -> None:
    """Put tombstones on records that were deleted in the CRM."""
    if kind not in (*ENTITIES, HISTORY):
        return
    buried = landing.bury(db, kind, [(record.external_id, record.remote_updated_at) for record in gone])
    if buried and kind not in ("custom_fields", HISTORY):
        landing.owe_reconciling(db, kind, buried)


def _write(db: Connection, lander: _Lander, write: Callable[[Connection, Sequence[Draft]], int], drafts: Sequence[Draft]) -> int:
    """Write records in a savepoint; halve them while the database refuses, down to the one it refuses for good."""
    if not drafts or lander.whole:
        return write(db, drafts) if drafts else 0
    try:
        with db.begin_nested():
            return write(db, drafts)
    except REFUSALS as error:
        why = reason(error)
    if len(drafts) == 1:
        return _set_aside(db, lander, drafts[0], why)
    middle = len(drafts) // 2
    return _write(db, lander, lander.changed, drafts[:middle]) + _write(db, lander, lander.changed, drafts[middle:])


def _set_aside(db: Connection, lander: _Lander, draft: Draft, why: str) -> int:
    try:
        with db.begin_nested():
            lander.refused(db, draft, why)
    except REFUSALS:
        lander.refused_payload(db, draft, why)
    return 1
