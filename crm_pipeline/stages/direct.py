"""Direct: a person decides whether a connection is only read, or written to as well."""

from crm_pipeline.connectors import Connector
from crm_pipeline.database import connections, owing
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.errors import UsageError
from crm_pipeline.stages.owe import written_entities
from crm_pipeline.stages.parts import Parts

TWO_WAY = "two_way"


def direct(parts: Parts, name: str, direction: str, *, actor: str | None = None) -> str | None:
    """Let a connection be read only or two way, audited; return a sentence about what happens next, where there is something.

    A connection that becomes two-way is made ready for writing first, and all its golden records are queued, to see what it is
    owed. Raises UsageError for a CRM that cannot be written to, and what `prepare` raises.
    """
    if direction != TWO_WAY:
        connections.set_direction(parts.engine, name, direction, actor=actor)
        return None
    row = connections.get(parts.engine, name)
    connector = _writer(parts, row)
    facts = connector.prepare(parts.link(name))
    connections.set_direction(parts.engine, name, direction, actor=actor)
    with parts.engine.begin() as db:
        connections.keep_prepared(db, row.id, facts)
        owing.queue_of(db, row.id, written_entities(connector))
        records = owing.count_of(db, row.id, written_entities(connector))
    return (
        f"{records} records will be compared at the next reconcile, and what differs is offered to {name}; see: crm-pipeline plan"
    )


def _writer(parts: Parts, row: ConnectionRow) -> Connector:
    connector = parts.connectors.get(row.crm)
    if connector is None or not connector.writable:
        title = connector.title if connector else row.crm
        raise UsageError(f"{title} can only be read: nothing can be written to {row.name}.", what_to_do="Leave it read_only.")
    return connector
