"""Hooks: have a CRM tell us of changes by itself, keep it that way, and take in what it tells.

Nothing here reads a record: a delivery is a hint, kept before it is answered; looking into hints is `inbox.py`.
"""

import hashlib
import logging
import re
from urllib.parse import urlsplit

from crm_pipeline.connectors import Connector, Hooked, Registration
from crm_pipeline.database import audit, connections, inbox, vault
from crm_pipeline.database.connections import ConnectionRow
from crm_pipeline.database.inbox import Door, Webhook
from crm_pipeline.errors import AccessDenied, ConsentNeeded, CrmPipelineError
from crm_pipeline.http.hosts import is_loopback
from crm_pipeline.model.hints import rows_of
from crm_pipeline.stages.farewells import PATH, part
from crm_pipeline.stages.parts import Parts

LOG = logging.getLogger("crm_pipeline.hooks")
_NUMBER = re.compile(r"[0-9]{1,9}")
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
NO_ADDRESS = "CRM_PUBLIC_URL is not set: changes are found at the next sync only."
OUT_OF_REACH = (
    "CRM_PUBLIC_URL is an address of this machine, which the CRM cannot reach: changes are found at the next sync only."
)
NOT_ITS_WAY = "This CRM does not tell of changes by itself."


def ensure(parts: Parts, name: str) -> Registration:
    """Have a connection's CRM deliver to its address, and say whether it does.

    A connection works without: what keeps its CRM from delivering is noted in `sync.webhooks` for people to read, not raised.
    """
    row = connections.get(parts.engine, name)
    hooked = _hooked(parts, row)
    reason = _cannot(parts, row, hooked)
    found = _registered(parts, row, hooked) if hooked and not reason else Registration("unregistered", reason)
    _note(parts, row, found)
    return found


def withdraw(parts: Parts, name: str) -> str | None:
    """Have the CRM deliver no more, and forget the address; return what kept the CRM from hearing of it, if anything.

    Must come before the secrets are deleted. An address that is forgotten answers nobody, whatever the CRM does.
    """
    row = connections.get(parts.engine, name)
    hooked, said = _hooked(parts, row), None
    with parts.engine.connect() as db:
        known = inbox.find_webhook(db, parts.settings.encryption_keys, row.id)
    if hooked and known and known.state == "registered" and parts.settings.webhook_root:
        try:
            hooked.unregister(parts.link(name), _address(parts, row.id, known))
        except CrmPipelineError as error:
            said = f"The CRM could not be told to deliver no more: {error}"
    with parts.engine.begin() as db:
        inbox.drop_webhook(db, row.id)
    return said


def door(parts: Parts, connection_id: str, token: str) -> Door | None:
    """Return whose address this is, None when it is nobody's; costs one look-up at most, and none for what cannot be one."""
    if not (_NUMBER.fullmatch(connection_id) and _TOKEN.fullmatch(token)):
        return None
    return inbox.find_door(parts.inbox_engine, int(connection_id), token)


def receive(parts: Parts, door: Door, body: bytes) -> int:
    """Keep what one delivery hints at, and return how many hints are new. Raises AccessDenied when it is another account's."""
    connector = parts.connectors.get(door.crm)
    if not isinstance(connector, Hooked):
        raise AccessDenied(NOT_ITS_WAY)
    notice = connector.read_delivery(body, door.stable_id, _secrets(parts, door))
    digest = hashlib.sha256(body).hexdigest()
    with parts.inbox_engine.begin() as db:
        fresh = inbox.put(db, door.id, rows_of(notice, digest), digest, wakes=not notice.repeats)
        if notice.learned:
            vault.learn(db, parts.settings.encryption_keys, door.id, notice.learned)
        if notice.farewell:
            part(db, door.id, door.name, door.status, notice.farewell)
    LOG.info("webhook connection=%s hints=%s new=%s", door.name, len(notice.hints), fresh)
    return fresh


def _secrets(parts: Parts, door: Door) -> dict[str, object]:
    try:
        return vault.RowVault(parts.inbox_engine, parts.settings.encryption_keys, door.id).read()
    except ConsentNeeded:  # it has none at the moment; the address is still its own
        return {}


def _hooked(parts: Parts, row: ConnectionRow) -> Hooked | None:
    connector: Connector | None = parts.connectors.get(row.crm)
    return connector if isinstance(connector, Hooked) else None


def _cannot(parts: Parts, row: ConnectionRow, hooked: Hooked | None) -> str | None:
    """Return why a CRM cannot deliver here."""
    root = parts.settings.webhook_root
    if hooked is None:
        return NOT_ITS_WAY
    if root is None:
        return NO_ADDRESS
    reachable = not _is_here(root) or _is_here(row.base_url)
    return None if reachable else OUT_OF_REACH


def _is_here(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")


def _registered(parts: Parts, row: ConnectionRow, hooked: Hooked) -> Registration:
    with parts.engine.begin() as db:
        webhook = inbox.provide_webhook(db, parts.settings.encryption_keys, row.id)
    link = parts.link(row.name)
    link.http.redactor.register(webhook.token)
    try:
        return hooked.register(link, _address(parts, row.id, webhook))
    except CrmPipelineError as error:
        return Registration("refused", f"The CRM could not be asked to tell of changes: {error}")


def _address(parts: Parts, connection_id: int, webhook: Webhook) -> str:
    return f"{parts.settings.webhook_root}{PATH}/{connection_id}/{webhook.token}"


def _note(parts: Parts, row: ConnectionRow, found: Registration) -> None:
    """Keep how it stands; a change of it is news for the audit log."""
    with parts.engine.begin() as db:
        before = inbox.find_webhook(db, parts.settings.encryption_keys, row.id)
        if before is None:
            return  # nothing was ever registered
        inbox.note_webhook(db, row.id, found.state, found.detail)
        if (before.state, before.detail) != (found.state, found.detail):
            audit.note(db, f"webhook.{found.state}", row.name, {"detail": found.detail})
