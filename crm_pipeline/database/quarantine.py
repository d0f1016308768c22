"""What lies in quarantine. It gets in and out by landing and normalizing."""

from typing import Any

from sqlalchemy import Connection, Engine

from crm_pipeline.database.queries import queries


def kinds(db: Connection, connection_id: int) -> list[str]:
    """Return the raw kinds of a connection that have something in quarantine."""
    return [row[0] for row in db.exec_driver_sql(queries("quarantine")["kinds"], {"connection_id": connection_id})]


def list_quarantine(engine: Engine, limit: int = 100) -> list[dict[str, Any]]:
    """Return what lies in quarantine, newest first."""
    with engine.connect() as db:
        return [dict(row._mapping) for row in db.exec_driver_sql(queries("quarantine")["listed"], {"limit": limit})]
