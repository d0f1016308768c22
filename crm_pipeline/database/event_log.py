"""Keeping Dagster's event log small without losing what its pages show: run in the database Dagster writes to.

Deleting runs would also delete the state of their partitions, so only single events go.
"""

from datetime import datetime

from sqlalchemy import Connection

from crm_pipeline.database.queries import queries

BATCH = 10_000


def purge(connection: Connection, what: str, before: datetime) -> int:
    """Delete old events in batches and return how many went. what: `chatter` or `materializations`; before: naive UTC."""
    deleted, batch = 0, BATCH
    while batch == BATCH:
        with connection.begin():
            values = {"before": before, "batch": BATCH}
            batch = connection.exec_driver_sql(queries("event_log")[f"purge_{what}"], values).rowcount
        deleted += batch
    return deleted
