"""What people decided about source records being one thing: questions waiting, records by name, decisions written.

What belongs here: the statements of `decisions.sql`, inside the caller's transaction where they take `db`. Which pairs a
decision is about, and what is said to a person, is the stage's business.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.matching import KEYS
from crm_pipeline.database.queries import queries
from crm_pipeline.database.templates import fill

MATCHABLE = tuple(KEYS)
"""Entities whose records can be one thing; tasks and communications follow their owner."""
TITLES = {"deals": "title", "tasks": "title", "communications": "body_text"}
"""Entity → the column that says what a record is called, where it is not `name`."""
TOGETHER, APART = "together", "apart"
STATE_OF = {TOGETHER: "merged", APART: "kept_apart"}
"""Verdict → state of the question it answers."""


@dataclass(frozen=True, slots=True, order=True)
class Record:
    """A source record a person named."""

    entity: str
    connection_id: int
    connection: str
    external_id: str
    golden_id: str | None

    @property
    def ref(self) -> str:
        """Return how a person names it."""
        return f"{self.connection}:{self.external_id}"


Pair = tuple[Record, Record]


@dataclass(frozen=True, slots=True)
class Review:
    """A question about two records."""

    id: int
    state: str
    decided_by: str | None
    pair: Pair


@dataclass(frozen=True, slots=True)
class Links:
    """Which links a bulk decision is about."""

    rule: str
    since: datetime | None = None
    until: datetime | None = None
    connection_id: int | None = None
    entity: str | None = None


def _run(db: Connection, name: str, **values: Any) -> Any:
    text = queries("decisions")[name]
    return db.exec_driver_sql(text, values) if values else db.exec_driver_sql(text)


@cache
def _named(name: str) -> str:
    """Return a statement with what both records of a pair are called."""
    return fill(queries("decisions")[name], name=_names("r."), other_name=_names("r.other_"))


def _names(of: str) -> str:
    """Return, as SQL, what a record is called, found by the columns with this prefix."""
    when = queries("decisions")["source_name"]
    return " ".join(["CASE r.entity", *(fill(when, entity=e, title=TITLES.get(e, "name"), of=of) for e in MATCHABLE), "END"])


# Reading --------------------------------------------------------------------------------------------------------------


def reviews(engine: Engine, entity: str | None, reason: str | None, state: str, limit: int) -> list[dict[str, Any]]:
    """Return questions with both records and what they are called. `state`: one, or all."""
    values = {"entity": entity, "reason": reason, "state": state, "limit": limit}
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(_named("reviews"), values)]


def open_reviews(engine: Engine) -> dict[str, int]:
    """Return entity → how many questions wait for a person."""
    with engine.connect() as db:
        return {row[0]: row[1] for row in _run(db, "count_reviews")}


def find_records(db: Connection, connection: str, external_id: str, entities: Sequence[str]) -> list[Record]:
    """Return the records with this identifier, of any of the entities."""
    rows = _run(db, "find_records", connection=connection, external_id=external_id, entities=list(entities))
    return [Record(*row) for row in rows]


def find_golden(db: Connection, golden_ids: Iterable[str]) -> list[Record]:
    """Return the source records of golden ids, or of what those were merged into."""
    return [Record(*row) for row in _run(db, "find_golden", ids=sorted(set(golden_ids)))]


def is_deleted(db: Connection, record: Record) -> bool:
    """Return whether a source record is deleted in its CRM."""
    text = fill(queries("decisions")["is_deleted"], entity=record.entity)
    values = {"connection_id": record.connection_id, "external_id": record.external_id}
    return bool(db.exec_driver_sql(text, values).scalar())


def reviews_by_id(db: Connection, ids: Iterable[int]) -> list[Review]:
    """Return the questions with these ids; those that do not exist are missing."""
    return [_review(row) for row in _run(db, "reviews_by_id", ids=sorted(set(ids)))]


def _review(row: Any) -> Review:
    one = Record(row.entity, row.connection_id, row.connection, row.external_id, row.golden_id)
    other = Record(row.entity, row.other_connection_id, row.other_connection, row.other_external_id, row.other_golden_id)
    return Review(row.id, row.state, row.decided_by, (one, other))


def where_now(engine: Engine, records: Sequence[Record]) -> dict[str, list[str]]:
    """Return golden id → which of these records belong to it."""
    columns = {
        "entities": [one.entity for one in records],
        "connections": [one.connection_id for one in records],
        "records": [one.external_id for one in records],
    }
    with engine.connect() as db:
        return {row[0]: row[1] for row in _run(db, "where_now", **columns)}


# Deciding -------------------------------------------------------------------------------------------------------------


def _begin(db: Connection) -> None:
    _run(db, "make_pairs")
    _run(db, "empty")


def lay_out_pairs(db: Connection, pairs: Sequence[Pair]) -> None:
    """Lay out the pairs a decision is about."""
    _begin(db)
    _run(
        db,
        "ask_pairs",
        entities=[one.entity for one, _ in pairs],
        connections=[one.connection_id for one, _ in pairs],
        records=[one.external_id for one, _ in pairs],
        other_connections=[other.connection_id for _, other in pairs],
        other_records=[other.external_id for _, other in pairs],
    )


def lay_out_links(db: Connection, links: Links) -> None:
    """Lay out, as pairs, what a rule linked in a period."""
    _begin(db)
    period = {"since": links.since, "until": links.until, "entity": links.entity}
    _run(db, "find_links", rule=links.rule, **period)
    _run(db, "part_links", connection_id=links.connection_id)


def lay_out_merges(db: Connection, links: Links) -> None:
    """Lay out, as pairs, what people merged in a period."""
    _begin(db)
    period = {"since": links.since, "until": links.until, "entity": links.entity}
    _run(db, "find_merges", connection_id=links.connection_id, **period)


def lay_out_answers(db: Connection, review_ids: Sequence[int]) -> None:
    """Lay out, as pairs, what was merged to answer these questions."""
    _begin(db)
    _run(db, "find_answers", ids=list(review_ids))


def count_pairs(db: Connection) -> dict[str, dict[str, int]]:
    """Return entity → how many pairs, records and golden records what was laid out comes to."""
    rows = [dict(row._mapping) for row in _run(db, "count_pairs")]
    return {row.pop("entity"): row for row in rows}


def show_pairs(db: Connection, limit: int) -> list[dict[str, Any]]:
    """Return some of what was laid out, with what both records are called."""
    return [dict(row._mapping) for row in db.exec_driver_sql(_named("show_pairs"), {"limit": limit})]


def decide(db: Connection, verdict: str, who: str, reason: str | None) -> int:
    """Write down a verdict about what was laid out; answer its questions, have it reconciled. Returns the new decisions."""
    _run(db, "revoke", verdict=verdict)
    written: int = _run(db, "decide", verdict=verdict, who=who, reason=reason).rowcount
    _run(db, "settle_reviews", state=STATE_OF[verdict], who=who)
    _run(db, "queue")
    return written


def take_back_apart(db: Connection, golden_ids: Iterable[str]) -> None:
    """Take back that records of different golden records among these were kept apart."""
    _run(db, "revoke_between", golden_ids=sorted(set(golden_ids)))


def take_merges_back(db: Connection) -> None:
    """Undo the merges that were laid out: the rules decide again, and what the merges had taken back holds again."""
    moments = [row[0] for row in _run(db, "take_merges_back")]
    _run(db, "restore_apart", moments=moments)
    _run(db, "reopen_reviews")
    _run(db, "queue")
