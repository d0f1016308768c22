"""Landing records: decide what is new, normalize it, write it, all in the caller's transaction.

A value the database refuses (a number too large, a kind it does not know) must not stop a page for ever: the page is then
written half by half until the one record is found, and that one goes to quarantine.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from crm_pipeline.connectors import Connector
from crm_pipeline.database.landing import Landing, Unread, prepare
from crm_pipeline.database.refusals import REFUSALS, Connection, reason
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.arrivals import Arrivals, newest, sort_arrivals
from crm_pipeline.model.entities import ENTITIES, HISTORY
from crm_pipeline.model.fingerprint import content_hash
from crm_pipeline.model.records import MappingContext, RawRecord, SourceRecord
from crm_pipeline.stages.parts import EntityResult

ALWAYS_COMPARED = frozenset({"users", "pipelines", "stages", "custom_fields"})
"""Entities whose source records may come out of another record's payload: a fresh payload does not mean a fresh record."""

SLIPS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What a mapping raises by mistake, on a payload nobody has thought of: that record waits in quarantine, the rest goes on."""

Hashed = tuple[RawRecord, bytes]


@dataclass(frozen=True, slots=True)
class Mapped:
    """What a connector made of raw records, by entity, and what it could not read."""

    records: dict[str, dict[str, SourceRecord]]
    unread: list[Unread]


def land(
    db: Connection, connector: Connector, context: MappingContext, records: Sequence[RawRecord], result: EntityResult
) -> None:
    """Bring one page's records into raw and source tables and count them in `result`."""
    prepare(db)
    landing = Landing(context.connection_id)
    result.read += len(records)
    for kind, of_kind in newest(records).items():
        known = landing.known(db, kind, of_kind.keys())
        arrivals = sort_arrivals(of_kind.values(), known, _hasher(connector.crm))
        _land_kind(db, _Lander(landing, connector, context, kind), arrivals, result)


def normalize_records(connector: Connector, context: MappingContext, records: Iterable[RawRecord]) -> Mapped:
    """Map records; one that cannot be read is set aside with the reason."""
    mapped = Mapped({}, [])
    for record in records:
        try:
            for source in connector.normalize(record, context):
                mapped.records.setdefault(source.entity, {})[source.external_id] = source
        except Unreadable as error:
            mapped.unread.append(Unread(record, str(error)))
        except SLIPS as error:
            mapped.unread.append(Unread(record, f"The mapping does not understand this payload: {type(error).__name__}: {error}"))
    return mapped


def owed(entity: str, records: Iterable[SourceRecord]) -> tuple[str, list[str]] | None:
    """Return what is to be reconciled because of these source records: entity and ids; None for what has no golden table."""
    if entity == "custom_fields":
        return None
    if entity == HISTORY:
        return "deals", list({str(record.values["deal_external_id"]) for record in records})
    return entity, [record.external_id for record in records]


def _hasher(crm: str) -> Callable[[RawRecord], bytes]:
    return lambda record: content_hash(record.payload or {}, crm, record.kind)


@dataclass(frozen=True, slots=True)
class _Lander:
    """Writes records of one kind."""

    landing: Landing
    connector: Connector
    context: MappingContext
    kind: str

    def fresh(self, db: Connection, records: Sequence[Hashed]) -> int:
        """Write records never seen; return how many went to quarantine."""
        mapped = normalize_records(self.connector, self.context, (record for record, _ in records))
        self.landing.save_fresh_raw(db, self.kind, records)
        for entity, sources in mapped.records.items():
            if entity == self.kind and entity not in ALWAYS_COMPARED:
                self.landing.save_fresh(db, entity, list(sources.values()))
            else:
                self.landing.save_changed(db, entity, list(sources.values()))
        self._settle(db, mapped)
        return len(mapped.unread)

    def changed(self, db: Connection, records: Sequence[Hashed]) -> int:
        """Write new versions of records; return how many went to quarantine."""
        mapped = normalize_records(self.connector, self.context, (record for record, _ in records))
        self.landing.save_changed_raw(db, self.kind, records)
        for entity, sources in mapped.records.items():
            self.landing.save_changed(db, entity, list(sources.values()))
        unread = {one.record.external_id for one in mapped.unread}
        self.landing.release(db, self.kind, [record.external_id for record, _ in records if record.external_id not in unread])
        self._settle(db, mapped)
        return len(unread)

    def refused(self, db: Connection, record: Hashed, reason: str) -> None:
        """Keep a record the tables refuse: its payload in raw if that is possible, and in quarantine."""
        self.landing.quarantine(db, self.kind, [Unread(record[0], reason)])
        self.landing.save_changed_raw(db, self.kind, [record])

    def refused_payload(self, db: Connection, record: Hashed, reason: str) -> None:
        """Keep at least the id and the reason of a record whose very payload the tables refuse."""
        bare = RawRecord(self.kind, record[0].external_id, None)
        self.landing.quarantine(db, self.kind, [Unread(bare, reason)])

    def _settle(self, db: Connection, mapped: Mapped) -> None:
        self.landing.quarantine(db, self.kind, mapped.unread)
        for entity, sources in mapped.records.items():
            debt = owed(entity, sources.values())
            if debt:
                self.landing.owe_reconciling(db, *debt)


def _land_kind(db: Connection, lander: _Lander, arrivals: Arrivals, result: EntityResult) -> None:
    result.unchanged += arrivals.unchanged
    result.inserted += len(arrivals.fresh)
    result.updated += len(arrivals.changed)
    result.quarantined += _write(db, lander, lander.fresh, arrivals.fresh)
    result.quarantined += _write(db, lander, lander.changed, arrivals.changed)
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


def _write(
    db: Connection, lander: _Lander, write: Callable[[Connection, Sequence[Hashed]], int], records: Sequence[Hashed]
) -> int:
    """Write records in a savepoint; halve them while the database refuses, down to the one it refuses for good."""
    if not records:
        return 0
    try:
        with db.begin_nested():
            return write(db, records)
    except REFUSALS as error:
        why = reason(error)
    if len(records) == 1:
        return _set_aside(db, lander, records[0], why)
    middle = len(records) // 2
    return _write(db, lander, lander.changed, records[:middle]) + _write(db, lander, lander.changed, records[middle:])


def _set_aside(db: Connection, lander: _Lander, record: Hashed, why: str) -> int:
    try:
        with db.begin_nested():
            lander.refused(db, record, why)
    except REFUSALS:
        lander.refused_payload(db, record, why)
    return 1
