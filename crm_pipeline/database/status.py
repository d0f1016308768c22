"""How syncs went: one row per connection and entity, and the history of runs."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.queries import queries
from crm_pipeline.database.rows import json_text
from crm_pipeline.model.entities import ENTITIES


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one sync of one entity did. counts: read, inserted, updated, unchanged, deleted, quarantined, requests."""

    connection_id: int
    entity: str
    mode: str
    started_at: datetime
    seconds: float
    counts: dict[str, int]
    error: str | None = None
    what_to_do: str | None = None
    run_id: str | None = None


def save(db: Connection, outcome: Outcome) -> None:
    """Write the status row and a line of history."""
    db.exec_driver_sql(queries("status")["save"], {**_values(outcome), **outcome.counts})
    note_run(db, outcome)


def note_run(db: Connection, outcome: Outcome) -> None:
    """Write a line of history only."""
    values = _values(outcome)
    db.exec_driver_sql(
        queries("status")["add_run"], {**values, "counts": json_text({**outcome.counts, "seconds": outcome.seconds})}
    )


def _values(outcome: Outcome) -> dict[str, Any]:
    return {name: getattr(outcome, name) for name in Outcome.__slots__}


def status_rows(engine: Engine) -> list[dict[str, Any]]:
    """Return how every entity of every connection stands; entity is None for a connection that never was synced."""
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(queries("status")["rows"], {"order": list(ENTITIES)})]


def waiting(engine: Engine) -> dict[str, int]:
    """Return entity → how many source records wait to be reconciled."""
    with engine.connect() as db:
        return {row[0]: row[1] for row in db.exec_driver_sql(queries("status")["waiting"])}


def holdings(engine: Engine) -> list[dict[str, Any]]:
    """Return live records per connection and entity, the golden ones in the last row."""
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(queries("status")["holdings"])]
