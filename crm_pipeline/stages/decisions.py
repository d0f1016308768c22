"""Decisions of people about source records: these are one thing, these are not. Written, audited, reconciled at once.

A REF is how a person names records: `connection:external id`, or a golden id for all records of it.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

from crm_pipeline.database import audit, connections, decisions
from crm_pipeline.database.decisions import APART, MATCHABLE, STATE_OF, TOGETHER, Links, Pair, Record, Review
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.parts import Parts
from crm_pipeline.stages.reconcile import reconcile

EXAMPLES = 20
"""Pairs a dry run shows."""
PERSON = "person"
"""Rule of links that people made."""
_GOLDEN_ID = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", re.IGNORECASE)
_NAMED = "Name records as connection:external id, such as sales-msk:1204, or by a golden id."


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides, and why."""

    who: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a decision is about: REFs, or questions by their ids."""

    refs: Sequence[str] = ()
    reviews: Sequence[int] = ()
    entity: str | None = None
    """Which entity REFs are of, where one names records of several."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of a decision. `now`: golden id → the records it was about that belong to it."""

    verdict: str
    counts: dict[str, dict[str, int]]
    """Entity → pairs, records, golden records (before)."""
    now: dict[str, list[str]] = field(default_factory=dict)
    examples: list[dict[str, Any]] = field(default_factory=list)
    """Of a bulk decision: some of the pairs."""
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class _Named:
    """Records one REF stands for."""

    ref: str
    records: list[Record]
    is_golden: bool

    @property
    def golden_id(self) -> str | None:
        """Return the golden record they belong to."""
        return self.records[0].golden_id


def merge(parts: Parts, asked: Asked, decider: Decider) -> Decided:
    """Decide that records are one thing. Raises UsageError for what cannot be merged."""
    return _decide(parts, TOGETHER, asked, _merged_pairs, decider)


def split(parts: Parts, asked: Asked, decider: Decider, *, as_one: bool = False) -> Decided:
    """Decide that records are not one thing: each is taken out of its golden record; a golden id falls into all its records.

    `as_one`: what is named leaves together. Raises UsageError for what cannot be split.
    """
    return _decide(parts, APART, asked, _left_together if as_one else _split_pairs, decider)


def split_links(parts: Parts, links: Links, decider: Decider, *, dry_run: bool) -> Decided:
    """Undo every link a rule made in a period; of the rule `person` every merge, after which the rules decide again."""
    with parts.engine.connect() as db, db.begin() as transaction:
        lay_out = decisions.lay_out_merges if links.rule == PERSON else decisions.lay_out_links
        lay_out(db, links)
        counts, examples = decisions.count_pairs(db), decisions.show_pairs(db, EXAMPLES)
        if dry_run or not counts:
            transaction.rollback()
            return Decided(APART, counts, examples=examples, dry_run=dry_run)
        if links.rule == PERSON:
            decisions.take_merges_back(db)
        else:
            decisions.decide(db, APART, decider.who, decider.reason)
        _note(db, APART, f"rule {links.rule}", decider, counts=counts, since=links.since, until=links.until)
    reconcile(parts)
    return Decided(APART, counts, examples=examples)


Pairing = Callable[[Connection, list[_Named]], list[Pair]]


def _decide(parts: Parts, verdict: str, asked: Asked, pairing: Pairing, decider: Decider) -> Decided:
    _require_connections(parts, asked)
    with parts.engine.begin() as db:
        pairs = _reviewed(db, asked.reviews, verdict) if asked.reviews else pairing(db, _all_named(db, asked))
        decisions.lay_out_pairs(db, pairs)
        counts = decisions.count_pairs(db)
        if verdict == TOGETHER:
            decisions.take_back_apart(db, (one.golden_id for pair in pairs for one in pair if one.golden_id))
        decisions.decide(db, verdict, decider.who, decider.reason)
        records = sorted({one for pair in pairs for one in pair})
        _note(db, verdict, ", ".join(one.ref for one in records[:EXAMPLES]), decider, counts=counts, reviews=list(asked.reviews))
    reconcile(parts)
    return Decided(verdict, counts, decisions.where_now(parts.engine, records))


def _require_connections(parts: Parts, asked: Asked) -> None:
    if bool(asked.refs) == bool(asked.reviews):
        raise UsageError("Name records, or a --review; the one or the other.", what_to_do=_NAMED)
    if asked.entity is not None and asked.entity not in MATCHABLE:
        raise UsageError(f"{asked.entity} are not matched: they follow their owner.", what_to_do=f"Match {', '.join(MATCHABLE)}.")
    for ref in asked.refs:
        if ":" in ref:
            connections.get(parts.engine, ref.partition(":")[0])


def _note(db: Connection, verdict: str, subject: str, decider: Decider, **detail: Any) -> None:
    action = {TOGETHER: "match.merge", APART: "match.split"}[verdict]
    audit.note(db, action, subject, {**detail, "reason": decider.reason}, actor=decider.who)


# Pairs ----------------------------------------------------------------------------------------------------------------


def _merged_pairs(db: Connection, named: list[_Named]) -> list[Pair]:
    """Pair all records of the golden records named with each other; of records that are one already, just those named."""
    if len(named) < 2:
        raise UsageError(f"{named[0].ref} alone cannot be merged.", what_to_do="Name two records or more.")
    return [pair for one, other in combinations(named, 2) for pair in _between(db, one, other)]


def _between(db: Connection, one: _Named, other: _Named) -> Iterable[Pair]:
    if one.golden_id != other.golden_id:
        return product(_companions(db, one.records), _companions(db, other.records))
    if one.is_golden or other.is_golden or one.records == other.records:
        raise UsageError("The same record is named twice.", what_to_do="Name each once; a golden id stands for all its records.")
    return [(one.records[0], other.records[0])]


def _split_pairs(db: Connection, named: list[_Named]) -> list[Pair]:
    """Pair each record named with all others of its golden record."""
    return [pair for one in named for pair in _apart(db, one)]


def _apart(db: Connection, one: _Named) -> Iterator[Pair]:
    companions = _companions(db, one.records)
    if len(companions) < 2:
        raise UsageError(f"{one.ref} stands alone already.", what_to_do="See crm.crosswalk for what belongs together.")
    for pair in combinations(companions, 2):
        if one.is_golden or one.records[0] in pair:
            yield pair


def _left_together(db: Connection, named: list[_Named]) -> list[Pair]:
    """Pair what is named with the rest of its golden record, but not with each other."""
    leaving = {record for one in named for record in one.records}
    pairs = [(one, other) for one in leaving for other in _companions(db, [one]) if other not in leaving]
    if not pairs:
        raise UsageError("Nothing would be left behind.", what_to_do="Name only some of the records of a golden record.")
    return pairs


def _companions(db: Connection, records: Iterable[Record]) -> list[Record]:
    return decisions.find_golden(db, [one.golden_id for one in records if one.golden_id])


# Names ----------------------------------------------------------------------------------------------------------------


def _named(db: Connection, ref: str, entity: str | None) -> _Named:
    connection, colon, external_id = ref.partition(":")
    if not colon or not external_id:
        raise UsageError(f"{ref!r} names no record.", what_to_do=_NAMED)
    return _Named(ref, [_record(db, connection, external_id, entity)], False)


def _golden(db: Connection, golden_id: str, entity: str | None) -> list[Record]:
    found = decisions.find_golden(db, [golden_id])
    if not found:
        raise UsageError(f"There is no golden record {golden_id}.", what_to_do=_NAMED)
    is_of = found[0].entity
    if is_of not in MATCHABLE:
        raise UsageError(f"{golden_id} is one of {is_of}, which follow their owner.", what_to_do=f"Match {', '.join(MATCHABLE)}.")
    if entity and entity != is_of:
        raise UsageError(f"{golden_id} is one of {is_of}, not of {entity}.", what_to_do=f"Say --entity {is_of}, or leave it out.")
    return found


def _record(db: Connection, connection: str, external_id: str, entity: str | None) -> Record:
    found = decisions.find_records(db, connection, external_id, [entity] if entity else MATCHABLE)
    ref = f"{connection}:{external_id}"
    if not found:
        elsewhere = [one.entity for one in decisions.find_records(db, connection, external_id, MATCHABLE)]
        what_to_do = f"There is one of {', '.join(elsewhere)}." if elsewhere else "Look its id up in source.*, or sync first."
        raise UsageError(f"There is no record {ref}{f' of {entity}' if entity else ''}.", what_to_do=what_to_do)
    if len(found) > 1:
        several = ", ".join(one.entity for one in found)
        raise UsageError(f"{ref} names a record of each of {several}.", what_to_do=f"Say which: --entity {found[0].entity}.")
    if decisions.is_deleted(db, found[0]):
        raise UsageError(f"{ref} is deleted in its CRM.", what_to_do="A deleted record stays where it is; name one that lives.")
    return found[0]


def _all_named(db: Connection, asked: Asked) -> list[_Named]:
    golden = {ref: _Named(ref, _golden(db, ref, asked.entity), True) for ref in asked.refs if _GOLDEN_ID.match(ref)}
    entity = asked.entity or next((one.records[0].entity for one in golden.values()), None)
    named = [golden.get(ref) or _named(db, ref, entity) for ref in asked.refs]
    entities = {one.records[0].entity: one.ref for one in named}
    if len(entities) > 1:
        said = ", ".join(f"{ref} is one of {entity}" for entity, ref in entities.items())
        raise UsageError(f"These are different things: {said}.", what_to_do="Name records of one entity; --entity says which.")
    return named


def _reviewed(db: Connection, ids: Sequence[int], verdict: str) -> list[Pair]:
    """Return the pairs questions are about: to merge, with all of their golden records; to keep apart, just they.

    Who keeps apart what was merged to answer the same question takes that merge back.
    """
    pairs = [review.pair for review in _answerable(db, ids, verdict)]
    if verdict == TOGETHER:
        return [pair for one, other in pairs for pair in _between(db, *(_Named(r.ref, [r], False) for r in (one, other)))]
    decisions.lay_out_answers(db, ids)
    decisions.take_merges_back(db)
    return pairs


def _answerable(db: Connection, ids: Sequence[int], verdict: str) -> list[Review]:
    found = decisions.reviews_by_id(db, ids)
    missing = sorted(set(ids) - {one.id for one in found})
    if missing:
        raise UsageError(f"There is no review {missing[0]}.", what_to_do="See: crm-pipeline match list --state all")
    for one in found:
        if one.state in ("obsolete", STATE_OF[verdict]):
            why = "is obsolete: its records changed" if one.state == "obsolete" else f"was answered so by {one.decided_by}"
            raise UsageError(f"Review {one.id} {why}.", what_to_do="See: crm-pipeline match list")
    return found
