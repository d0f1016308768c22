"""Landing: how raw and source records, their children and the log of changes get into their tables, set by set.

What belongs here: writing what was decided, inside the caller's transaction. What is new, changed or deleted is decided by
`model/arrivals.py`; normalizing is the connector's; which page is landed when is the stage's.

New records are copied straight into the tables. Changed ones are copied into temporary tables of the session first, and
compared there, so that the log of changes is exact and a row that would stay the same is not written.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import FIELD, RecordRows, Spelled, Speller, copy_block, json_text
from crm_pipeline.database.templates import child_columns, child_statement, source_columns, source_statement
from crm_pipeline.model.arrivals import Known
from crm_pipeline.model.entities import CHILDREN, Child
from crm_pipeline.model.records import RawRecord

DEAD_HASH = b"\0"
"""Content hash of a raw row of which only the tombstone is known."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A raw record that could not be normalized, and why."""

    record: RawRecord
    reason: str


def _run(db: Connection, statement: str, values: dict[str, Any] | None = None) -> Any:
    return db.exec_driver_sql(statement, values) if values else db.exec_driver_sql(statement)


@lru_cache(maxsize=64)
def raw_rows(connection_id: int, kind: str) -> RecordRows:
    """Return what spells raw records."""
    return RecordRows(connection_id, kind)


@lru_cache(maxsize=64)
def speller(connection_id: int, entity: str) -> Speller:
    """Return what spells source records."""
    return Speller(connection_id, entity)


class Landing:
    """Writes one connection's records. Joins the transaction of the database connection it is handed."""

    def __init__(self, connection_id: int):
        self.connection_id = connection_id

    # -- raw ------------------------------------------------------------------------------------------------------------

    def known(self, db: Connection, kind: str, ids: Collection[str]) -> dict[str, Known]:
        """Return external id → what is landed."""
        values = {"connection_id": self.connection_id, "kind": kind, "ids": list(ids)}
        rows = _run(db, queries("landing")["known"], values)
        return {row[0]: Known(bytes(row[1]), row[2], row[3]) for row in rows}

    def save_fresh_raw(self, db: Connection, lines: Sequence[bytes]) -> None:
        """Copy raw records that are not in the table yet, as `raw_rows` spells them."""
        copy_block(db, "raw.records", RecordRows.columns, lines)

    def save_unheard(self, db: Connection, kind: str, records: Iterable[RawRecord]) -> None:
        """Keep the tombstones of records never seen alive."""
        rows = raw_rows(self.connection_id, kind)
        copy_block(db, "raw.records", rows.columns, [rows.line(record, DEAD_HASH, "now") for record in records])

    def save_changed_raw(self, db: Connection, lines: Sequence[bytes]) -> None:
        """Bring in new payloads of records that are in the table."""
        if not lines:
            return
        _run(db, queries("landing")["make_incoming_records"])
        copy_block(db, "incoming_records", RecordRows.columns, lines)
        _run(db, queries("landing")["upsert_records"])

    # -- source -----------------------------------------------------------------------------------------------------------

    def save_fresh(self, db: Connection, entity: str, records: Sequence[Spelled]) -> None:
        """Copy source records that are certainly not in the table yet, with their children."""
        copy_block(db, f"source.{entity}", source_columns(entity)[:-1], [record.line for record in records])
        for place, child in enumerate(CHILDREN.get(entity, ())):
            self._copy_children(db, f"source.{child.table}", child, place, records)
        self._fill_prices(db, "source.deal_products", records)

    def save_changed(self, db: Connection, entity: str, records: Sequence[Spelled], *, log: bool = True) -> tuple[set[str], int]:
        """Bring source records in and replace the children they come with, writing only what differs.

        Returns the external ids whose rows or children were written, and how many are new. `log`: to `source.field_changes`.
        """
        if not records:
            return set(), 0
        self._copy_incoming(db, entity, records)
        if log:
            self._log(db, entity)
        written = _run(db, source_statement("upsert", entity)).all()
        touched = {row[0] for row in written}
        for child in CHILDREN.get(entity, ()):
            touched.update(row[0] for row in _run(db, child_statement("remove_children", entity, child)))
            touched.update(row[0] for row in _run(db, child_statement("upsert_children", entity, child)))
        return touched, sum(row[1] for row in written)

    def _copy_incoming(self, db: Connection, entity: str, records: Sequence[Spelled]) -> None:
        _run(db, source_statement("make_incoming", entity))
        lines = [f"{one.line}{FIELD}{{{','.join(one.record.children)}}}" for one in records]
        copy_block(db, f"incoming_{entity}", (*source_columns(entity)[:-1], "replaced"), lines)
        for place, child in enumerate(CHILDREN.get(entity, ())):
            _run(db, child_statement("make_incoming_child", entity, child))
            self._copy_children(db, f"incoming_{child.table}", child, place, records)
        self._fill_prices(db, "incoming_deal_products", records)

    def _log(self, db: Connection, entity: str) -> None:
        _run(db, source_statement("log_field_changes", entity))
        for child in CHILDREN.get(entity, ()):
            _run(db, child_statement("log_child_changes", entity, child))

    def _copy_children(self, db: Connection, table: str, child: Child, place: int, records: Iterable[Spelled]) -> None:
        copy_block(db, table, child_columns(child), [line for record in records for line in record.children[place]])

    def _fill_prices(self, db: Connection, target: str, records: Iterable[Spelled]) -> None:
        children = ((one.record.external_id, one.record.children.get("deal_products", ())) for one in records)
        unpriced = [key for key, products in children if any(product.get("price") is None for product in products)]
        if unpriced:
            statement = queries("landing")["fill_prices"].replace("{target}", target)
            _run(db, statement, {"connection_id": self.connection_id, "ids": unpriced})

    # -- deletions, quarantine, what is owed ---------------------------------------------------------------------------

    def bury(self, db: Connection, kind: str, gone: Sequence[tuple[str, datetime | None]]) -> list[str]:
        """Put tombstones on records: (external id, when it was deleted there). Returns the source records that had been alive."""
        if not gone:
            return []
        ids = [external_id for external_id, _ in gone]
        values = {"connection_id": self.connection_id, "kind": kind, "ids": ids, "times": [moment for _, moment in gone]}
        _run(db, queries("landing")["bury_records"], values)
        self.release(db, kind, ids)
        return [row[0] for row in _run(db, source_statement("bury_source", kind), values)]

    def quarantine(self, db: Connection, kind: str, unread: Iterable[Unread]) -> None:
        """Keep what could not be normalized, with its payload and the reason."""
        for one in unread:
            values = {"connection_id": self.connection_id, "kind": kind, "external_id": one.record.external_id,
                      "reason": one.reason.replace("\x00", ""),
                      "payload": json_text(one.record.payload)}  # fmt: skip
            _run(db, queries("quarantine")["put"], values)

    def release(self, db: Connection, kind: str, ids: Sequence[str]) -> None:
        """Let go of what lies in quarantine under these ids."""
        if ids:
            _run(db, queries("quarantine")["release"], {"connection_id": self.connection_id, "kind": kind, "ids": list(ids)})

    def owe_reconciling(self, db: Connection, entity: str, ids: Iterable[str]) -> None:
        """Queue source records to be reconciled."""
        start = f"{entity}{FIELD}{self.connection_id}{FIELD}"
        copy_block(db, "sync.reconcile_queue", ("entity", "connection_id", "external_id"), [f"{start}{id_}" for id_ in ids])

    # -- complete walks ---------------------------------------------------------------------------------------------------

    def see(self, db: Connection, stream: str, kind: str, ids: Collection[str]) -> None:
        """Remember ids a complete walk has seen."""
        values = {"connection_id": self.connection_id, "stream": stream, "kind": kind, "ids": list(ids)}
        _run(db, queries("landing")["see"], values)

    def forget_seen(self, db: Connection, stream: str) -> None:
        """Begin a complete walk afresh."""
        _run(db, queries("landing")["forget_seen"], {"connection_id": self.connection_id, "stream": stream})

    def count_live(self, db: Connection, kind: str, streams: Sequence[str], began_at: datetime) -> tuple[int, int, int]:
        """Return of the records landed before `began_at`: how many live, how many of them these walks saw; and all they saw."""
        values = {"connection_id": self.connection_id, "kind": kind, "streams": list(streams), "began_at": began_at}
        row = _run(db, queries("landing")["count_live"], values).one()
        return row[0], row[1], row[2]

    def missing(self, db: Connection, kind: str, streams: Sequence[str], began_at: datetime) -> list[str]:
        """Return the external ids of those the walks have not seen."""
        values = {"connection_id": self.connection_id, "kind": kind, "streams": list(streams), "began_at": began_at}
        return [row[0] for row in _run(db, queries("landing")["missing"], values)]
