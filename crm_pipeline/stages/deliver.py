"""Deliver: take claimed changes of one entity to their CRM, and write down what became of each.

Read before write: what the CRM holds now is landed first, so that reconciling decides with fresh facts; what is then still owed
is sent. A change leaves here settled or parked, whatever happens; one held by a process that died is rescued by the queue.
What is decided about a change belongs to `consider.py`, how it is written down to `settle.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from crm_pipeline.connectors import Link, Stream
from crm_pipeline.database import delivery
from crm_pipeline.database.outgoing import Change
from crm_pipeline.errors import ConnectionStopped, RateLimited, TryLater, Unreadable
from crm_pipeline.model.delivery import BULK, INTERACTIVE
from crm_pipeline.model.records import RawRecord, SourceRecord, WalkRequest
from crm_pipeline.model.writing import LINK, UNLINK, Write
from crm_pipeline.stages.consider import Bench, Case, End, Verdict, Wait, compare, look_up, seconds_left
from crm_pipeline.stages.drafts import SLIPS, Drafter
from crm_pipeline.stages.landing import land
from crm_pipeline.stages.parts import EntityResult, Parts
from crm_pipeline.stages.reconcile import reconcile
from crm_pipeline.stages.settle import Ledger

LONG_BEFORE = timedelta(days=1)
"""How much earlier than a create something may have been made that could be taken for it."""
AT_ONCE = 50
"""Outcomes written down in one transaction, at most."""
SENT_AT_ONCE = 150
"""Changes noted as sent before the next are: three requests, so that a note is not much older than what it notes."""


@dataclass(frozen=True, slots=True)
class Errand:
    """What delivering changes of one entity of one connection takes."""

    parts: Parts
    link: Link
    bench: Bench
    ledger: Ledger

    @property
    def streams(self) -> list[Stream]:
        """Return the lists the entity's records may be in."""
        entity = self.bench.entity
        return [one for one in self.bench.connector.streams if one.entity == entity and entity in one.kinds]


def deliver(errand: Errand, changes: Sequence[Change]) -> None:
    """Take claimed changes of one entity as far as they go. Raises ConnectionStopped once they are parked."""
    ledger = errand.ledger
    ledger.take(changes)
    try:
        _deliver(errand, changes)
    except RateLimited as error:
        ledger.park_rest("rate", str(error), until=error.until)
    except TryLater as error:
        ledger.park_rest("unavailable", str(error), counts=True)
    except SLIPS as error:
        ledger.park_rest("internal", f"{type(error).__name__}: {error}", counts=True, is_bug=True)
    except ConnectionStopped as error:
        ledger.park_rest(error.status, str(error))
        raise


def _deliver(errand: Errand, changes: Sequence[Change]) -> None:
    cases = errand.ledger.act_on(_looked_up(errand, changes))
    creates = _not_there_yet(errand, [case for case in cases if not case.reads])
    others = _compared(errand, [case for case in cases if case.reads])
    _send(errand, [*creates, *others])


def _looked_up(errand: Errand, changes: Sequence[Change]) -> list[tuple[Change, Verdict]]:
    with errand.parts.engine.begin() as db:
        return look_up(db, errand.bench, changes)


# Creates --------------------------------------------------------------------------------------------------------------


def _not_there_yet(errand: Errand, creates: Sequence[Case]) -> list[Case]:
    """Look up the creates whose earlier attempt may have been applied; return those that are to be sent."""
    uncertain = [case for case in creates if case.change.sent_at is not None]
    if not uncertain:
        return list(creates)
    found = errand.bench.connector.find(errand.link, _to_look_up(errand, uncertain), errand.bench.context)
    verdicts = [(case.change, _found(errand.bench, case, found.get(str(case.change.id)))) for case in uncertain]
    sure = [case for case in creates if case.change.sent_at is None]
    return sure + errand.ledger.act_on(verdicts, cases=uncertain)


def _to_look_up(errand: Errand, uncertain: Sequence[Case]) -> list[Write]:
    """Return creates with what others made since, lest one be taken for another that says the same (two equal notes)."""
    bench = errand.bench
    since = min(case.change.sent_at for case in uncertain if case.change.sent_at)
    with errand.parts.engine.begin() as db:
        taken = delivery.made_lately(db, bench.connection_id, bench.entity, since - LONG_BEFORE)
    return [replace(case.write, taken=taken) for case in uncertain]


def _found(bench: Bench, case: Case, external_id: str | None) -> Verdict:
    if external_id is not None:
        return End("applied", "found", "An earlier attempt had made it; its answer was lost.", external_id, case.wanted)
    seconds = seconds_left(bench, case.change)
    if seconds > 0:
        return Wait(seconds, "lost", "An earlier attempt may still be under way in the CRM.", uncertain=True)
    return case


# Read before write ----------------------------------------------------------------------------------------------------


def _compared(errand: Errand, cases: Sequence[Case]) -> list[Case]:
    """Read the records as they are now and return what is left to be sent."""
    if not cases:
        return []
    records = _read(errand, [case.external_id or "" for case in cases])
    if _landed(errand, list(records.values())):
        reconcile(errand.parts, [errand.bench.entity])
        cases = errand.ledger.act_on(_looked_up(errand, [case.change for case in cases]))
    verdicts = []
    for case in cases:
        record = records.get(case.external_id or "")
        verdicts.append((case.change, compare(errand.bench, case, _normalized(errand.bench, record), record)))
    return errand.ledger.act_on(verdicts, cases=cases)


def _read(errand: Errand, ids: Sequence[str]) -> dict[str, RawRecord]:
    request = WalkRequest("record", ids=tuple(dict.fromkeys(ids)))
    walk, entity = errand.bench.connector.walk, errand.bench.entity
    pages = (page for stream in errand.streams for page in walk(errand.link, stream, request))
    return {record.external_id: record for page in pages for record in page.records if record.kind == entity}


def _landed(errand: Errand, records: Sequence[RawRecord]) -> bool:
    """Land records just read; return whether any of them was news."""
    result, drafter = EntityResult(), Drafter(errand.bench.connector, errand.bench.context)
    with errand.parts.engine.begin() as db:
        land(db, drafter, drafter.drafts(records), result)
    return result.inserted + result.updated + result.deleted > 0


def _normalized(bench: Bench, record: RawRecord | None) -> SourceRecord | None:
    if record is None or record.deleted or record.payload is None:
        return None
    try:
        sources = bench.connector.normalize(record, bench.context)
    except Unreadable:  # it lies in quarantine with the reason; what cannot be read is not written to
        return None
    return next((source for source in sources if source.entity == bench.entity), None)


# Write ----------------------------------------------------------------------------------------------------------------


def _send(errand: Errand, cases: Sequence[Case]) -> None:
    """Write, and settle outcomes as they come."""
    for start in range(0, len(cases), SENT_AT_ONCE):
        sent = errand.ledger.mark_sent(cases[start : start + SENT_AT_ONCE])
        if sent:
            _written(errand, sent)


def _written(errand: Errand, sent: Sequence[Case]) -> None:
    link, waiting = errand.link, []
    link.http.before_write = errand.ledger.require_ours
    lane = INTERACTIVE if link.http.lane == INTERACTIVE else BULK
    try:
        for outcome in errand.bench.connector.write(link, [case.write for case in sent], errand.bench.context, lane):
            waiting.append(outcome)
            if len(waiting) >= AT_ONCE:
                errand.ledger.write_down(sent, waiting)
                waiting = []
    finally:
        link.http.before_write = None
        errand.ledger.write_down(sent, waiting)
    relinked = [case.external_id for case in sent if case.change.operation in (LINK, UNLINK) and case.external_id]
    if relinked:
        _landed(errand, list(_read(errand, relinked).values()))
