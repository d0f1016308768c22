"""Purging: a removed connection's data goes for good, and what was built from it waits to be built anew.

What belongs here: which tables hold data of a connection. Who may purge, and when, is the stage's business.
"""

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries
from crm_pipeline.model.entities import CHILDREN, ENTITIES, HISTORY

_CHILD_TABLES = dict.fromkeys(child.table for children in CHILDREN.values() for child in children)
_OF_CONNECTIONS = (
    *(f"source.{table}" for table in _CHILD_TABLES),
    *(f"source.{entity}" for entity in (*ENTITIES, HISTORY)),
    "source.field_changes",
    "raw.records",
    "crm.crosswalk",
    "sync.cursors",
    "sync.walk_seen",
    "sync.reconcile_queue",
    "sync.missing_references",
    "sync.quarantine",
    "sync.match_keys",
    "sync.outgoing_changes",
    "sync.inbox",
    "sync.sync_status",
    "sync.sync_runs",
)
_OF_PAIRS = ("sync.match_decisions", "sync.match_reviews")


def purge(db: Connection, connection_id: int) -> dict[str, int]:
    """Delete all data of a connection and have the golden records it was part of rebuilt; return table → rows deleted."""
    values, sql = {"id": connection_id}, queries("purging")
    db.exec_driver_sql(sql["queue_golden"], values)
    texts = dict.fromkeys(_OF_CONNECTIONS, sql["rows"]) | dict.fromkeys(_OF_PAIRS, sql["pairs"])
    gone = {table: db.exec_driver_sql(text.format(table=table), values).rowcount for table, text in texts.items()}
    db.exec_driver_sql(sql["forget_account"].format(), values)
    return {table: rows for table, rows in gone.items() if rows}
