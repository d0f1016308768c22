"""How connections stand, as an administrator is told. Reads only; nothing here is a secret."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine

from crm_pipeline.database import connections
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.queries import queries


@dataclass(frozen=True, slots=True)
class Standing:
    """How one connection stands. `last_success_at`: of the entity that is longest ago."""

    id: int
    last_success_at: datetime | None
    entities: dict[str, Any]
    outgoing_waiting: int
    hints_waiting: int
    webhook_state: str | None
    webhook_detail: str | None
    webhook_received_at: datetime | None


def standings(engine: Engine, rows: Sequence[ConnectionRow]) -> dict[int, Standing]:
    """Return connection id → how it stands."""
    with engine.connect() as db:
        found = db.exec_driver_sql(queries("connections")["standings"], {"ids": [row.id for row in rows]})
        return {row[0]: Standing(*row) for row in found}


def live_records(engine: Engine, connection_id: int) -> dict[str, int]:
    """Return entity → live records of a connection."""
    with engine.connect() as db:
        return {row[0]: row[1] for row in db.exec_driver_sql(queries("connections")["live_records"], {"id": connection_id})}


def numbered(engine: Engine, connection_id: int) -> ConnectionRow | None:
    """Return a connection by its number, also a removed one; None when there is none, or it is not a CRM's."""
    with engine.connect() as db:
        found = connections.by_number(db, connection_id)
    return found if found and found.crm != "app" else None
