"""Reading raw payloads back, a batch at a time in order of their ids."""

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.model.records import RawRecord


def live(db: Connection, connection_id: int, kind: str, after: str, size: int) -> list[RawRecord]:
    """Return the next live records of a kind, with ids above `after`."""
    return _batch(db, "raw_batch", connection_id, kind, after, size)


def quarantined(db: Connection, connection_id: int, kind: str, after: str, size: int) -> list[RawRecord]:
    """Return the next records of a kind that lie in quarantine, with ids above `after`."""
    return _batch(db, "quarantined_batch", connection_id, kind, after, size)


def _batch(db: Connection, query: str, connection_id: int, kind: str, after: str, size: int) -> list[RawRecord]:
    values = {"connection_id": connection_id, "kind": kind, "after": after, "size": size}
    rows = db.exec_driver_sql(queries("landing")[query], values)
    return [RawRecord(kind, row[0], row[1], row[2], row[3]) for row in rows]
