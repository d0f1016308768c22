"""Drafts: what can be done with a raw record before the database is asked: hashing, mapping, spelling its rows.

What belongs here: pure work on one page, so that it may be done in another thread while the page before is being written.
What becomes of a draft is decided and done in `landing.py`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from crm_pipeline.connectors import Connector
from crm_pipeline.database.landing import Unread, raw_rows, speller
from crm_pipeline.database.rows import Spelled, json_text, storable
from crm_pipeline.errors import Unreadable
from crm_pipeline.model.arrivals import newest
from crm_pipeline.model.fingerprint import fingerprint
from crm_pipeline.model.records import MappingContext, Page, RawRecord

SLIPS = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError)
"""What a mapping raises by mistake, on a payload nobody has thought of: that record waits in quarantine, the rest goes on."""


@dataclass(slots=True)
class Draft:
    """A live raw record with its content hash; its rows once it is `finished`."""

    record: RawRecord
    digest: bytes = b""
    payload: bytes | None = None
    line: bytes = b""
    sources: tuple[Spelled, ...] = ()
    unread: Unread | None = None
    finished: bool = False


@dataclass(frozen=True, slots=True)
class Drafts:
    """One page as far as it goes without the database. kind → external id → record; of the live ones also their draft."""

    read: int
    records: dict[str, dict[str, RawRecord]]
    of_kind: dict[str, dict[str, Draft]] = field(default_factory=dict)
    state: str | None = None
    """JSON state from which the walk goes on once this is landed; None: nothing remains."""
    started_at: datetime | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drafter:
    """Makes the drafts of one connection."""

    connector: Connector
    context: MappingContext

    def page(self, page: Page, *, finish: bool) -> Drafts:
        """Draft a page of a walk. `finish`: most of it is expected to be news."""
        state = None if page.resume is None else json_text(page.resume)
        return self.drafts(page.records, finish=finish, state=state, started_at=page.started_at, warnings=page.warnings)

    def drafts(
        self, records: Iterable[RawRecord], *, finish: bool = False, state: str | None = None,
        started_at: datetime | None = None, warnings: tuple[str, ...] = (),
    ) -> Drafts:  # fmt: skip
        """Draft records; of several with the same id the newest counts."""
        listed = list(records)
        drafts = Drafts(len(listed), newest(listed), {}, state, started_at, warnings)
        for kind, records_of_kind in drafts.records.items():
            live = (record for record in records_of_kind.values() if not (record.deleted or record.payload is None))
            drafts.of_kind[kind] = {record.external_id: self.draft(record) for record in live}
            if finish:
                for draft in drafts.of_kind[kind].values():
                    self.finish(draft)
        return drafts

    def draft(self, record: RawRecord) -> Draft:
        """Hash a record."""
        return Draft(record, *fingerprint(record.payload or {}, self.connector.crm, record.kind))

    def finish(self, draft: Draft) -> Draft:
        """Map a record and spell its rows, unless that is done."""
        if not draft.finished:
            record = draft.record
            payload = storable(draft.payload) if draft.payload is not None else None
            draft.line = raw_rows(self.context.connection_id, record.kind).line(record, draft.digest, payload=payload)
            self.map(draft)
            draft.payload, draft.finished = None, True
        return draft

    def map(self, draft: Draft) -> None:
        """Map a record and spell what comes out; what cannot be read is noted with the reason."""
        connection_id = self.context.connection_id
        try:
            sources = self.connector.normalize(draft.record, self.context)
            draft.sources = tuple([speller(connection_id, source.entity).spell(source) for source in sources])
        except Unreadable as error:
            draft.unread = Unread(draft.record, str(error))
        except SLIPS as error:
            reason = f"The mapping does not understand this payload: {type(error).__name__}: {error}"
            draft.unread = Unread(draft.record, reason)


def by_entity(drafts: Iterable[Draft]) -> dict[str, list[Spelled]]:
    """Return entity → its source records, each once, the last one where several drafts have it."""
    found: dict[str, dict[str, Spelled]] = {}
    for draft in drafts:
        for spelled in draft.sources:
            found.setdefault(spelled.record.entity, {})[spelled.record.external_id] = spelled
    return {entity: list(records.values()) for entity, records in found.items()}
