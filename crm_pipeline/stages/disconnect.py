"""Disconnect: an account's access is given back; its data stays, or goes for good."""

from crm_pipeline.database import audit, connections, purging
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.locks import writer
from crm_pipeline.errors import UsageError
from crm_pipeline.stages import hooks
from crm_pipeline.stages.parts import Parts

KEEP, PURGE = "keep", "purge"


def disconnect(parts: Parts, name: str, data: str = KEEP, *, actor: str | None = None) -> tuple[ConnectionRow, list[str]]:
    """Remove a connection: secrets are deleted, the CRM delivers no more. Return it, and sentences about what did not go well.

    data: `keep` or `purge`, which deletes what was read and has the golden records rebuilt at the next reconcile; a connection
    that was removed before can be purged still. Raises UsageError, and ConnectionBusy while it is being synced (purge only).
    """
    if data not in (KEEP, PURGE):
        raise UsageError(f"data={data[:40]} is not possible.", what_to_do=f"Use {KEEP} or {PURGE}.")
    row = connections.get(parts.engine, name)
    if data == KEEP:
        return _remove(parts, name, actor)
    with writer(parts.engine, row.id) as writing:
        removed, said = (row, []) if row.status == "removed" else _remove(parts, name, actor)
        with writing.transaction() as db:
            audit.note(db, "connection.purge", name, {"rows": purging.purge(db, row.id)}, actor)
    return removed, said


def _remove(parts: Parts, name: str, actor: str | None) -> tuple[ConnectionRow, list[str]]:
    row = connections.get(parts.engine, name)
    said = hooks.withdraw(parts, name) if row.status != "removed" else None
    return connections.remove(parts.engine, name, actor=actor), [said] if said else []
