"""Farewells: a CRM says that its application was taken away. Nothing is lost: the connection waits for a new consent.

What belongs here: what becomes of the connection. Reading what was sent and proving it belongs to the connectors.
"""

from collections.abc import Mapping

from crm_pipeline.connectors import Removable
from crm_pipeline.database import audit, connections, inbox, vault
from crm_pipeline.database.refusals import Connection
from crm_pipeline.errors import AccessDenied, ConsentNeeded
from crm_pipeline.stages.parts import Parts

GONE = "needs_consent"
PATH = "/api/webhooks"


def address(parts: Parts, crm: str) -> str | None:
    """Return what the application's settings can have to be told when it is switched off; None where events tell so."""
    connector = parts.connectors.get(crm)
    if not isinstance(connector, Removable) or not connector.removal_has_address:
        return None
    return f"{parts.settings.public_url.rstrip('/')}{PATH}/{crm}/disconnect"


def hear(parts: Parts, crm: str, query: Mapping[str, str], body: bytes = b"") -> str:
    """Take in that an application was taken away, and return the name of its connection.

    Raises AccessDenied when it says nothing of the kind, is about nobody we know, or lacks the proof.
    """
    connector = parts.connectors.get(crm)
    if not isinstance(connector, Removable):
        raise AccessDenied("This CRM does not say such things.")
    told = connector.read_removal(query, body)
    with parts.inbox_engine.connect() as db:
        row = connections.of_account(db, crm, told.stable_id)
    if row is None or not connector.is_genuine(told, _secrets(parts, row.id)):
        raise AccessDenied("It is about no connection of ours, or not from its CRM.")
    with parts.inbox_engine.begin() as db:
        part(db, row.id, row.name, row.status, told.reason)
    return row.name


def part(db: Connection, connection_id: int, name: str, status: str, reason: str) -> None:
    """Let a connection wait for a new consent, with the reason a person reads; its data, queue and cursors stay."""
    if status in (GONE, "removed"):
        return
    connections.set_status(db, connection_id, GONE, reason)
    inbox.note_webhook(db, connection_id, "unregistered", reason)
    audit.note(db, "connection.gone", name, {"reason": reason})


def _secrets(parts: Parts, connection_id: int) -> dict[str, object]:
    try:
        return vault.RowVault(parts.inbox_engine, parts.settings.encryption_keys, connection_id).read()
    except ConsentNeeded:  # it has none: nothing can be proved
        return {}
