"""Check: ask the CRM who and what an account is, and keep the answer."""

from datetime import UTC, datetime, timedelta

from crm_pipeline.connectors import Account
from crm_pipeline.database import connections
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import UsageError
from crm_pipeline.stages import hooks
from crm_pipeline.stages.parts import Parts

STALE_AFTER = timedelta(hours=12)


def check(parts: Parts, connection: str) -> Account:
    """Ask the CRM about a connection's account and keep what it says; a connection that works again becomes active, and one whose
    webhook the CRM has lost or switched off gets it again.

    Raises ConnectionStopped kinds and TryLater as the connector does, UsageError when it now is another account.
    """
    row = connections.get(parts.engine, connection)
    account = parts.connectors[row.crm].check(parts.link(row.name))
    if row.stable_id not in (None, account.stable_id):
        raise UsageError(
            f"{row.name} now answers as another account ({account.name}).", what_to_do="Connect that one under its own name."
        )
    with parts.engine.begin() as db:
        connections.adopt(db, row.id, account, datetime.now(UTC))
        if row.status not in ("active", "paused", "removed"):
            connections.activate(db, row.id)
    hooks.ensure(parts, row.name)
    return account


def is_stale(connection: ConnectionRow, now: datetime) -> bool:
    """Return whether what we know of an account should be asked again."""
    checked_at = connection.account.get("checked_at")
    return not checked_at or now - datetime.fromisoformat(checked_at) > STALE_AFTER
